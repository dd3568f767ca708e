import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../base/clock.ts';
import { ApiError } from '../model/api-error.ts';
import type { BodyGate } from '../protocol/body-gate.ts';
import type { ByteBudget } from './byte-budget.ts';
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
  readonly idleMs: number;
  readonly roomWaitMs: number;
}

/** A body in memory; `release` gives its bytes back to the budget and must be called once. */
export interface HeldBody {
  readonly bytes: Buffer;
  release(): void;
}

const EMPTY = Buffer.alloc(0);
/** Signed chunks add a head of about 90 bytes to each 8 KiB or more: so much longer may the wire be than the payload. */
const CHUNK_OVERHEAD_FACTOR = 1.05;
const CHUNK_OVERHEAD_BYTES = 4096;

/** A small body is copied: as a part of what the socket read it would keep 64 KiB alive as long as its invoke runs. */
const SMALL_BYTES = 4096;

/** The length of the body as its head announces it; undefined when it comes in chunks. */
export function announcedLength(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined;
  return Number(request.headers['content-length'] ?? 0);
}

/**
 * Reads the body of a request through its gate, within its operation's limit and the shared budget. A body whose
 * announced length is too large is refused before a byte of it is read.
 *
 * @throws ApiError the limit's refusal (413), RequestTimeoutException (408) when the client stops sending,
 *   TooManyRequestsException (429) when there is no room, and what the gate throws; ClientGone
 */
export async function readBody(request: IncomingMessage, options: BodyOptions): Promise<HeldBody> {
  const length = announcedLength(request);
  const { limit, gate } = options;
  const wireBytesMax = limit.bytesMax * CHUNK_OVERHEAD_FACTOR + CHUNK_OVERHEAD_BYTES;
  const decoded = Number(request.headers['x-amz-decoded-content-length'] ?? 0);
  if (decoded > limit.bytesMax || (length !== undefined && length > (decoded > 0 ? wireBytesMax : limit.bytesMax)))
    throw limit.refuse();
  if (length === 0) {
    gate.finish();
    return { bytes: EMPTY, release: () => {} };
  }
  const reading = new Reading(request, options);
  try {
    const bytes = await reading.done;
    gate.finish();
    return { bytes, release: () => reading.release() };
  } catch (error) {
    reading.release();
    throw error;
  }
}

/** One body on its way in. */
class Reading {
  readonly done: Promise<Buffer>;
  readonly #request: IncomingMessage;
  readonly #options: BodyOptions;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #held = 0;
  #settled = false;
  #lastProgressMs: number;
  #timer: Timer;

  constructor(request: IncomingMessage, options: BodyOptions) {
    this.#request = request;
    this.#options = options;
    this.#lastProgressMs = options.clock.monotonic();
    this.#timer = options.clock.after(options.idleMs, () => this.#watch());
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.done = promise;
    const settle = (action: () => void) => {
      if (this.#settled) return;
      this.#settled = true;
      this.#timer.cancel();
      request.off('data', onData);
      action();
    };
    const onData = (piece: Buffer) => {
      try {
        this.#take(piece, (error) => settle(() => reject(error)));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    this.#fail = (error) => settle(() => reject(error));
    request.on('data', onData);
    request.once('end', () => settle(() => resolve(this.#join())));
    request.once('error', () => settle(() => reject(new ClientGone('the client went away'))));
    request.once('close', () => settle(() => reject(new ClientGone('the client went away'))));
  }

  readonly #fail: (error: Error) => void;

  release(): void {
    if (this.#held > 0) this.#options.budget.give(this.#held);
    this.#held = 0;
  }

  #join(): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first && first.length > SMALL_BYTES) return first;
    return Buffer.concat(this.#pieces, this.#bytes);
  }

  #take(piece: Buffer, fail: (error: Error) => void): void {
    const { limit, gate, budget } = this.#options;
    this.#lastProgressMs = this.#options.clock.monotonic();
    for (const part of gate.take(piece)) {
      this.#bytes += part.length;
      this.#pieces.push(part);
    }
    if (this.#bytes > limit.bytesMax) throw limit.refuse();
    if (budget.tryTake(piece.length)) this.#held += piece.length;
    else void this.#waitForRoom(piece.length, fail);
  }

  /** The piece is in memory already; the next one is not read before there is room for this one. */
  async #waitForRoom(bytes: number, fail: (error: Error) => void): Promise<void> {
    this.#request.pause();
    const granted = await this.#options.budget.take(bytes, this.#options.roomWaitMs);
    if (granted && this.#settled) this.#options.budget.give(bytes);
    else if (granted) {
      this.#held += bytes;
      this.#lastProgressMs = this.#options.clock.monotonic();
      this.#request.resume();
    } else fail(noRoom());
  }

  #watch(): void {
    const idleForMs = this.#options.clock.monotonic() - this.#lastProgressMs;
    if (idleForMs >= this.#options.idleMs)
      this.#fail(new ApiError('RequestTimeoutException', 'The request body did not arrive in time.'));
    else this.#timer = this.#options.clock.after(this.#options.idleMs - idleForMs, () => this.#watch());
  }
}

function noRoom(): ApiError {
  return new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
    body: { Reason: 'CallerRateLimitExceeded' },
    headers: { 'Retry-After': '1' },
  });
}
