import type { Clock } from '../../base/clock.ts';
import { pause } from '../pause.ts';

/** How long a mapping's lanes keep still after a batch that found no slot: doubled with each in a row. */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;

/** One for all lanes of a mapping: what one of them was refused the others will be as well. */
export class SetbackPause {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #setbacks = 0;
  #endsMs = 0;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Refusals during a pause, of batches that were under way before it, make it no longer. */
  longer(): void {
    const now = this.#clock.monotonic();
    if (now < this.#endsMs) return;
    this.#endsMs = now + Math.min(PAUSE_MS_MIN * 2 ** this.#setbacks, PAUSE_MS_MAX);
    this.#setbacks++;
  }

  end(): void {
    this.#setbacks = 0;
    this.#endsMs = 0;
  }

  /** When the pause ends, in monotonic milliseconds. */
  get endsMs(): number {
    return this.#endsMs;
  }

  /** Resolves when there is no pause, or the signal was aborted. */
  async over(): Promise<void> {
    for (;;) {
      const ms = this.#endsMs - this.#clock.monotonic();
      if (ms <= 0 || this.#signal.aborted) return;
      await pause(this.#clock, ms, this.#signal);
    }
  }
}
