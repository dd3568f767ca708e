import type { Bells } from './bell.ts';

/** How soon one that waits tries on its own; twice as long after each throttle. */
const TRY_FIRST_MS = 200;
const TRY_MS_MAX = 10_000;

/**
 * How many batches of a run are at work at a time, where its function has fewer slots than there are lanes. A throttle tells
 * how many slots there are; whoever finds none stands in line, and a lane goes behind the others with each batch, so none
 * that always has its next one keeps them from theirs. Slots are not the run's own, and come back unseen: whoever has stood
 * there for a while tries all the same.
 */
export class Slots {
  readonly #bells: Bells;
  readonly #line: Place[] = [];
  #busy = 0;
  #limit = Number.POSITIVE_INFINITY;
  #tickets = 0;

  constructor(bells: Bells) {
    this.#bells = bells;
  }

  /**
   * Resolves with the batch's place in line when it may be invoked; `end` says how that went. Undefined when the run is to
   * end first. A batch that was throttled so often has its place again by its `ticket`.
   */
  async take(throttles: number, ticket = ++this.#tickets): Promise<number | undefined> {
    if (this.#line.length > 0 || this.#busy >= this.#limit) {
      const place: Place = { ticket, hasSlot: false, wake: () => {} };
      const before = this.#line.filter((other) => other.ticket < ticket).length;
      const tryMs = TRY_FIRST_MS * 2 ** Math.max(0, throttles - 1);
      await this.#bells.until(
        (wake) => {
          place.wake = wake;
          this.#line.splice(before, 0, place);
        },
        Math.min(tryMs, TRY_MS_MAX),
      );
      if (place.hasSlot) return ticket;
      if (this.#bells.isEnding) return undefined;
      this.#line.splice(this.#line.indexOf(place), 1);
    }
    this.#busy++;
    this.#limit = Math.max(this.#limit, this.#busy);
    return ticket;
  }

  end(isThrottled: boolean): void {
    this.#busy--;
    if (isThrottled) this.#limit = Math.min(this.#limit, this.#busy);
    while (this.#busy < this.#limit) {
      const place = this.#line.shift();
      if (place === undefined) return;
      this.#busy++;
      place.hasSlot = true;
      place.wake();
    }
  }
}

interface Place {
  readonly ticket: number;
  hasSlot: boolean;
  wake: () => void;
}
