import type { Clock, Timer } from '../base/clock.ts';

/** Something that should not stand still. */
export interface Watched {
  /** Monotonic milliseconds of the last sign of life. */
  readonly lastProgressMs: number;
  /** Its place among those that are watched; the watch's own. */
  watchedAt: number;
  /** It stood still for too long, and is to remove itself. */
  idle(): void;
}

/** Finds those that stand still for `idleMs`, with one timer for all of them. */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #watched: Watched[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  add(watched: Watched): void {
    watched.watchedAt = this.#watched.push(watched) - 1;
    // The timer runs on when nothing is watched: most are gone long before, and another comes soon.
    this.#timer ??= this.#clock.after(this.#idleMs, () => this.#look());
  }

  /** Once. */
  remove({ watchedAt }: Watched): void {
    const last = this.#watched.pop() as Watched;
    if (last.watchedAt === watchedAt) return;
    this.#watched[watchedAt] = last;
    last.watchedAt = watchedAt;
  }

  #look(): void {
    const now = this.#clock.monotonic();
    let nextMs = this.#idleMs;
    this.#timer = undefined;
    for (const watched of [...this.#watched]) {
      const leftMs = watched.lastProgressMs + this.#idleMs - now;
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      else watched.idle();
    }
    if (this.#watched.length > 0) this.#timer ??= this.#clock.after(nextMs, () => this.#look());
  }
}
