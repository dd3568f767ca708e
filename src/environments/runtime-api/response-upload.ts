import { OCTETS, type ResponseSink } from '../response-sink.ts';
import type { Connection } from './connection.ts';

/** 200 MB: what a streamed response may hold (lambda-facts 7.2). */
export const STREAM_BYTES_MAX = 209_715_200;

/**
 * One streamed response on its way from the runtime's connection to a sink. A sink without room stops the reading, and so
 * in the end the function's own writes.
 */
export class ResponseUpload {
  readonly #connection: Connection;
  readonly #sink: ResponseSink;
  readonly bytesMax = STREAM_BYTES_MAX;
  #isCut = false;
  bytes = 0;
  isTooLarge = false;

  constructor(connection: Connection, sink: ResponseSink, contentType: string | undefined) {
    this.#connection = connection;
    this.#sink = sink;
    sink.begin(contentType ?? OCTETS);
  }

  /** False when this piece went over the limit: what fits has been handed on. Later ones are read away. */
  take(piece: Buffer): boolean {
    if (this.#isCut) return true;
    const roomBytes = this.bytesMax - this.bytes;
    const fitting = piece.length <= roomBytes ? piece : piece.subarray(0, roomBytes);
    this.bytes += fitting.length;
    if (fitting.length > 0 && !this.#sink.write(fitting, () => this.#connection.release())) this.#connection.hold();
    if (fitting.length === piece.length) return true;
    this.isTooLarge = true;
    this.cut();
    return false;
  }

  /** Nothing reaches the sink any more. */
  cut(): void {
    this.#isCut = true;
  }
}
