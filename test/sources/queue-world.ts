/** A queue, a function and a clock in memory, and a delivery between them. */
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { MappingBody, MappingSettings } from '../../src/sources/mapping-record.ts';
import type { BatchOutcome, MappingCounter, MappingRun } from '../../src/sources/mapping-run.ts';
import { QueueDelivery } from '../../src/sources/queue-delivery.ts';
import type { ReadRequest, SourceConnection, SourceRecord } from '../../src/sources/source-port.ts';
import { SourceTrouble } from '../../src/sources/source-port.ts';

const ARN = 'arn:aws:sqs:us-east-1:000000000000:jobs';
/** More turns of the event loop than any step of a delivery takes. */
const TURNS = 40;

export type Answer = 'fail' | 'throttle' | 'unavailable' | { readonly text: string };

interface Poll {
  readonly request: ReadRequest;
  readonly answer: (records: readonly SourceRecord[]) => void;
  readonly fail: (error: Error) => void;
}

export function message(id: string, body = id, extra: Partial<SourceRecord> = {}): SourceRecord {
  const event = { messageId: id, body };
  return {
    id,
    event,
    eventBytes: Buffer.byteLength(JSON.stringify(event)),
    arrivedMs: 0,
    receipt: `receipt-${id}`,
    ...extra,
  };
}

export class QueueWorld {
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  /** Long polls that are waiting, oldest first. */
  readonly polls: Poll[] = [];
  readonly waiting: SourceRecord[] = [];
  readonly batches: string[][] = [];
  readonly traceHeaders: (string | undefined)[] = [];
  readonly deleted: string[] = [];
  readonly released: string[] = [];
  /** After how long each of them is shown again. */
  readonly releasedMs: number[] = [];
  hiddenMs: number | undefined;
  readonly notes: string[] = [];
  readonly reports: string[] = [];
  readonly counters: Partial<Record<MappingCounter, number>> = {};
  reads = 0;
  running = 0;
  runningMost = 0;
  /** Deletions that the queue refuses before it does what it is told. */
  refusedDeletions = 0;
  opened = 0;
  passes: (record: SourceRecord) => boolean = () => true;
  answer: (ids: readonly string[]) => Answer | Promise<Answer> = () => ({ text: 'null' });
  #ended: Promise<void> | undefined;

  start(settings: MappingSettings = {}): Promise<void> {
    this.#ended = new QueueDelivery().run(this.#run(settings));
    return this.#ended;
  }

  /** Puts messages into the queue and lets whatever follows of it happen. */
  async send(...messages: SourceRecord[]): Promise<void> {
    this.waiting.push(...messages);
    this.#serve();
    await this.turns();
  }

  async turns(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async advance(ms: number, stepMs = ms): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      await this.turns();
    }
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.#ended;
  }

  #serve(): void {
    while (this.waiting.length > 0) {
      const poll = this.polls.shift();
      if (poll === undefined) return;
      poll.answer(this.waiting.splice(0, poll.request.recordsMax));
    }
  }

  #read(request: ReadRequest) {
    this.reads++;
    const { promise, resolve, reject } = Promise.withResolvers<readonly SourceRecord[]>();
    const poll: Poll = { request, answer: resolve, fail: reject };
    const leave = () => {
      const at = this.polls.indexOf(poll);
      if (at >= 0) this.polls.splice(at, 1);
    };
    this.polls.push(poll);
    this.clock.after(request.waitMs, () => {
      leave();
      resolve([]);
    });
    request.signal.addEventListener('abort', () => {
      leave();
      reject(new SourceTrouble('unreachable', 'aborted'));
    });
    this.#serve();
    return promise.then((records) => ({ records, isEnd: false }));
  }

  #connection(): SourceConnection {
    return {
      partitions: async () => [{ id: '', parentIds: [] }],
      open: async () => ({ read: (request) => this.#read(request) }),
      acknowledge: async (records) => {
        if (this.refusedDeletions-- > 0) return records;
        this.deleted.push(...records.map(({ id }) => id));
        return [];
      },
      release: async (records, afterMs) => {
        this.released.push(...records.map(({ id }) => id));
        this.releasedMs.push(...records.map(() => afterMs));
      },
      hiddenMs: async () => this.hiddenMs ?? Promise.reject(new SourceTrouble('denied', 'no')),
      close() {},
    };
  }

  async #invoke(event: Uint8Array, traceHeader: string | undefined): Promise<BatchOutcome> {
    const { Records } = JSON.parse(Buffer.from(event).toString()) as { Records: { messageId: string }[] };
    const ids = Records.map(({ messageId }) => messageId);
    this.batches.push(ids);
    this.traceHeaders.push(traceHeader);
    this.runningMost = Math.max(this.runningMost, ++this.running);
    const answer = await this.answer(ids);
    this.running--;
    if (answer === 'throttle') return { type: 'throttled' };
    if (answer === 'unavailable') return { type: 'unavailable', message: 'Function not found' };
    const about = { type: 'answered', requestId: 'r', functionArn: 'f', executedVersion: '$LATEST' } as const;
    if (answer === 'fail') return { ...about, functionError: 'Unhandled', payload: Buffer.from('{}') };
    return { ...about, payload: Buffer.from(answer.text) };
  }

  #run(settings: MappingSettings): MappingRun {
    const mapping: MappingBody = {
      uuid: '11111111-2222-4333-8444-555555555555',
      source: { kind: 'sqs', arn: ARN },
      functionName: 'f',
      settings,
      tags: {},
      enabled: true,
      status: { state: 'Enabled', reason: 'USER_INITIATED', sinceMs: 0 },
    };
    return {
      namespace: { account: '000000000000', region: 'us-east-1' },
      mapping,
      connection: this.#connection(),
      clock: this.clock,
      ids: randomIds,
      signal: this.stop.signal,
      passes: (record) => this.passes(record),
      invoke: (event, { traceHeader } = {}) => this.#invoke(event, traceHeader),
      count: (counter, records) => {
        this.counters[counter] = (this.counters[counter] ?? 0) + records;
      },
      age() {},
      opened: () => void this.opened++,
      report: (result) => void this.reports.push(result),
      note: (line) => void this.notes.push(line),
    };
  }
}

/** A world whose delivery reads. */
export async function worldOf(...given: Parameters<QueueWorld['start']>): Promise<QueueWorld> {
  const world = new QueueWorld();
  world.start(...given).catch(() => {});
  await world.turns();
  return world;
}
