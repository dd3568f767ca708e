import type { MappingRun } from '../mapping-run.ts';
import type { PartitionReader, SourceRecord } from '../source-port.ts';
import { COMMA_BYTES, ENVELOPE_BYTES, EVENT_BYTES_MAX } from './batch-event.ts';
import type { Deletions } from './deletions.ts';

/** What a queue hands out at a time. */
const READ_RECORDS_MAX = 10;
/** How long a queue holds back an empty answer. */
const POLL_MS = 20_000;
/** Queues count in seconds: a shorter wait would be none. */
const POLL_MS_MIN = 1_000;
const BATCH_SIZE_DEFAULT = 10;

/** Gathers the batches of one lane. */
export class BatchGathering {
  readonly #run: MappingRun;
  readonly #reader: PartitionReader;
  readonly #signal: AbortSignal;
  readonly #deletions: Deletions;
  readonly #recordsMax: number;
  readonly #windowMs: number;
  /** Read and not given out yet: at most one answer of the queue beside a batch. */
  #rest: SourceRecord[] = [];
  #wasFull = false;
  #hasSeen = false;

  constructor(run: MappingRun, reader: PartitionReader, signal: AbortSignal, deletions: Deletions) {
    this.#run = run;
    this.#reader = reader;
    this.#signal = signal;
    this.#deletions = deletions;
    const { BatchSize = BATCH_SIZE_DEFAULT, MaximumBatchingWindowInSeconds: windowS = 0 } = run.mapping.settings;
    this.#recordsMax = BatchSize;
    this.#windowMs = windowS * 1000;
  }

  /** The last batch was complete, or the queue gave as much as it was asked for. */
  get wasFull(): boolean {
    return this.#wasFull;
  }

  /** The queue gave something for the last batch, and were it nothing that the filters let through. */
  get hasSeen(): boolean {
    return this.#hasSeen;
  }

  /**
   * The next batch: what one answer of the queue brings, or, with a window, what comes until the batch is complete or
   * the window over. Empty when nothing came. Rejects with the reader's trouble; what was read by then is in the rest.
   */
  async next(): Promise<readonly SourceRecord[]> {
    const { clock } = this.#run;
    const endsMs = clock.monotonic() + this.#windowMs;
    this.#wasFull = false;
    this.#hasSeen = this.#rest.length > 0;
    while (!this.#isComplete() && !this.#signal.aborted) {
      const leftMs = endsMs - clock.monotonic();
      const isFirst = this.#windowMs === 0;
      if (isFirst && this.#rest.length > 0) break;
      if (!isFirst && leftMs <= 0) break;
      await this.#read(isFirst ? POLL_MS : Math.min(POLL_MS, Math.max(leftMs, POLL_MS_MIN)));
      if (isFirst) break;
    }
    if (this.#isComplete()) this.#wasFull = true;
    return this.#take();
  }

  /** What was read and will not be given out. */
  takeRest(): readonly SourceRecord[] {
    return this.#rest.splice(0);
  }

  async #read(waitMs: number): Promise<void> {
    const run = this.#run;
    const recordsMax = Math.min(READ_RECORDS_MAX, this.#recordsMax - this.#rest.length);
    const { records } = await this.#reader.read({ recordsMax, waitMs, signal: this.#signal });
    if (records.length === 0) return;
    this.#hasSeen = true;
    if (records.length === recordsMax) this.#wasFull = true;
    run.count('PolledEventCount', records.length);
    const passing = records.filter((record) => run.passes(record));
    const dropped = records.filter((record) => !passing.includes(record));
    this.#rest.push(...passing.filter((record) => this.#fits(record)));
    if (dropped.length === 0) return;
    run.count('FilteredOutEventCount', dropped.length);
    await this.#deletions.add(dropped);
  }

  /** A message that is too large for any event stays in the queue until that gives it up. */
  #fits({ id, eventBytes }: SourceRecord): boolean {
    if (eventBytes + ENVELOPE_BYTES <= EVENT_BYTES_MAX) return true;
    this.#run.note(`message ${id} makes an event of more than ${EVENT_BYTES_MAX} bytes and is not delivered`);
    this.#run.count('FailedInvokeEventCount', 1);
    return false;
  }

  /** How many of what was read are the next batch. */
  #length(): number {
    let bytes = ENVELOPE_BYTES;
    let length = 0;
    for (const { eventBytes } of this.#rest) {
      bytes += eventBytes + COMMA_BYTES;
      if (length === this.#recordsMax || (length > 0 && bytes > EVENT_BYTES_MAX)) break;
      length++;
    }
    return length;
  }

  #isComplete(): boolean {
    const length = this.#length();
    return length === this.#recordsMax || length < this.#rest.length;
  }

  #take(): readonly SourceRecord[] {
    return this.#rest.splice(0, this.#length());
  }
}
