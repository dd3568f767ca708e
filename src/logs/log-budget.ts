/** How fast one execution environment may log, and how much at once. */
export const BURST_BYTES = 8 * 1024 * 1024;
export const REFILL_BYTES_PER_S = 4 * 1024 * 1024;
/** What an event costs beside its text, in memory and on disk; bounds floods of empty lines. */
const EVENT_OVERHEAD_BYTES = 128;

/** A token bucket over bytes that also counts what it turned away. */
export class LogBudget {
  #level = BURST_BYTES;
  #filledAt: number;
  #droppedRecords = 0;
  #droppedBytes = 0;

  constructor(monotonicMs: number) {
    this.#filledAt = monotonicMs;
  }

  /** True when an event of so many bytes may pass; otherwise it is counted as dropped. */
  take(bytes: number, monotonicMs: number): boolean {
    const gained = ((monotonicMs - this.#filledAt) * REFILL_BYTES_PER_S) / 1000;
    this.#level = Math.min(BURST_BYTES, this.#level + gained);
    this.#filledAt = monotonicMs;
    const cost = bytes + EVENT_OVERHEAD_BYTES;
    if (this.#level < cost) {
      this.drop(bytes, 1);
      return false;
    }
    this.#level -= cost;
    return true;
  }

  drop(bytes: number, records: number): void {
    this.#droppedRecords += records;
    this.#droppedBytes += bytes;
  }

  /** What was dropped since the last call; undefined when nothing was. */
  takeDropped(): { readonly droppedBytes: number; readonly droppedRecords: number } | undefined {
    if (this.#droppedRecords + this.#droppedBytes === 0) return undefined;
    const dropped = { droppedBytes: this.#droppedBytes, droppedRecords: this.#droppedRecords };
    this.#droppedRecords = 0;
    this.#droppedBytes = 0;
    return dropped;
  }
}
