import type { DestinationPort } from '../../invoke/async-destinations.ts';
import type { MappingRun } from '../mapping-run.ts';
import { type PartitionReader, type ReadAnswer, type SourcePartition, SourceTrouble } from '../source-port.ts';
import type { Item, ShardAtWork } from './batch-attempts.ts';
import { PAYLOAD_BYTES_MAX } from './batch-event.ts';
import { Bell, type Bells } from './bell.ts';
import type { OpenWindow } from './checkpoint.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { Lane } from './lane.ts';
import { laneOf } from './lane-of.ts';
import { PollingPace } from './polling-pace.ts';
import { Progress } from './progress.ts';
import type { ShardBook } from './shard-book.ts';
import type { Slots } from './slots.ts';

/** What one read brings at least as far as it is there: small batches do not need a read each. */
const READ_RECORDS_MIN = 100;
/** What services give at a time. */
const READ_RECORDS_MAX = 10_000;
/** Bytes of records that wait in a shard's lanes, beside those of one read. */
const WAITING_BYTES_MAX = 4 * PAYLOAD_BYTES_MAX;
/** Reads ahead of the first unfinished record, in times of what is read at once. */
const SPAN_READS_MAX = 8;

interface ReadingOptions {
  readonly run: MappingRun;
  readonly bells: Bells;
  readonly slots: Slots;
  /** Aborted when the run is to end. */
  readonly signal: AbortSignal;
  /** Ends the run: this shard cannot go on. */
  readonly abort: () => void;
  readonly destinations: DestinationPort;
  readonly book: ShardBook;
  readonly partition: SourcePartition;
  readonly retentionMs: () => number | undefined;
}

/** One shard at work: read by one reader, delivered in lanes. */
export class ShardReading implements ShardAtWork {
  readonly run: MappingRun;
  readonly bells: Bells;
  readonly slots: Slots;
  readonly destinations: DestinationPort;
  readonly shardId: string;
  readonly retentionMs: () => number | undefined;
  readonly #options: ReadingOptions;
  readonly #progress = new Progress();
  readonly #writer: CheckpointWriter;
  readonly #room: Bell;
  readonly #lanes: readonly Lane[];
  readonly #pace: PollingPace;
  /** Records that are wanted ahead of the batches in hand. */
  readonly #aheadRecords: number;
  #window: OpenWindow | undefined;
  #waitingRecords = 0;
  #waitingBytes = 0;
  #hasProblem = false;

  constructor(options: ReadingOptions) {
    const { run, bells, slots, destinations, book, partition } = options;
    this.#options = options;
    this.run = run;
    this.bells = bells;
    this.slots = slots;
    this.destinations = destinations;
    this.shardId = partition.id;
    this.retentionMs = options.retentionMs;
    const window = book.checkpoint(partition.id)?.window;
    this.#window = window && { ...window, state: JSON.stringify(window.state) };
    this.#writer = new CheckpointWriter({
      write: (checkpoint) => book.write(partition.id, checkpoint),
      bells,
      note: run.note,
    });
    this.#room = new Bell(bells);
    this.#pace = new PollingPace(run.mapping.source.kind);
    const { ParallelizationFactor = 1, TumblingWindowInSeconds = 0, BatchSize = 1 } = run.mapping.settings;
    // The state of a window is the shard's: there is one lane to hand it on.
    const lanes = TumblingWindowInSeconds > 0 ? 1 : ParallelizationFactor;
    this.#lanes = Array.from({ length: lanes }, () => new Lane(this, this.#openWindow(TumblingWindowInSeconds)));
    this.#aheadRecords = Math.max(BatchSize * lanes, READ_RECORDS_MIN);
  }

  /** A window that a former run left open; one that the settings no longer have is forgotten. */
  #openWindow(tumblingS: number): OpenWindow | undefined {
    if (tumblingS === 0) this.#window = undefined;
    return this.#window;
  }

  /**
   * Resolves when the shard is done, when it is not there any more, or when the run is to end and nothing is in hand.
   * Rejects with SourceTrouble when it may not be read, and when checkpoints cannot be written.
   */
  async work(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    const fail = (error: unknown): false => {
      failure ??= { error };
      this.#options.abort();
      return false;
    };
    const lanes = Promise.all(this.#lanes.map((lane) => lane.run().catch(fail)));
    const isAtEnd = await this.#read().catch(fail);
    for (const lane of this.#lanes) lane.end();
    const isDelivered = (await lanes).every(Boolean);
    if (failure !== undefined) throw failure.error;
    if (isAtEnd && isDelivered) await this.#writer.move({ position: this.#position(), isFinished: true });
    await this.#writer.settled();
  }

  taken(items: readonly Item[]): void {
    this.#waitingRecords -= items.length;
    for (const { record } of items) this.#waitingBytes -= record.eventBytes;
    this.#room.ring();
  }

  async finish(items: readonly Item[], window: OpenWindow | undefined): Promise<void> {
    for (const { entry } of items) entry.isDone = true;
    const isNewWindow = window !== this.#window;
    this.#window = window;
    if (this.#progress.advance() || isNewWindow) await this.#move();
    this.#room.ring();
  }

  async #move(): Promise<void> {
    const window = this.#window && { ...this.#window, state: JSON.parse(this.#window.state) as unknown };
    await this.#writer.move({ position: this.#position(), ...(window && { window }) });
  }

  #position() {
    const { lastId } = this.#progress;
    const known = this.#options.book.checkpoint(this.shardId)?.position ?? ({ type: 'TRIM_HORIZON' } as const);
    return lastId === undefined ? known : ({ type: 'AFTER', id: lastId } as const);
  }

  /** True when the shard was read to its end. */
  async #read(): Promise<boolean> {
    let reader: PartitionReader | undefined;
    while (!this.bells.isEnding) {
      if (!this.#hasRoom()) {
        await this.#room.wait();
        continue;
      }
      const { connection, clock } = this.run;
      const startedMs = clock.now();
      try {
        reader ??= await connection.open(this.#options.partition, this.#position());
        const recordsMax = Math.min(this.#aheadRecords, READ_RECORDS_MAX);
        const answer = await reader.read({ recordsMax, waitMs: 0, signal: this.#options.signal });
        await this.#take(answer, startedMs);
        if (answer.isEnd) return true;
        const waitMs = this.#pace.afterRead(answer, answer.records.length >= recordsMax);
        if (waitMs > 0) await this.bells.pause(waitMs);
      } catch (error) {
        if (this.bells.isEnding) return false;
        if (!(error instanceof SourceTrouble)) throw error;
        if (error.kind === 'missing') return false;
        if (error.kind === 'trimmed') {
          this.run.note(`${this.shardId}: records were trimmed before they were read; reading goes on with the oldest`);
          reader = await this.#reopened();
        } else await this.#bear(error);
      }
    }
    return false;
  }

  /** From the oldest record on that is left; undefined when the service does not say now. */
  async #reopened(): Promise<PartitionReader | undefined> {
    try {
      return await this.run.connection.open(this.#options.partition, { type: 'TRIM_HORIZON' });
    } catch (error) {
      if (!(error instanceof SourceTrouble)) throw error;
      await this.#bear(error);
      return undefined;
    }
  }

  /** Waits where the service may answer later. */
  async #bear(trouble: SourceTrouble): Promise<void> {
    if (trouble.kind === 'denied' || trouble.kind === 'refused') throw trouble;
    // Being asked to slow down is no problem, it is the pace.
    if (trouble.kind !== 'busy') {
      this.#hasProblem = true;
      this.run.report(`PROBLEM: ${trouble.message}`);
    }
    await this.bells.pause(this.#pace.afterTrouble());
  }

  #hasRoom(): boolean {
    return (
      this.#waitingRecords < this.#aheadRecords &&
      this.#waitingBytes < WAITING_BYTES_MAX &&
      this.#progress.span < SPAN_READS_MAX * this.#aheadRecords
    );
  }

  async #take({ records, isEnd, behindMs }: ReadAnswer, startedMs: number): Promise<void> {
    if (this.#hasProblem) this.run.report('OK');
    this.#hasProblem = false;
    let filtered = 0;
    for (const record of records) {
      const passes = this.run.passes(record);
      const entry = this.#progress.add(record.id, !passes);
      if (!passes) {
        filtered++;
        continue;
      }
      this.#waitingRecords++;
      this.#waitingBytes += record.eventBytes;
      laneOf(this.#lanes, record.orderKey).push({ record, entry });
    }
    if (records.length > 0) this.run.count('PolledEventCount', records.length);
    if (filtered > 0) this.run.count('FilteredOutEventCount', filtered);
    const isCaughtUp = isEnd || behindMs === 0 || (behindMs === undefined && records.length === 0);
    if (isCaughtUp) for (const lane of this.#lanes) lane.readUntil(startedMs);
    if (filtered > 0 && this.#progress.advance()) await this.#move();
  }
}
