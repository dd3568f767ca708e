/** One event of a log group, as FilterLogEvents answers it. */
export interface LoggedEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
}

/**
 * Environments write at the same time and in batches: an event may turn up this much later than one with a later time
 * of another stream. So far back each poll reads again, and leaves out what was shown.
 */
export const LATE_MS_MAX = 5000;
/** Events remembered as shown; beyond it the oldest are forgotten, and reading starts after them. */
const SHOWN_MAX = 50_000;

/** Finds in overlapping reads of a log what was not there before: nothing twice, nothing lost that is late. */
export class Follower {
  #startMs: number;
  readonly #shown = new Map<string, number>();

  /** `startMs`: epoch milliseconds of the earliest event wanted. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Where the next read has to start, epoch milliseconds. */
  get startMs(): number {
    return this.#startMs;
  }

  /** The events of one page that were not shown yet, in the order given; remembers them as shown. */
  fresh(page: readonly LoggedEvent[]): LoggedEvent[] {
    const fresh = page.filter(({ eventId, timestamp }) => timestamp >= this.#startMs && !this.#shown.has(eventId));
    for (const { eventId, timestamp } of fresh) this.#shown.set(eventId, timestamp);
    return fresh;
  }

  /** Call when all pages of one read were seen: moves the start of the next read on. */
  endOfRead(): void {
    let newestMs = -Infinity;
    for (const timestamp of this.#shown.values()) newestMs = Math.max(newestMs, timestamp);
    this.#startFrom(newestMs - LATE_MS_MAX);
    if (this.#shown.size <= SHOWN_MAX) return;
    const times = [...this.#shown.values()].sort((a, b) => a - b);
    this.#startFrom(times[times.length - SHOWN_MAX]! + 1);
  }

  #startFrom(timeMs: number): void {
    if (timeMs <= this.#startMs) return;
    this.#startMs = timeMs;
    for (const [eventId, timestamp] of this.#shown) if (timestamp < timeMs) this.#shown.delete(eventId);
  }
}
