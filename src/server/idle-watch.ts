import type { Clock, Timer } from '../base/clock.ts';

/** Something that should not stand still. */
export interface Watched {
  /** Monotonic milliseconds of the last sign of life. */
  readonly lastProgressMs: number;
  /** It stood still for too long. It is not watched any more. */
  idle(): void;
}

/** Finds those that stand still for `idleMs`, with one timer for all of them. */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    // The timer runs on when nothing is watched: most are gone long before, and another comes soon.
    this.#timer ??= this.#clock.after(this.#idleMs, () => this.#look());
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched);
  }

  #look(): void {
    const now = this.#clock.monotonic();
    let nextMs = this.#idleMs;
    this.#timer = undefined;
    for (const watched of this.#watched) {
      const leftMs = watched.lastProgressMs + this.#idleMs - now;
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      else {
        this.#watched.delete(watched);
        watched.idle();
      }
    }
    if (this.#watched.size > 0) this.#timer ??= this.#clock.after(nextMs, () => this.#look());
  }
}
