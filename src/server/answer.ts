import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { borrow } from '../base/let-go.ts';
import type { WireAnswer } from '../protocol/serialise.ts';
import { announcedLength } from './request-body.ts';
import {
  PRESSED_STALLED_MS,
  UNREAD_BYTES_MAX,
  UNREAD_BYTES_PRESSED,
  type UnreadAnswer,
  UnreadAnswers,
} from './unread-answers.ts';

/** After an answer that came before the end of the request's body, so much of the rest is read and thrown away … */
export const LINGER_BYTES_MAX = 16 * 1024 * 1024;
/** … for so long, so that a client which is still sending sees the answer and not a reset connection. */
export const LINGER_MS = 2000;

/** A client that takes nothing of what waits for it for so long is cut off. */
export const STALLED_MS_MAX = 60_000;

/** Longer bodies are written as they are: copying them would cost more than the second piece. */
export const JOINED_BODY_BYTES_MAX = 16 * 1024;

/** Of all listeners: the memory is one. */
const unread = new UnreadAnswers({
  pressedBytes: UNREAD_BYTES_PRESSED,
  bytesMax: UNREAD_BYTES_MAX,
  pressedStalledMs: PRESSED_STALLED_MS,
});

/** Counts an answer that waits in memory; see UnreadAnswers. */
export function holdUnread(answer: UnreadAnswer, bytes: number, stalledMs: number): void {
  unread.hold(answer, bytes, stalledMs);
}

/** Writes an answer: head and body go out in one write. The last answer of a closing server ends its connection. */
export function sendAnswer(
  response: ServerResponse,
  requestId: string,
  answer: WireAnswer,
  close: boolean,
  stalledMsMax = STALLED_MS_MAX,
): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, body } = answer;
  const all = ['x-amzn-RequestId', requestId, ...headers];
  if (status !== 204) all.push('Content-Length', String(body.byteLength));
  if (close) all.push('Connection', 'close');
  response.writeHead(status, all);
  // A string is joined with the head into one piece; bytes would be a second piece and a costlier write. Latin-1 gives
  // every byte back as it was.
  if (body.byteLength === 0) response.end();
  else if (body.byteLength <= JOINED_BODY_BYTES_MAX)
    response.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'latin1');
  else {
    unread.hold(response, body.byteLength, stalledMsMax);
    response.end(body, borrow(body));
  }
}

/** True when bytes of the request's body are still on their way. */
export function isUnread(request: IncomingMessage): boolean {
  return !request.complete && announcedLength(request) !== 0;
}

/**
 * Writes an answer to a request whose body was not read to its end, reads on for a while, and closes the connection.
 * A client that asked before sending (`Expect: 100-continue`) and was not told to go on will send nothing.
 */
export function sendAndLinger(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  answer: WireAnswer,
  clock: Clock,
): void {
  if (response.headersSent || response.destroyed) return;
  const head = ['x-amzn-RequestId', requestId, ...answer.headers, 'Connection', 'close'];
  response.writeHead(answer.status, [...head, 'Content-Length', String(answer.body.byteLength)]);
  response.write(answer.body);
  let left = LINGER_BYTES_MAX;
  const finish = () => {
    timer.cancel();
    request.off('data', discard);
    response.end();
  };
  const discard = (piece: Buffer) => {
    left -= piece.length;
    if (left <= 0) finish();
  };
  const timer = clock.after(LINGER_MS, finish);
  request.on('data', discard);
  request.once('end', finish);
  request.once('close', finish);
  request.resume();
}
