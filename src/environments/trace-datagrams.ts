import type { Socket } from 'node:dgram';
import type { Clock } from '../base/clock.ts';

/** What the X-Ray SDKs of one environment may send in a second; what is more is dropped. */
const DATAGRAMS_PER_SECOND_MAX = 2000;
const SECOND_MS = 1000;

/** AWS's own port of the daemon beside a function. */
export const DATAGRAM_PORT = 2000;

/** The function that sent it. */
export interface DatagramOwner {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
}

/** Takes one datagram that a function sent to its X-Ray daemon. Never throws; `dropped` for one that is too many. */
export interface DatagramTaker {
  take(datagram: Buffer, owner: DatagramOwner): void;
  dropped(): void;
}

/** Holds one environment to its share. */
export function shareOf(
  taker: DatagramTaker,
  owner: DatagramOwner,
  clock: Pick<Clock, 'monotonic'>,
): (datagram: Buffer) => void {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (datagram) => {
    const nowMs = clock.monotonic();
    if (nowMs - sinceMs >= SECOND_MS) {
      sinceMs = nowMs;
      count = 0;
    }
    if (++count <= DATAGRAMS_PER_SECOND_MAX) taker.take(datagram, owner);
    else taker.dropped();
  };
}

/** Reads a socket that is bound, for as long as it is open; it keeps nobody from exiting. */
export function readDatagrams(socket: Socket, take: (datagram: Buffer) => void): void {
  socket.on('message', (datagram) => take(datagram));
  socket.on('error', () => undefined);
  socket.unref();
}
