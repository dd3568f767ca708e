/** A stream, a function and a clock in memory, and a delivery between them. */
import { FakeClock } from '../../src/base/clock.ts';
import { type Ids, randomIds } from '../../src/base/ids.ts';
import type { Delivery, DestinationPort } from '../../src/invoke/async-destinations.ts';
import type { MappingBody, MappingSettings } from '../../src/sources/mapping-record.ts';
import type { BatchOutcome, MappingCounter, MappingRun } from '../../src/sources/mapping-run.ts';
import {
  type ReadAnswer,
  type ReadPosition,
  type SourceConnection,
  type SourcePartition,
  type SourceRecord,
  SourceTrouble,
} from '../../src/sources/source-port.ts';
import { StreamDelivery } from '../../src/sources/stream-delivery.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

export const NAMESPACE = { account: '000000000000', region: 'us-east-1' };
export const UUID = '11111111-2222-4333-8444-555555555555';
export const STREAM_ARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders';

interface Shard {
  readonly partition: SourcePartition;
  readonly records: SourceRecord[];
  isClosed: boolean;
  trimmedBefore: number;
  isListed: boolean;
}

/** What a function is given, as far as tests look at it. */
export interface SeenEvent {
  readonly Records: readonly { readonly id: string; readonly key?: string }[];
  readonly window?: { readonly start: string; readonly end: string };
  readonly state?: unknown;
  readonly shardId?: string;
  readonly eventSourceARN?: string;
  readonly isFinalInvokeForWindow?: boolean;
  readonly isWindowTerminatedEarly?: boolean;
}

/** `fail` an error of the function, `throttle` no slot; anything else is what it answers. */
export type Answer = 'fail' | 'throttle' | { readonly json: unknown } | { readonly text: string };

/** More turns of the event loop than any step of a delivery takes. */
const TURNS = 40;

export class StreamWorld {
  readonly clock = new FakeClock();
  readonly metadata = memoryMetadata();
  readonly shards = new Map<string, Shard>();
  readonly events: SeenEvent[] = [];
  readonly sent: { delivery: Delivery; body: Record<string, unknown> }[] = [];
  readonly counters = new Map<MappingCounter, number>();
  readonly reports: string[] = [];
  readonly notes: string[] = [];
  readonly ages: number[] = [];
  /** Reads of all shards. */
  reads = 0;
  behind = true;
  answer: (event: SeenEvent, invoke: number) => Answer | Promise<Answer> = () => ({ json: null });
  trouble: (call: 'partitions' | 'open' | 'read', shardId: string) => SourceTrouble | undefined = () => undefined;
  sendFailure: () => Error | undefined = () => undefined;
  passes: (record: SourceRecord) => boolean = () => true;
  retentionMs = 86_400_000;
  #sequence = 0;
  #abort = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  shard(id: string, parentIds: readonly string[] = []): Shard {
    const shard = { partition: { id, parentIds }, records: [], isClosed: false, trimmedBefore: 0, isListed: true };
    this.shards.set(id, shard);
    return shard;
  }

  /** Appends records; their ids are counted from 1 through all shards. */
  put(shardId: string, count: number, { key, bytes = 100 }: { key?: string; bytes?: number } = {}): string[] {
    const shard = this.shards.get(shardId) as Shard;
    return Array.from({ length: count }, () => {
      const id = String(++this.#sequence);
      const orderKey = key ?? `key-${id}`;
      const event = { id, key: orderKey };
      shard.records.push({ id, event, eventBytes: bytes, arrivedMs: this.clock.now(), orderKey });
      return id;
    });
  }

  /** Starts a run, as the supervisor does; settings beside those of a new mapping that reads from the beginning. */
  start(settings: MappingSettings = {}): void {
    this.#abort = new AbortController();
    const delivery = new StreamDelivery({ metadata: this.metadata, destinations: this.#destinations() });
    const running = delivery.run(this.#run(settings)).catch((error: unknown) => error);
    this.#running = running;
  }

  /** Ends the run in order; resolves with the error it ended with. */
  async stop(): Promise<unknown> {
    this.#abort.abort();
    return this.ended();
  }

  async ended(): Promise<unknown> {
    await this.settle();
    return this.#running;
  }

  /** Lets everything that needs no time happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves the clock on in steps, each with time for what follows from it. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    await this.settle();
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.settle();
    }
  }

  batches(): string[][] {
    return this.events.map(({ Records }) => Records.map(({ id }) => id));
  }

  async checkpoint(shardId: string): Promise<unknown> {
    const key = { ...NAMESPACE, kind: 'stream-checkpoint', id: `${UUID}/${shardId}` } as const;
    return (await this.metadata.get(key))?.body;
  }

  #destinations(): DestinationPort {
    return {
      isConfigured: () => true,
      send: async (_namespace, delivery, body) => {
        const failure = this.sendFailure();
        if (failure !== undefined) throw failure;
        this.sent.push({ delivery, body: JSON.parse(Buffer.from(body).toString()) });
      },
    };
  }

  #run(settings: MappingSettings): MappingRun {
    const ids: Ids = { ...randomIds, uuid: () => '99999999-9999-4999-8999-999999999999' };
    const mapping: MappingBody = {
      uuid: UUID,
      source: { kind: 'kinesis', arn: STREAM_ARN },
      functionName: 'f',
      settings: { StartingPosition: 'TRIM_HORIZON', BatchSize: 100, ...settings },
      tags: {},
      enabled: true,
      status: { state: 'Enabled', reason: 'User action', sinceMs: 0 },
    };
    return {
      namespace: NAMESPACE,
      mapping,
      connection: this.#connection(),
      clock: this.clock,
      ids,
      signal: this.#abort.signal,
      passes: (record) => this.passes(record),
      invoke: (event) => this.#invoke(event),
      count: (counter, records) => this.counters.set(counter, (this.counters.get(counter) ?? 0) + records),
      age: (ms) => this.ages.push(ms),
      opened: () => {},
      report: (result) => this.reports.push(result),
      note: (line) => this.notes.push(line),
    };
  }

  async #invoke(event: Uint8Array): Promise<BatchOutcome> {
    const seen = JSON.parse(Buffer.from(event).toString()) as SeenEvent;
    this.events.push(seen);
    const answer = await this.answer(seen, this.events.length);
    if (answer === 'throttle') return { type: 'throttled' };
    const text = answer === 'fail' ? '{}' : 'text' in answer ? answer.text : JSON.stringify(answer.json);
    return {
      type: 'answered',
      requestId: `request-${this.events.length}`,
      functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST',
      executedVersion: '$LATEST',
      payload: Buffer.from(text),
      ...(answer === 'fail' ? { functionError: 'Unhandled' as const } : {}),
    };
  }

  #connection(): SourceConnection {
    const check = (call: 'partitions' | 'open' | 'read', shardId = '') => {
      const trouble = this.trouble(call, shardId);
      if (trouble !== undefined) throw trouble;
    };
    return {
      partitions: async () => {
        check('partitions');
        return [...this.shards.values()].filter(({ isListed }) => isListed).map(({ partition }) => partition);
      },
      open: async ({ id }, position) => {
        check('open', id);
        const shard = this.shards.get(id) as Shard;
        let at = placeOf(shard, position as ReadPosition);
        return {
          read: async ({ recordsMax }): Promise<ReadAnswer> => {
            this.reads++;
            check('read', id);
            if (at < shard.trimmedBefore) throw new SourceTrouble('trimmed', 'trimmed');
            const records = shard.records.slice(at, at + recordsMax);
            at += records.length;
            const isEnd = shard.isClosed && at === shard.records.length;
            return { records, isEnd, behindMs: at < shard.records.length ? 1 : 0 };
          },
        };
      },
      acknowledge: async () => [],
      release: async () => {},
      retentionMs: async () => this.retentionMs,
      close: () => {},
    };
  }
}

function placeOf({ records, trimmedBefore }: Shard, position: ReadPosition): number {
  switch (position.type) {
    case 'TRIM_HORIZON':
      return trimmedBefore;
    case 'LATEST':
      return records.length;
    case 'AT_TIMESTAMP': {
      const place = records.findIndex(({ arrivedMs }) => arrivedMs >= position.ms);
      return place === -1 ? records.length : place;
    }
    case 'AFTER':
      return records.findIndex(({ id }) => id === position.id) + 1;
  }
}
