import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { letGo, roomOf } from '../base/let-go.ts';
import { ApiError } from '../model/api-error.ts';
import type { BodyGate } from '../protocol/body-gate.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { IdleWatch, Watched } from './idle-watch.ts';
import type { RequestLimit } from './request-limit.ts';

/** A body that sends nothing for so long is cut off. */
export const BODY_IDLE_MS = 20_000;

/** The client went away before its body was complete: nobody is left to answer. */
export class ClientGone extends Error {}

export interface BodyOptions {
  readonly limit: RequestLimit;
  readonly gate: BodyGate;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** Ends bodies that send nothing for so long. */
  readonly watch: IdleWatch;
  readonly roomWaitMs: number;
}

/** A body in memory; `release` gives its bytes back to the budget and must be called once. */
export interface HeldBody {
  readonly bytes: Buffer;
  release(): void;
}

const EMPTY = Buffer.alloc(0);
const NO_BODY: Promise<HeldBody> = Promise.resolve({ bytes: EMPTY, release: () => {} });
/** Signed chunks add a head of about 90 bytes to each 8 KiB or more: so much longer may the wire be than the payload. */
const CHUNK_OVERHEAD_FACTOR = 1.05;
const CHUNK_OVERHEAD_BYTES = 4096;

/** A small body is copied: as a part of what the socket read it would keep 64 KiB alive as long as its invoke runs. */
const SMALL_BYTES = 4096;

/** Room for a body is made ahead of what has come of it, up to so many times as much: who only announces takes nothing. */
const ROOM_FACTOR = 8;

/** The length of the body as its head announces it; undefined when it comes in chunks. */
export function announcedLength(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined;
  return Number(request.headers['content-length'] ?? 0);
}

/**
 * Reads the body of a request through its gate, within its operation's limit and the shared budget. A body whose
 * announced length is too large is refused before a byte of it is read.
 *
 * @throws ApiError the limit's refusal (413), at once or as a rejection; RequestTimeoutException (408) when the client stops sending,
 *   TooManyRequestsException (429) when there is no room, and what the gate throws; ClientGone
 */
export function readBody(request: IncomingMessage, options: BodyOptions): Promise<HeldBody> {
  const length = announcedLength(request);
  const { limit, gate } = options;
  const wireBytesMax = limit.bytesMax * CHUNK_OVERHEAD_FACTOR + CHUNK_OVERHEAD_BYTES;
  const decoded = Number(request.headers['x-amz-decoded-content-length'] ?? 0);
  if (decoded > limit.bytesMax || (length !== undefined && length > (decoded > 0 ? wireBytesMax : limit.bytesMax)))
    throw limit.refuse();
  if (length === 0) {
    gate.finish();
    return NO_BODY;
  }
  return new Promise((resolve, reject) => new Reading(request, options, resolve, reject));
}

/** One body on its way in, and what is held of it afterwards. */
class Reading implements HeldBody, Watched {
  readonly #request: IncomingMessage;
  readonly #options: BodyOptions;
  readonly #resolve: (body: HeldBody) => void;
  readonly #reject: (error: Error) => void;
  readonly #onData: (piece: Buffer) => void;
  readonly #announcedBytes: number;
  /** What has come, one behind the other, of a body that comes as it was announced. */
  #room: Buffer = EMPTY;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #held = 0;
  #settled = false;
  #waitsForRoom = false;
  /** All of it has come while it waited for room. */
  #hasEnded = false;
  lastProgressMs: number;
  watchedAt = -1;
  bytes: Buffer = EMPTY;

  constructor(
    request: IncomingMessage,
    options: BodyOptions,
    resolve: (body: HeldBody) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#announcedBytes = options.gate.isTransparent ? (announcedLength(request) ?? 0) : 0;
    this.lastProgressMs = options.clock.monotonic();
    options.watch.add(this);
    this.#onData = (piece) => this.#take(piece);
    // Comes behind every body too: an error is made only where one is to be told.
    const gone = () => {
      if (!this.#settled && !this.#hasEnded) this.#fail(new ClientGone('the client went away'));
    };
    request.on('data', this.#onData);
    request.on('end', () => this.#end());
    request.on('error', gone);
    request.on('close', gone);
  }

  release(): void {
    if (this.#held > 0) this.#options.budget.give(this.#held);
    this.#held = 0;
  }

  idle(): void {
    this.#fail(new ApiError('RequestTimeoutException', 'The request body did not arrive in time.'));
  }

  #end(): void {
    this.#hasEnded = true;
    if (this.#waitsForRoom || !this.#settle()) return;
    try {
      this.bytes = this.#join();
      this.#pieces = [];
      this.#options.gate.finish();
      this.#resolve(this);
    } catch (error) {
      this.release();
      this.#reject(error as Error);
    }
  }

  #fail(error: Error): void {
    if (!this.#settle()) return;
    this.release();
    this.#reject(error);
  }

  /** False when it is over already. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#options.watch.remove(this);
    this.#request.off('data', this.#onData);
    return true;
  }

  #join(): Buffer {
    if (this.#room.length > 0)
      return this.#room.length === this.#bytes ? this.#room : this.#room.subarray(0, this.#bytes);
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first && first.length > SMALL_BYTES) return first;
    return Buffer.concat(this.#pieces, this.#bytes);
  }

  #take(piece: Buffer): void {
    const { limit, gate, budget, clock } = this.#options;
    const bytes = piece.length;
    this.lastProgressMs = clock.monotonic();
    try {
      const parts = gate.take(piece);
      if (piece.length < this.#announcedBytes) this.#settleIn(piece);
      else
        for (const part of parts) {
          this.#bytes += part.length;
          this.#pieces.push(part);
        }
      if (this.#bytes > limit.bytesMax) throw limit.refuse();
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (budget.tryTake(bytes)) this.#held += bytes;
    else void this.#waitForRoom(bytes);
  }

  /** Copies a piece behind those before it, and gives its memory back at once: the next one comes into the same. */
  #settleIn(piece: Buffer): void {
    const start = this.#bytes;
    this.#bytes += piece.length;
    if (this.#bytes > this.#room.length) {
      const room = roomOf(Math.min(this.#announcedBytes, this.#bytes * ROOM_FACTOR));
      this.#room.copy(room, 0, 0, start);
      letGo(this.#room);
      this.#room = room;
    }
    piece.copy(this.#room, start);
    letGo(piece);
  }

  /** The piece is in memory already; the next one is not read before there is room for this one. */
  async #waitForRoom(bytes: number): Promise<void> {
    this.#waitsForRoom = true;
    this.#request.pause();
    const granted = await this.#options.budget.take(bytes, this.#options.roomWaitMs);
    this.#waitsForRoom = false;
    if (granted && this.#settled) this.#options.budget.give(bytes);
    else if (granted) {
      this.#held += bytes;
      this.lastProgressMs = this.#options.clock.monotonic();
      if (this.#hasEnded) this.#end();
      else this.#request.resume();
    } else this.#fail(noRoom());
  }
}

/** There is no memory for another body. */
export function noRoom(): ApiError {
  return new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
    body: { Reason: 'CallerRateLimitExceeded' },
    headers: { 'Retry-After': '1' },
  });
}
