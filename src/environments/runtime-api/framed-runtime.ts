import { READ_BYTES } from '../../base/after-reading.ts';
import { borrow } from '../../base/let-go.ts';
import { writeNow } from '../../base/write-now.ts';
import { accepted } from './answers.ts';
import type { Connection } from './connection.ts';
import { CAUSE_HEADER } from './error-body.ts';
import {
  answerFrame,
  eventFrame,
  FrameParser,
  type FramesListener,
  LAST_ERROR,
  RESPONSE,
  type ResultHead,
} from './frames.ts';
import type { Invocation } from './invocation.ts';
import { readNow } from './read-now.ts';
import { type Fields, NO_FIELDS } from './request-parser.ts';
import { type Asker, ERROR_TYPE_HEADER, RESPONSE_BYTES_MAX, type RuntimeApi } from './runtime-api.ts';

/** A connection on which a runtime speaks frames: it asks for an event again with each result. */
export class FramedRuntime implements Asker, FramesListener {
  readonly connection: Connection;
  readonly #runtime: RuntimeApi;
  readonly #parser: FrameParser;

  constructor(connection: Connection, runtime: RuntimeApi) {
    this.connection = connection;
    this.#runtime = runtime;
    this.#parser = new FrameParser(RESPONSE_BYTES_MAX, this);
  }

  /** Throws MalformedRequest. */
  feed(chunk: Buffer): void {
    const isFull = chunk.length >= READ_BYTES;
    this.#parser.feed(chunk);
    if (isFull) this.#readOn();
  }

  /**
   * The stream filled its buffer, so there is more: what belongs to a body that is kept is read to its place, without
   * buffers between, as long as it comes at once.
   */
  #readOn(): void {
    const { socket } = this.connection;
    for (let target = this.#parser.target; target !== undefined; target = this.#parser.target) {
      const bytes = readNow(socket, target);
      if (bytes > 0) this.#parser.filled(bytes);
      if (bytes < target.length) return;
    }
  }

  get isWithin(): boolean {
    return this.#parser.isWithin;
  }

  event(invocation: Invocation): void {
    const { socket } = this.connection;
    if (socket.destroyed) return;
    this.connection.flush();
    const [frame, payload] = eventFrame(invocation) as [Uint8Array, Uint8Array?];
    if (payload === undefined) {
      writeNow(socket, frame);
      return;
    }
    socket.cork();
    socket.write(frame);
    socket.write(payload, borrow(payload));
    socket.uncork();
  }

  begun({ kind, requestId }: ResultHead): void {
    this.#runtime.resultBegun(this.connection, requestId, kind === RESPONSE ? 'response' : 'error');
  }

  result({ kind, requestId, errorType, cause }: ResultHead, body: Buffer, tooLarge: boolean): void {
    const { connection } = this;
    const headers = errorType === undefined ? NO_FIELDS : errorHeaders(errorType, cause);
    const answer = this.#runtime.result(connection, requestId, kind === RESPONSE ? 'response' : 'error', {
      headers,
      body,
      tooLarge,
      trailers: NO_FIELDS,
    });
    if (answer !== accepted || kind === LAST_ERROR) connection.answer(answerFrame(answer, false));
    if (kind !== LAST_ERROR) this.ask();
  }

  /** Asks for the next event. */
  ask(): void {
    const refused = this.#runtime.ask(this);
    if (refused) this.connection.answer(answerFrame(refused, true));
  }
}

function errorHeaders(errorType: string, cause: string | undefined): Fields {
  const headers = new Map([[ERROR_TYPE_HEADER, errorType]]);
  if (cause !== undefined) headers.set(CAUSE_HEADER, cause);
  return headers;
}
