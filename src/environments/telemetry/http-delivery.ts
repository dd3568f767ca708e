import type { Socket } from 'node:net';
import { connect } from './connect.ts';
import type { Delivery, Dial } from './delivery.ts';
import { type HttpAnswer, HttpAnswerReader } from './http-answer.ts';
import type { HttpTarget } from './subscription.ts';

/** How much of an answer's body is read away before the connection is given up. */
const DISCARDED_BYTES_MAX = 65_536;
const ERROR_STATUS_LEAST = 400;

/**
 * Sends events as one JSON array a request. A status below 400 means that they were taken. The connection is kept while
 * the subscriber keeps it; when it proves to be gone the request is made once more on a new one.
 */
export class HttpDelivery implements Delivery {
  readonly #target: HttpTarget;
  readonly #dial: Dial;
  /** Open, with nothing under way. */
  #kept: Socket | undefined;
  /** Answered; the rest of its answer is still being read away. */
  #leaving: Socket | undefined;
  #isClosed = false;

  constructor(target: HttpTarget, dial: Dial) {
    this.#target = target;
    this.#dial = dial;
  }

  async send(events: readonly string[], signal: AbortSignal): Promise<void> {
    const { method, path, authority, port } = this.#target;
    const body = Buffer.from(`[${events.join(',')}]`);
    const head =
      `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`;
    const kept = this.#kept;
    this.#kept = undefined;
    const answer =
      (kept && (await exchange(kept, head, body, signal))) ||
      (await exchange(this.#watch(await connect(this.#dial, port, signal)), head, body, signal));
    if (!answer) throw new Error('the connection was closed without an answer');
    if (answer.status >= ERROR_STATUS_LEAST) {
      answer.socket.destroy();
      throw new Error(`the answer was ${answer.status}`);
    }
    if (this.#isClosed) answer.socket.destroy();
    else if (answer.reusable) {
      this.#kept = answer.socket;
      answer.socket.resume();
    } else this.#letGo(answer.socket);
  }

  close(): void {
    this.#isClosed = true;
    this.#kept?.destroy();
    this.#leaving?.destroy();
  }

  /** For as long as it is kept with nothing under way: it may end, and nothing may come unasked. */
  #watch(socket: Socket): Socket {
    const over = () => {
      if (this.#kept !== socket) return;
      this.#kept = undefined;
      socket.destroy();
    };
    return socket.on('close', over).on('end', over).on('data', over);
  }

  /** A connection that is closed with an answer half read would look like a failure to the subscriber. */
  #letGo(socket: Socket): void {
    this.#leaving?.destroy();
    this.#leaving = socket;
    let leftBytes = DISCARDED_BYTES_MAX;
    socket.on('data', (chunk: Buffer) => {
      leftBytes -= chunk.length;
      if (leftBytes < 0) socket.destroy();
    });
    socket.resume();
  }
}

/** One request and the head of its answer; undefined when the connection was closed before any byte of that. */
function exchange(
  socket: Socket,
  head: string,
  body: Buffer,
  signal: AbortSignal,
): Promise<(HttpAnswer & { readonly socket: Socket }) | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<(HttpAnswer & { readonly socket: Socket }) | undefined>();
  const reader = new HttpAnswerReader();
  const fail = (error: Error) => {
    socket.destroy();
    reject(error);
  };
  const closed = () => {
    if (reader.hasBegun) fail(new Error('the answer was cut off'));
    else {
      socket.destroy();
      resolve(undefined);
    }
  };
  const data = (chunk: Buffer) => {
    try {
      const answer = reader.feed(chunk);
      if (answer) resolve({ ...answer, socket });
    } catch (error) {
      fail(error as Error);
    }
  };
  const aborted = () => fail(new Error('no answer in time'));
  socket.on('data', data).on('end', closed).on('close', closed);
  signal.addEventListener('abort', aborted);
  if (signal.aborted) aborted();
  else if (socket.destroyed) closed();
  else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }
  return promise.finally(() => {
    socket.off('data', data).off('end', closed).off('close', closed).pause();
    signal.removeEventListener('abort', aborted);
  });
}
