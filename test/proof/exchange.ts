/** One connection of a hostile client. Imports nothing of the project, because it also runs inside a function. */
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

export interface Exchanged {
  /** Everything that came back, a character for each byte. */
  readonly text: string;
  /** False when the other side had not closed in time. */
  readonly closed: boolean;
}

/** Who has not been answered yet is waited for so long before the client ends its side, and after each answer so long. */
const SILENCE_MS = 400;
const QUIET_MS = 15;
/** An answer larger than this is not kept. */
const TEXT_CHARACTERS_MAX = 1_000_000;

/** Sends pieces, ends its own side once nothing more comes, and reads until the other side has closed, at most so long. */
export function exchange(port: number, pieces: readonly Buffer[], waitMs: number): Promise<Exchanged> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    let closed = true;
    let quiet: NodeJS.Timeout | undefined;
    const endAfter = (delayMs: number) => {
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.end(), delayMs);
    };
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      if (text.length < TEXT_CHARACTERS_MAX) text += piece;
      endAfter(QUIET_MS);
    });
    // A reset is an answer too.
    socket.on('error', () => socket.destroy());
    const late = setTimeout(() => {
      closed = false;
      socket.destroy();
    }, waitMs);
    socket.on('close', () => {
      clearTimeout(quiet);
      clearTimeout(late);
      resolve({ text, closed });
    });
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        if (pieces.length > 1) await turn();
      }
      if (quiet === undefined) endAfter(SILENCE_MS);
    });
  });
}

/** The statuses in what came back, in order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
