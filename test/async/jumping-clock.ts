import type { Clock, Timer } from '../../src/base/clock.ts';

interface Waiting {
  readonly at: number;
  readonly action: () => void;
}

/** A clock that stands still until it is told to jump to its next timer. */
export class JumpingClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #waiting = new Set<Waiting>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, delayMs), action };
    this.#waiting.add(entry);
    return { cancel: () => this.#waiting.delete(entry) };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Fires the timer that is first; false when there is none. */
  jump(): boolean {
    let first: Waiting | undefined;
    for (const entry of this.#waiting) if (first === undefined || entry.at < first.at) first = entry;
    if (first === undefined) return false;
    this.#waiting.delete(first);
    this.#now = Math.max(this.#now, first.at);
    first.action();
    return true;
  }
}
