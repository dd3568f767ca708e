import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';

/**
 * How many environments of a version work at once, while its invokes are so short that the processors are what they wait for.
 *
 * Sixteen callers of a small function keep sixteen environments busy, each of which finds its code and data gone from the
 * processor's caches when it is its turn: that takes three times as long as the function itself. A few environments, used again
 * at once, get through the same calls sooner. So a call for which an idle environment is there may wait until one of those that
 * work is free again, as long as that happens every few microseconds. It never waits for more than that, and never where an
 * environment would have to be started: how many there are is decided as ever.
 */

/** Asked for once: the answer is read from files, and each version has a pace of its own from its first call on. */
const PROCESSORS = availableParallelism();
/** When so long none has become free, what runs is not short, or waits for something else than a processor: one call goes … */
const STALL_MS = 1;
/** … then twice as many each time; after so many times in a row nothing is held back for a while. */
const STALLS_MAX = 3;
/**
 * Beyond one for each processor: their events lie ready when another one's result leaves, and results come several at a time,
 * which the server takes together (`base/after-reading`).
 */
const AHEAD = 6;
/** How long nothing is held back when that was of no use; twice as long each time. */
const REST_MS_MIN = 5;
const REST_MS_MAX = 1000;
/** What a call that was held back rightly leaves of the next rest. */
const REST_SHARE_KEPT = 0.98;

export class Pace {
  readonly #clock: Clock;
  readonly #workingMax: number;
  readonly #later: (action: () => void) => unknown;
  readonly #held: Deferred<void>[] = [];
  /** One has become free since it was looked last. */
  #hasMoved = false;
  #isLooking = false;
  /** How often in a row nothing had moved. */
  #stalls = 0;
  #restMs = REST_MS_MIN;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, processors = PROCESSORS, later: (action: () => void) => unknown = setImmediate) {
    this.#clock = clock;
    this.#later = later;
    this.#workingMax = processors + AHEAD;
  }

  /**
   * Undefined for a call that goes on at once; otherwise resolves when it is its turn. `working` and `idle` are
   * environments.
   */
  turn(working: number, idle: number): Promise<void> | undefined {
    const heldCount = this.#held.length;
    if (working < this.#workingMax || heldCount >= idle) return undefined;
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#restsUntilMs) return undefined;
    const call = deferred<void>();
    this.#held.push(call);
    if (!this.#isLooking) {
      this.#isLooking = true;
      this.#hasMoved = false;
      this.#stalls = 0;
      this.#clock.after(STALL_MS, this.#look);
    }
    return call.promise;
  }

  /** An environment has become free, and nobody has taken it; so many work now. */
  freed(working: number): void {
    this.#hasMoved = true;
    if (working >= this.#workingMax || this.#held.length === 0) return;
    this.#held.shift()?.resolve();
    this.#restMs = Math.max(REST_MS_MIN, this.#restMs * REST_SHARE_KEPT);
  }

  /** Behind what has come meanwhile: the loop may have been late itself. */
  readonly #look = (): void => {
    this.#later(this.#judge);
  };

  readonly #judge = (): void => {
    if (this.#held.length === 0) {
      this.#isLooking = false;
      return;
    }
    if (this.#hasMoved) this.#stalls = 0;
    else this.#stall();
    this.#hasMoved = false;
    this.#clock.after(STALL_MS, this.#look);
  };

  #stall(): void {
    for (const call of this.#held.splice(0, 2 ** this.#stalls)) call.resolve();
    if (++this.#stalls < STALLS_MAX) return;
    this.#restsUntilMs = this.#clock.monotonic() + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, REST_MS_MAX);
  }
}
