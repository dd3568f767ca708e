import { connect } from 'node:net';
import type { Target } from './probe-function.ts';

const SILENCE_MS_MAX = 1500;

/** The hosts of those targets that take a connection from this process, in their order. */
export async function reachFromHere(targets: readonly Target[]): Promise<string[]> {
  const reached = await Promise.all(
    targets.map(
      ({ host, port }) =>
        new Promise<boolean>((resolve) => {
          const socket = connect({ host, port });
          const end = (isReached: boolean) => {
            socket.destroy();
            resolve(isReached);
          };
          socket.setTimeout(SILENCE_MS_MAX, () => end(false));
          socket.once('error', () => end(false));
          socket.once('connect', () => end(true));
        }),
    ),
  );
  return targets.filter((_, at) => reached[at]).map(({ host }) => host);
}
