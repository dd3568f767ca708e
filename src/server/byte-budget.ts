import type { Clock } from '../base/clock.ts';

/**
 * Bytes of request bodies that all connections together may hold in memory. A code package takes about four times its
 * body while it is parsed (text, JSON, bytes), so this is about a gigabyte at the very worst.
 */
export const BODY_BYTES_TOTAL_MAX = 256 * 1024 * 1024;
/** How long a body waits for room before its request is refused. */
export const ROOM_WAIT_MS = 10_000;
/** Bodies that wait at once; more are refused without waiting. */
const WAITERS_MAX = 1000;

interface Waiter {
  readonly bytes: number;
  readonly settle: (granted: boolean) => void;
}

/** A bound on memory that many requests share. First come, first served. */
export class ByteBudget {
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #waiters: Waiter[] = [];
  #held = 0;

  constructor(bytesMax: number, clock: Clock) {
    this.#bytesMax = bytesMax;
    this.#clock = clock;
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#held;
  }

  /** Takes `bytes` if there is room and nobody waits for it. */
  tryTake(bytes: number): boolean {
    if (this.#waiters.length > 0 || this.#held + bytes > this.#bytesMax) return false;
    this.#held += bytes;
    return true;
  }

  /** Takes `bytes` as soon as there is room; false when there was none within `waitMs`. */
  take(bytes: number, waitMs: number): Promise<boolean> {
    if (this.tryTake(bytes)) return Promise.resolve(true);
    if (this.#waiters.length >= WAITERS_MAX || bytes > this.#bytesMax) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.#clock.after(waitMs, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        resolve(false);
        this.#serve();
      });
      const waiter: Waiter = {
        bytes,
        settle(granted) {
          timer.cancel();
          resolve(granted);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  give(bytes: number): void {
    this.#held -= bytes;
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiters[0]; next && this.#held + next.bytes <= this.#bytesMax; next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#held += next.bytes;
      next.settle(true);
    }
  }
}
