import type { Clock } from '../../base/clock.ts';
import type { Bells } from './bell.ts';

const PROBE_FIRST_MS = 200;
const PROBE_MS_MAX = 10_000;

/**
 * How many batches of a run are at work at a time, where its function has fewer slots than there are lanes. A throttle tells
 * how many slots there are; whoever finds none stands in line, and a lane goes behind the others with each batch, so none
 * that always has its next one keeps them from theirs. Slots are not the run's own: while lanes wait, one more invoke is
 * tried from time to time, less and less often as long as it is throttled.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #bells: Bells;
  readonly #line: Place[] = [];
  #busy = 0;
  #limit = Number.POSITIVE_INFINITY;
  #probeMs = PROBE_FIRST_MS;
  #probedMs = 0;
  /** The limit before a probe that was not throttled until now. */
  #limitBefore: number | undefined;
  #step = 1;
  #isProbing = false;

  constructor(clock: Clock, bells: Bells) {
    this.#clock = clock;
    this.#bells = bells;
  }

  /**
   * Resolves when a batch may be invoked; `end` says how that went. False when the run is to end first. `isNext`: it was
   * throttled, and keeps its place.
   */
  async take(isNext: boolean): Promise<boolean> {
    if (this.#line.length === 0 && this.#busy < this.#limit) {
      this.#busy++;
      return true;
    }
    const place: Place = { hasSlot: false, wake: () => {} };
    await this.#bells.until((wake) => {
      place.wake = wake;
      if (isNext) this.#line.unshift(place);
      else this.#line.push(place);
      if (!this.#isProbing) void this.#probe();
    });
    return place.hasSlot;
  }

  end(isThrottled: boolean): void {
    this.#busy--;
    if (isThrottled) this.#lower();
    this.#fill();
  }

  /** There are as many slots as others hold now; after a probe, no more than before it. */
  #lower(): void {
    const isNews = this.#limitBefore === undefined;
    this.#limit = this.#limitBefore ?? Math.min(this.#limit, this.#busy);
    this.#probeMs = isNews ? PROBE_FIRST_MS : Math.min(this.#probeMs * 2, PROBE_MS_MAX);
    this.#probedMs = this.#clock.monotonic();
    this.#limitBefore = undefined;
    this.#step = 1;
  }

  #fill(): void {
    while (this.#busy < this.#limit) {
      const place = this.#line.shift();
      if (place === undefined) return;
      this.#busy++;
      place.hasSlot = true;
      place.wake();
    }
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    while (this.#line.length > 0 && !this.#bells.isEnding) {
      const now = this.#clock.monotonic();
      const leftMs = this.#probedMs + this.#probeMs - now;
      if (leftMs > 0) await this.#bells.pause(leftMs);
      else this.#raise(now);
    }
    this.#isProbing = false;
  }

  #raise(now: number): void {
    if (this.#limitBefore !== undefined) {
      this.#probeMs = PROBE_FIRST_MS;
      this.#step *= 2;
    }
    this.#probedMs = now;
    this.#limitBefore = this.#limit;
    this.#limit = Math.max(this.#limit, this.#busy) + this.#step;
    this.#fill();
  }
}

interface Place {
  hasSlot: boolean;
  wake: () => void;
}
