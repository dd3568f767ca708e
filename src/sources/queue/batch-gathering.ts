import type { MappingRun } from '../mapping-run.ts';
import type { PartitionReader, SourceRecord } from '../source-port.ts';
import { COMMA_BYTES, ENVELOPE_BYTES, EVENT_BYTES_MAX } from './batch-event.ts';
import type { Deletions } from './deletions.ts';
import type { GroupLines, SetAside } from './group-lines.ts';
import type { HiddenTime } from './hidden-time.ts';

/** What a queue hands out at a time. */
const READ_RECORDS_MAX = 10;
/** How long a queue holds back an empty answer. */
const POLL_MS = 20_000;
/** Queues count in seconds: a shorter wait would be none. */
const POLL_MS_MIN = 1_000;
const BATCH_SIZE_DEFAULT = 10;

/** What a lane shares with the others of its mapping. */
export interface Shared {
  readonly reader: PartitionReader;
  readonly signal: AbortSignal;
  readonly deletions: Deletions;
  readonly lines: GroupLines;
  readonly hidden: HiddenTime;
  /** Shows them again when what they wait for is shown again. */
  readonly setAside: (aside: readonly SetAside[]) => Promise<void>;
  /** To be told of a batch that has ended, with the ids that failed and when it was read. */
  readonly ended: (batch: readonly SourceRecord[], failed: ReadonlySet<string>, readMs: number) => Promise<void>;
}

/** Gathers the batches of one lane. */
export class BatchGathering {
  readonly #run: MappingRun;
  readonly #shared: Shared;
  readonly #recordsMax: number;
  readonly #windowMs: number;
  /** Read and not given out yet: at most one answer of the queue beside a batch. */
  #rest: SourceRecord[] = [];
  #restReadMs = 0;
  #lastReadMs = 0;
  #batchReadMs = 0;
  #wasFull = false;
  #hasSeen = false;

  constructor(run: MappingRun, shared: Shared) {
    this.#run = run;
    this.#shared = shared;
    const { BatchSize = BATCH_SIZE_DEFAULT, MaximumBatchingWindowInSeconds: windowS = 0 } = run.mapping.settings;
    this.#recordsMax = BatchSize;
    this.#windowMs = windowS * 1000;
  }

  /** The last batch was complete, or the queue gave as much as it was asked for. */
  get wasFull(): boolean {
    return this.#wasFull;
  }

  /** When the oldest message of the last batch was read, in monotonic milliseconds. */
  get readMs(): number {
    return this.#batchReadMs;
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
    while (!this.#isComplete() && !this.#shared.signal.aborted) {
      const leftMs = endsMs - clock.monotonic();
      const isFirst = this.#windowMs === 0;
      if (isFirst && this.#rest.length > 0) break;
      if (!isFirst && leftMs <= 0) break;
      await this.#read(isFirst ? POLL_MS : Math.min(POLL_MS, Math.max(leftMs, POLL_MS_MIN)));
      if (isFirst) break;
    }
    if (this.#isComplete()) this.#wasFull = true;
    return await this.#take();
  }

  /** What was read and will not be given out. */
  takeRest(): readonly SourceRecord[] {
    return this.#rest.splice(0).filter((record) => this.#shared.lines.stands(record));
  }

  async #read(waitMs: number): Promise<void> {
    const run = this.#run;
    const recordsMax = Math.min(READ_RECORDS_MAX, this.#recordsMax - this.#rest.length);
    const { reader, signal, deletions } = this.#shared;
    const { records } = await reader.read({ recordsMax, waitMs, signal });
    if (records.length === 0) return;
    this.#hasSeen = true;
    if (records.length === recordsMax) this.#wasFull = true;
    run.count('PolledEventCount', records.length);
    const passing = records.filter((record) => run.passes(record));
    const dropped = records.filter((record) => !passing.includes(record));
    await this.#keep(passing);
    if (dropped.length === 0) return;
    run.count('FilteredOutEventCount', dropped.length);
    await deletions.add(dropped);
  }

  async #keep(records: readonly SourceRecord[]): Promise<void> {
    const { lines, setAside, ended } = this.#shared;
    const readMs = this.#run.clock.monotonic();
    this.#lastReadMs = readMs;
    if (this.#rest.length === 0) this.#restReadMs = readMs;
    const aside = lines.join(records, readMs);
    for (const record of records) if (lines.stands(record) && this.#fits(record)) this.#rest.push(record);
    await setAside(aside);
    const tooLarge = records.filter((record) => record.orderKey !== undefined && !isDeliverable(record));
    for (const record of tooLarge) if (lines.stands(record)) await ended([record], new Set([record.id]), readMs);
  }

  /** A message that is too large for any event stays in the queue until that gives it up. */
  #fits(record: SourceRecord): boolean {
    if (isDeliverable(record)) return true;
    this.#run.note(`message ${record.id} makes an event of more than ${EVENT_BYTES_MAX} bytes and is not delivered`);
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

  /** Of groups only what nobody else has a part of in hand; waits where there is nothing else. */
  async #take(): Promise<readonly SourceRecord[]> {
    const { lines, signal } = this.#shared;
    for (;;) {
      this.#rest = this.#rest.filter((record) => lines.stands(record));
      if (this.#rest.length === 0 || signal.aborted) return [];
      const batch = this.#choose();
      if (batch.length > 0) {
        this.#batchReadMs = this.#restReadMs;
        this.#restReadMs = this.#lastReadMs;
        return batch;
      }
      await lines.change;
      await this.#leaveLate();
    }
  }

  /** What waited for its group until the queue shows it again is no longer this lane's. */
  async #leaveLate(): Promise<void> {
    const { hidden, ended, signal } = this.#shared;
    if (signal.aborted || this.#run.clock.monotonic() < this.#restReadMs + (await hidden.ms())) return;
    const late = this.#rest.splice(0).filter((record) => this.#shared.lines.stands(record));
    await ended(late, new Set(late.map(({ id }) => id)), this.#restReadMs);
  }

  #choose(): readonly SourceRecord[] {
    const batch: SourceRecord[] = [];
    const rest: SourceRecord[] = [];
    let bytes = ENVELOPE_BYTES;
    let isFull = false;
    for (const record of this.#rest) {
      const { eventBytes } = record;
      isFull ||= batch.length === this.#recordsMax;
      if (isFull || !this.#shared.lines.isNext(record, batch)) rest.push(record);
      else if (batch.length > 0 && bytes + eventBytes + COMMA_BYTES > EVENT_BYTES_MAX) {
        isFull = true;
        rest.push(record);
      } else {
        bytes += eventBytes + COMMA_BYTES;
        batch.push(record);
      }
    }
    this.#rest = rest;
    return batch;
  }
}

function isDeliverable({ eventBytes }: SourceRecord): boolean {
  return eventBytes + ENVELOPE_BYTES <= EVENT_BYTES_MAX;
}
