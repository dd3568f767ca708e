import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';

/**
 * Waiting for what usually comes within microseconds: the event loop turns meanwhile instead of falling asleep. To wake an
 * idle processor takes longer than a small function runs, and a caller that calls one by one waits for it twice an invoke.
 *
 * Only while nothing else is expected, only where the last waits were that short, and never longer than such a wait: a
 * slow function, or a caller that takes its time, finds the server asleep. With one processor the one that is waited for
 * needs it.
 */

/** Longer waits are slept through. */
const SHORT_MS = 0.2;
/** What a new wait counts, against all before it. */
const NEW_SHARE = 0.25;
/** A wait that long says no more than a longer one. */
const COUNTED_MS_MAX = 10 * SHORT_MS;
/** A turn takes a few microseconds: whatever the clock says, this is the end. */
const TURNS_MAX = 1000;
const PROCESSORS_MIN = 2;

export class ShortWait {
  readonly #clock: Clock;
  readonly #isOfUse: boolean;
  readonly #later: (turn: () => void) => unknown;
  /** Of the last ones, the latest most. */
  #usualMs = COUNTED_MS_MAX;
  #begunMs: number | undefined;
  #turns = 0;
  #isTurning = false;

  constructor(clock: Clock, processors = availableParallelism(), later: (turn: () => void) => unknown = setImmediate) {
    this.#clock = clock;
    this.#later = later;
    this.#isOfUse = processors >= PROCESSORS_MIN;
  }

  /** It is waited for from now on. */
  begin(): void {
    if (!this.#isOfUse) return;
    this.#begunMs = this.#clock.monotonic();
    this.#turns = 0;
    if (this.#usualMs > SHORT_MS || this.#isTurning) return;
    this.#isTurning = true;
    this.#later(this.#turn);
  }

  /** It has come, or something else has. */
  end(): void {
    if (this.#begunMs === undefined) return;
    const tookMs = Math.min(this.#clock.monotonic() - this.#begunMs, COUNTED_MS_MAX);
    this.#usualMs += (tookMs - this.#usualMs) * NEW_SHARE;
    this.#begunMs = undefined;
  }

  readonly #turn = (): void => {
    this.#turns++;
    const isOver = this.#begunMs === undefined || this.#clock.monotonic() - this.#begunMs > SHORT_MS;
    if (isOver || this.#turns > TURNS_MAX) this.#isTurning = false;
    else this.#later(this.#turn);
  };
}
