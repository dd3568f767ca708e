/** Lets so many through in each window of time, counted from the first of them. */
export class RateLimit {
  readonly #windowMs: number;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** False when `max` came in this window already. `nowMs` never goes back. */
  take(max: number, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= this.#windowMs) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    if (this.#count >= max) return false;
    this.#count++;
    return true;
  }
}
