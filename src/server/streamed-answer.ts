import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { letGo } from '../base/let-go.ts';
import type { StreamedBody } from '../protocol/streamed-body.ts';
import { STALLED_MS_MAX } from './answer.ts';

/** Up to here pieces are copied into one. */
const JOINED_BYTES_MAX = 524_288;

export interface StreamedAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly stream: StreamedBody;
}

export interface StreamedAnswerOptions {
  /** The connection ends with this answer. */
  readonly close: boolean;
  readonly clock: Clock;
  readonly stalledMsMax?: number;
}

/**
 * Writes an answer while its body comes, no faster than the client reads; resolves when all is written or nobody is
 * left to read. A body that breaks off breaks the connection, so that nobody takes the part for the whole.
 */
export async function sendStream(
  response: ServerResponse,
  requestId: string,
  { status, headers, stream }: StreamedAnswer,
  { close, clock, stalledMsMax = STALLED_MS_MAX }: StreamedAnswerOptions,
): Promise<void> {
  if (response.headersSent || response.destroyed) {
    stream.cancel();
    return;
  }
  response.once('close', () => stream.cancel());
  response.writeHead(status, ['x-amzn-RequestId', requestId, ...headers, ...(close ? ['Connection', 'close'] : [])]);
  try {
    for (let pieces = await stream.next(); pieces; pieces = await stream.next()) {
      if (response.destroyed) return;
      if (!writeAll(response, pieces) && !(await drained(response, clock, stalledMsMax))) return;
    }
    response.end();
  } catch {
    response.destroy();
  }
}

/** False when they wait in memory. */
function writeAll(response: ServerResponse, pieces: readonly Uint8Array[]): boolean {
  let bytes = 0;
  for (const { byteLength } of pieces) bytes += byteLength;
  // Each write becomes a chunk of the body: of many small pieces one is made.
  if (pieces.length > 1 && bytes <= JOINED_BYTES_MAX) {
    const joined = Buffer.concat(pieces, bytes);
    return response.write(joined, (error) => {
      if (!error) letGo(joined);
    });
  }
  response.cork();
  let isTaken = true;
  for (const piece of pieces) isTaken = response.write(piece);
  response.uncork();
  // What uncork() could send at once has said `drain` already, and does not say it again.
  return isTaken || !response.writableNeedDrain;
}

/** False when the client went away or stalled: then it is cut off. */
function drained(response: ServerResponse, clock: Clock, stalledMsMax: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean) => {
      timer.cancel();
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = clock.after(stalledMsMax, () => response.destroy());
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}
