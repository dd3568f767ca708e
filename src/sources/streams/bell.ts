import type { Clock } from '../../base/clock.ts';

/** What waiting parts of one run listen to: each rings its own bell, and all ring when the run is to end. */
export class Bells {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const wake of [...this.#waiting]) wake();
    });
  }

  get isEnding(): boolean {
    return this.#signal.aborted;
  }

  /** Resolves after so long, or when the run is to end. */
  pause(ms: number): Promise<void> {
    return new Bell(this).wait(ms);
  }

  /** Resolves when `listen` was called back, the time is over, or the run is to end. */
  until(listen: (wake: () => void) => void, ms?: number): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        timer?.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = ms === undefined ? undefined : this.#clock.after(ms, wake);
      this.#waiting.add(wake);
      listen(wake);
    });
  }
}

/** One waits, another rings. */
export class Bell {
  readonly #bells: Bells;
  readonly #waiting = new Set<() => void>();

  constructor(bells: Bells) {
    this.#bells = bells;
  }

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next ring, at the latest after `ms`, or when the run is to end. */
  async wait(ms?: number): Promise<void> {
    let own = () => {};
    await this.#bells.until((wake) => {
      own = wake;
      this.#waiting.add(wake);
    }, ms);
    this.#waiting.delete(own);
  }
}
