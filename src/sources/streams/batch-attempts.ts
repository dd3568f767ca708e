/** The attempts with one batch of a shard, until its records are done or given up (lambda-facts 8.3). */
import type { DestinationPort } from '../../invoke/async-destinations.ts';
import type { BatchOutcome, MappingRun } from '../mapping-run.ts';
import type { SourceRecord } from '../source-port.ts';
import { batchEvent, recordBytesMax } from './batch-event.ts';
import { doneRecords, stateOf } from './batch-response.ts';
import type { Bells } from './bell.ts';
import { type OpenWindow, STATE_BYTES_MAX } from './checkpoint.ts';
import { deliverFailure } from './failure-delivery.ts';
import type { FailureCondition } from './failure-record.ts';
import type { Entry } from './progress.ts';
import type { Slots } from './slots.ts';

/** A record in a lane. */
export interface Item {
  readonly record: SourceRecord;
  readonly entry: Entry;
}

/** What lanes need of their shard. */
export interface ShardAtWork {
  readonly run: MappingRun;
  readonly bells: Bells;
  readonly slots: Slots;
  readonly destinations: DestinationPort;
  readonly shardId: string;
  /** Milliseconds after which the stream forgets its records, where it is known. */
  retentionMs(): number | undefined;
  /** Room has come in the lanes for so many records. */
  taken(items: readonly Item[]): void;
  /** The items are delivered or given up: the checkpoint may move, and the window is as given. */
  finish(items: readonly Item[], window: OpenWindow | undefined): Promise<void>;
}

export interface Batch {
  /** In order. Empty in the last invoke of a window. */
  readonly items: readonly Item[];
  readonly window?: OpenWindow | undefined;
  readonly isFinal?: boolean;
  readonly isTerminatedEarly?: boolean;
  /** Delivered before, and done when this batch is: their window's state is too large to be written down. */
  readonly carried?: readonly Item[];
}

/** AWS's own waits are not published: they grow like these, and the shard waits with them. */
const RETRY_FIRST_MS = 200;
const RETRY_MS_MAX = 60_000;

/** Records of a batch that stay together, and what was tried with them. */
interface Part {
  readonly items: readonly Item[];
  /** Failures that count against MaximumRetryAttempts. */
  readonly failures: number;
  /** Attempts that found a slot and had no success, in a row, also those that do not count: what the wait grows with. */
  readonly setbacks: number;
  /** Attempts since then that found none, and the place in line for the next one. */
  readonly throttles: number;
  readonly ticket?: number;
  /** Invokes that the function answered. */
  readonly invokes: number;
  readonly last?: Answered;
}

type Answered = Extract<BatchOutcome, { type: 'answered' }>;

/** `isLeft`: the run ended first; what is not finished is found again behind the checkpoint. */
export interface BatchEnd {
  readonly isLeft: boolean;
  readonly window: OpenWindow | undefined;
  /** Delivered, but not done before the window is: its state is too large. */
  readonly carried: readonly Item[];
}

/** Rejects when a checkpoint cannot be written. */
export async function deliverBatch(shard: ShardAtWork, batch: Batch): Promise<BatchEnd> {
  const delivery = new BatchDelivery(shard, batch);
  const isDelivered = await delivery.run();
  return { isLeft: !isDelivered, window: delivery.window, carried: delivery.carried };
}

class BatchDelivery {
  readonly #shard: ShardAtWork;
  readonly #batch: Batch;
  window: OpenWindow | undefined;
  carried: readonly Item[];

  constructor(shard: ShardAtWork, batch: Batch) {
    this.#shard = shard;
    this.#batch = batch;
    this.window = batch.window;
    this.carried = batch.carried ?? [];
  }

  /** False when it was left. What stands on top is what comes first in the shard. */
  async run(): Promise<boolean> {
    const parts: Part[] = [{ items: this.#batch.items, failures: 0, setbacks: 0, throttles: 0, invokes: 0 }];
    const { bells, slots } = this.#shard;
    let isFirst = true;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { setbacks, throttles } = part;
      if (setbacks > 0 && throttles === 0)
        await bells.pause(Math.min(RETRY_FIRST_MS * 2 ** (setbacks - 1), RETRY_MS_MAX));
      if (bells.isEnding && !isFirst) return false;
      const ticket = await slots.take(throttles, part.ticket);
      if (ticket === undefined) return false;
      isFirst = false;
      const rest = await this.#attempt(part, ticket);
      if (rest === 'left') return false;
      parts.push(...rest);
    }
    return true;
  }

  /** What is still to be done, the first on top. */
  async #attempt({ ticket: _, ...part }: Part, ticket: number): Promise<readonly Part[] | 'left'> {
    const unfit = this.#unfit(part.items, this.#shard.run.clock.now());
    if (unfit !== undefined) {
      const { count, condition } = unfit;
      this.#shard.slots.end(false);
      if (!(await this.#giveUp({ ...part, items: part.items.slice(0, count) }, condition))) return 'left';
      const items = part.items.slice(count);
      return items.length > 0 ? [{ ...part, items, setbacks: 0 }] : [];
    }
    const outcome = await this.#invoke(part.items);
    const isThrottled = outcome.type === 'throttled';
    this.#shard.slots.end(isThrottled);
    if (outcome.type === 'answered') return this.#judge({ ...part, throttles: 0 }, outcome);
    this.#shard.run.report(isThrottled ? 'PROBLEM: Function call was throttled' : `PROBLEM: ${outcome.message}`);
    if (isThrottled) return [{ ...part, throttles: part.throttles + 1, ticket }];
    return [{ ...part, throttles: 0, setbacks: part.setbacks + 1 }];
  }

  /** Records at the front that must not be delivered any more: too old, or one that no event can hold. */
  #unfit(items: readonly Item[], now: number): { count: number; condition: FailureCondition } | undefined {
    const { MaximumRecordAgeInSeconds: ageS = -1 } = this.#shard.run.mapping.settings;
    const ageMsMax = Math.min(
      ageS === -1 ? Number.POSITIVE_INFINITY : ageS * 1000,
      this.#shard.retentionMs() ?? Number.POSITIVE_INFINITY,
    );
    if (items.length === 0)
      return now - (this.window?.endMs ?? now) > ageMsMax ? { count: 0, condition: 'RecordAgeExceeded' } : undefined;
    const young = items.findIndex(({ record }) => now - record.arrivedMs <= ageMsMax);
    const count = young === -1 ? items.length : young;
    if (count > 0) return { count, condition: 'RecordAgeExceeded' };
    const [first] = items;
    const isTooLarge = first !== undefined && first.record.eventBytes > recordBytesMax(this.window);
    return isTooLarge ? { count: 1, condition: 'MaximumPayloadSizeExceeded' } : undefined;
  }

  async #invoke(items: readonly Item[]): Promise<BatchOutcome> {
    const { run, shardId } = this.#shard;
    const { isFinal = false, isTerminatedEarly = false } = this.#batch;
    const eventSourceArn = run.mapping.source.arn ?? '';
    const records = items.map(({ record }) => record);
    const event = batchEvent(
      records,
      this.window && { ...this.window, shardId, eventSourceArn, isFinal, isTerminatedEarly },
    );
    const last = records.at(-1);
    if (last !== undefined) run.age(Math.max(0, run.clock.now() - last.arrivedMs));
    run.count('InvokedEventCount', records.length);
    return run.invoke(event);
  }

  async #judge(part: Part, answer: Answered): Promise<readonly Part[] | 'left'> {
    const { run } = this.#shard;
    const done = this.#doneOf(part, answer);
    const items = part.items.slice(done);
    const isOver = items.length === 0 && answer.functionError === undefined;
    if (isOver || done > 0) await this.#succeed(part.items.slice(0, done), answer);
    if (isOver) {
      run.report('OK');
      return [];
    }
    run.report('PROBLEM: Function call failed');
    run.count('FailedInvokeEventCount', items.length);
    const { MaximumRetryAttempts: retriesMax = -1, BisectBatchOnFunctionError: bisects } = run.mapping.settings;
    const failed: Part = { ...part, items, invokes: part.invokes + 1, last: answer };
    if (bisects && done > 0) return [{ ...failed, setbacks: 0 }];
    if (bisects && items.length > 1) return halves(failed);
    const failures = part.failures + 1;
    if (retriesMax === -1 || failures <= retriesMax) return [{ ...failed, failures, setbacks: part.setbacks + 1 }];
    return (await this.#giveUp(failed, 'RetryAttemptsExhausted')) ? [] : 'left';
  }

  #doneOf({ items }: Part, { functionError, payload }: Answered): number {
    if (functionError !== undefined) return 0;
    const { FunctionResponseTypes: types = [] } = this.#shard.run.mapping.settings;
    if (!types.includes('ReportBatchItemFailures')) return items.length;
    return doneRecords(
      payload,
      items.map(({ record }) => record),
    );
  }

  /** The window's state counts what was done with these. */
  async #succeed(items: readonly Item[], { payload }: Answered): Promise<void> {
    if (this.#batch.isFinal) this.window = undefined;
    else if (this.window !== undefined) this.window = { ...this.window, state: stateOf(payload) };
    await this.#finish(items);
  }

  /** False when the run ended before the destination had the record. */
  async #giveUp(part: Part, condition: FailureCondition): Promise<boolean> {
    const { run, bells, destinations, shardId } = this.#shard;
    const { items, invokes, last } = part;
    if (this.#batch.isFinal) this.window = undefined;
    if (items.length > 0) {
      const records = items.map(({ record }) => record);
      const uuid = run.ids.uuid();
      const failure = { condition, records, shardId, invokes, last, uuid, endedMs: run.clock.now() };
      const end = await deliverFailure(destinations, run, bells, failure);
      if (end === 'left') return false;
      const delivered = end === 'delivered';
      run.count(delivered ? 'OnFailureDestinationDeliveredEventCount' : 'DroppedEventCount', records.length);
    }
    await this.#finish(items);
    return true;
  }

  async #finish(items: readonly Item[]): Promise<void> {
    const done = [...this.carried, ...items];
    const isTooLarge = this.window !== undefined && Buffer.byteLength(this.window.state) > STATE_BYTES_MAX;
    this.carried = isTooLarge ? done : [];
    if (!isTooLarge) await this.#shard.finish(done, this.window);
  }
}

/** Splitting counts as no attempt. */
function halves(part: Part): readonly Part[] {
  const middle = Math.floor(part.items.length / 2);
  const first = { ...part, items: part.items.slice(0, middle), setbacks: 0 };
  return [{ ...part, items: part.items.slice(middle), setbacks: 0 }, first];
}
