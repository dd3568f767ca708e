/** A running timer; `cancel` is safe to call any number of times, also after it fired. */
export interface Timer {
  cancel(): void;
}

/** Time, handed in everywhere so that tests run on a clock of their own. */
export interface Clock {
  /** Wall time, epoch milliseconds. */
  now(): number;
  /** Time for durations: milliseconds with fractions from an arbitrary origin, never going back. */
  monotonic(): number;
  /** Calls `action` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

/** setTimeout counts in 32 bits: a longer delay would fire at once. */
const TIMEOUT_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(0, delayMs), TIMEOUT_MS_MAX));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that moves only when told to. Timers fire in the order of their time. */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, action };
    this.#waiting.add(entry);
    return { cancel: () => this.#waiting.delete(entry) };
  }

  /** Moves on by `ms`, firing what falls due on the way at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#nextUntil(end); next; next = this.#nextUntil(end)) {
      this.#waiting.delete(next);
      this.#now = next.at;
      next.action();
    }
    this.#now = end;
  }

  #nextUntil(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const entry of this.#waiting) {
      if (entry.at > end) continue;
      if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
    }
    return first;
  }
}
