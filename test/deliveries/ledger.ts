/** What real functions are told to do with their batches, and every delivery as it came: kept outside of the server. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { randomFromSeed } from '../contract/random-from-seed.ts';

export type MappingName = 'standard' | 'fifo' | 'stream';

/** A message or a record of a stream, as its function saw it. */
export interface Seen {
  /** A message id, or a sequence number. */
  readonly id: string;
  /** The group or the partition key; '' in a queue without order. */
  readonly key: string;
  readonly n: number;
  readonly shardId?: string;
}

/** One delivery of a batch. */
export interface Entry {
  /** Which start of the server delivered it, from 0 on. */
  readonly life: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** When the function's time was over, in epoch milliseconds: told to succeed, it may still not get round to it. */
  readonly deadlineMs: number;
  readonly mapping: MappingName;
  readonly requestId: string;
  readonly records: readonly Seen[];
  /** Places of the records with which the function was told to succeed. */
  readonly done: ReadonlySet<number>;
}

type End = 'done' | 'partial' | 'fail' | 'timeout' | 'exit';

/** Drawn without putting back, so that each comes as often as it is here. */
const BAG: readonly End[] = [
  ...Array.from({ length: 19 }, () => 'done' as const),
  ...['partial', 'partial', 'fail', 'fail', 'timeout', 'exit'].map((end) => end as End),
];
/** The function fails with every so many-th record, whatever else was drawn. */
const POISON_EVERY = 250;
const POISON_AT = 13;

export function isPoison(n: number): boolean {
  return n % POISON_EVERY === POISON_AT;
}

export class DeliveryLedger {
  readonly entries: Entry[] = [];
  /** How often the function was told to end so. */
  readonly ends: Record<End, number> = { done: 0, partial: 0, fail: 0, timeout: 0, exit: 0 };
  #url = '';
  readonly #random: () => number;
  readonly #bags: Record<MappingName, End[]> = { standard: [], fifo: [], stream: [] };
  readonly #server = createServer((request, response) => {
    this.#answer(request).then(
      (answer) => response.end(JSON.stringify(answer)),
      // Killed with its function in the middle of a word.
      () => response.destroy(),
    );
  });

  constructor(seed: number) {
    this.#random = randomFromSeed(seed);
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** For the functions of one life: some of them say their last word when the server of the next one is there already. */
  urlOf(life: number): string {
    return this.#url + life;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<{ readonly end: End; readonly failed: readonly string[] }> {
    const told = (await json(request)) as Pick<Entry, 'mapping' | 'requestId' | 'records' | 'deadlineMs'>;
    const { mapping, records } = told;
    const bag = this.#bags[mapping];
    if (bag.length === 0) bag.push(...BAG);
    const [end = 'done'] = bag.splice(Math.floor(this.#random() * bag.length), 1);
    this.ends[end]++;
    const failing = end === 'partial' ? Math.floor(this.#random() * records.length) : undefined;
    const done = end === 'done' || end === 'partial' ? doneOf(mapping, records, failing) : new Set<number>();
    const life = Number(request.url?.slice(1));
    this.entries.push({ ...told, life, atMs: Date.now(), done });
    return { end, failed: records.filter((_, place) => !done.has(place)).map(({ id }) => id) };
  }
}

/** Where there is an order, what comes behind a failed record is not begun. */
function doneOf(mapping: MappingName, records: readonly Seen[], failing: number | undefined): ReadonlySet<number> {
  const stopped = new Set<string>();
  const done = new Set<number>();
  for (const [place, { key, n }] of records.entries()) {
    const lane = mapping === 'stream' ? '' : key;
    if (mapping !== 'standard' && stopped.has(lane)) continue;
    if (place === failing || isPoison(n)) stopped.add(lane);
    else done.add(place);
  }
  return done;
}

/** The files of a function that tells the ledger at AWS_ENDPOINT_URL_LEDGER of each batch and does as it is told. */
export function ledgerFunction(): Record<string, string> {
  return {
    'index.mjs': `const seen = (record) => record.kinesis
      ? {
          id: record.kinesis.sequenceNumber,
          key: record.kinesis.partitionKey,
          n: Number(Buffer.from(record.kinesis.data, 'base64').toString()),
          shardId: record.eventID.split(':')[0],
        }
      : { id: record.messageId, key: record.attributes.MessageGroupId ?? '', n: Number(record.body) };
    export const handler = async ({ Records }, context) => {
      const { functionName: mapping, awsRequestId: requestId } = context;
      const deadlineMs = Date.now() + context.getRemainingTimeInMillis();
      const body = JSON.stringify({ mapping, requestId, deadlineMs, records: Records.map(seen) });
      const answer = await fetch(process.env.AWS_ENDPOINT_URL_LEDGER, { method: 'POST', body });
      const { end, failed } = await answer.json();
      if (end === 'fail') throw new Error('as told');
      if (end === 'exit') process.exit(3);
      if (end === 'timeout') await new Promise((resolve) => setTimeout(resolve, 600_000));
      return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
    };`,
  };
}
