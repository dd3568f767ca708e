import { type Deferred, deferred } from '../base/deferred.ts';
import type { ResponseSink } from '../environments/response-sink.ts';
import type { StreamedBody } from '../protocol/streamed-body.ts';

/** Bytes that may wait for their reader. */
const WAITING_BYTES_MAX = 262_144;
/** What a piece costs beyond its bytes: pieces of one byte must not fill the memory by their number. */
const PIECE_COST_BYTES = 128;

/**
 * A response between the function that writes it and the client that reads it: a short queue. When it is full the
 * function's connection is not read; when its reader has gone everything is thrown away, and the function goes on.
 */
export class ResponseStream implements ResponseSink, StreamedBody {
  readonly #begun = deferred<string>();
  #waiting: Uint8Array[] = [];
  #costBytes = 0;
  #isEnded = false;
  #isCancelled = false;
  #reader: Deferred<readonly Uint8Array[] | undefined> | undefined;
  #onRoom: (() => void) | undefined;

  /** Resolves with the content type when the function begins to stream; it may never do so. */
  get begun(): Promise<string> {
    return this.#begun.promise;
  }

  begin(contentType: string): void {
    this.#begun.resolve(contentType);
  }

  write(piece: Uint8Array, onRoom: () => void): boolean {
    if (this.#isCancelled) return true;
    this.#waiting.push(piece);
    this.#costBytes += piece.byteLength + PIECE_COST_BYTES;
    this.#serve();
    if (this.#costBytes < WAITING_BYTES_MAX) return true;
    this.#onRoom = onRoom;
    return false;
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.#serve();
  }

  next(): Promise<readonly Uint8Array[] | undefined> {
    this.#reader = deferred();
    const { promise } = this.#reader;
    this.#serve();
    return promise;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#take();
    this.#isEnded = true;
    this.#serve();
  }

  /** Hands what waits to who waits for it. */
  #serve(): void {
    const reader = this.#reader;
    if (!reader || (this.#waiting.length === 0 && !this.#isEnded)) return;
    this.#reader = undefined;
    reader.resolve(this.#waiting.length === 0 ? undefined : this.#take());
  }

  #take(): readonly Uint8Array[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#costBytes = 0;
    const onRoom = this.#onRoom;
    this.#onRoom = undefined;
    onRoom?.();
    return taken;
  }
}
