/**
 * kill -9 at random moments of a delivery whose function fails, is throttled and answers in part at random: every record is
 * delivered or given up to the destination, each key in order, and nothing comes again that a checkpoint had behind it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { type KinesisLocal, startKinesisLocal } from '../support/kinesis-local.ts';
import { everythingRequired } from '../support/requirement.ts';
import { callsOf } from './aws-double.ts';
import { NAMESPACE, type StreamEntry, type StreamVerdict, type Told, UUID } from './stream-poller.ts';

const KILLS = everythingRequired ? 20 : 4;
const RECORDS = everythingRequired ? 20_000 : 2_000;
const SHARDS = 4;
const KEYS = 60;
const PUT_RECORDS_MAX = 500;
const LIFE_MS_MAX = 1_500;
const SEED = 60_417;
const WAIT_MS_MAX = everythingRequired ? 600_000 : 180_000;

interface StoredCheckpoint {
  readonly position: { readonly type: string; readonly id?: string };
}

/** The outside view: what came, what was settled, and what must not come any more. */
class Ledger {
  readonly #random = randomFromSeed(SEED);
  /** Records of each key in the order in which they were put. */
  readonly #order = new Map<string, number[]>();
  /** For each key, how many records in order are settled, ever and in this life. */
  readonly #settled = new Map<string, number>();
  #settledInLife = new Map<string, number>();
  /** Sequence number of each shard's checkpoint when this life began. */
  #checkpoints = new Map<string, bigint>();
  readonly violations: string[] = [];
  deliveries = 0;
  givenUp = 0;
  #batches = 0;

  put(key: string, n: number): void {
    const order = this.#order.get(key);
    if (order === undefined) this.#order.set(key, [n]);
    else order.push(n);
  }

  beginLife(checkpoints: Map<string, bigint>): void {
    this.#settledInLife = new Map();
    this.#checkpoints = checkpoints;
  }

  get batches(): number {
    return this.#batches;
  }

  get missing(): number {
    let missing = 0;
    for (const [key, order] of this.#order) missing += order.length - (this.#settled.get(key) ?? 0);
    return missing;
  }

  tell(entry: StreamEntry): StreamVerdict {
    if ('givenUp' in entry) {
      // The destination is away now and then.
      if (this.#random() < 0.2) return { end: 'fail' };
      this.#check(entry.givenUp);
      this.#settle(entry.givenUp);
      this.givenUp += entry.givenUp.length;
      return { end: 'done' };
    }
    const { delivered } = entry;
    this.#batches++;
    this.deliveries += delivered.length;
    this.#check(delivered);
    const chance = this.#random();
    if (chance < 0.08) return { end: 'fail' };
    if (chance < 0.14) return { end: 'throttle' };
    if (chance < 0.22) {
      const partial = Math.floor(this.#random() * delivered.length);
      this.#settle(delivered.slice(0, partial));
      return { partial };
    }
    this.#settle(delivered);
    return { end: 'done' };
  }

  /** A batch holds, for each key, records that follow one another, from the first on that is not settled. */
  #check(records: readonly Told[]): void {
    const expected = new Map<string, number>();
    for (const { key, n, shardId, sequence } of records) {
      const place = this.#order.get(key)?.indexOf(n) ?? -1;
      const inLife = this.#settledInLife.get(key);
      const next = expected.get(key) ?? inLife;
      const ever = this.#settled.get(key) ?? 0;
      if (place === -1) this.violations.push(`${key} ${n} was never put`);
      else if (next !== undefined && place !== next) this.violations.push(`${key}: ${place} in place of ${next}`);
      else if (next === undefined && place > ever) this.violations.push(`${key}: ${place}, and ${ever} was not done`);
      const checkpoint = this.#checkpoints.get(shardId);
      if (checkpoint !== undefined && BigInt(sequence) <= checkpoint)
        this.violations.push(`${key}: ${place} is behind the checkpoint`);
      expected.set(key, place + 1);
    }
  }

  #settle(records: readonly Told[]): void {
    for (const { key, n } of records) {
      const place = this.#order.get(key)?.indexOf(n) ?? -1;
      this.#settledInLife.set(key, place + 1);
      this.#settled.set(key, Math.max(this.#settled.get(key) ?? 0, place + 1));
    }
  }
}

describe('a stream whose poller is killed', { timeout: WAIT_MS_MAX + 120_000 }, () => {
  const ledger = new Ledger();
  let directory: string;
  let kinesis: KinesisLocal;
  let server: Server;
  let child: ChildProcess | undefined;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lambdad-stream-crash-'));
    kinesis = await startKinesisLocal();
    server = createServer(async (request, response) => {
      response.end(JSON.stringify(ledger.tell((await json(request)) as StreamEntry)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  after(async () => {
    child?.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
    await kinesis?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function fill(): Promise<string> {
    const calls = callsOf(kinesis.url, 'kinesis', NAMESPACE.account);
    const StreamName = 'crash';
    await calls('CreateStream', { StreamName, ShardCount: SHARDS });
    const summary = async () =>
      (await calls('DescribeStreamSummary', { StreamName }))['StreamDescriptionSummary'] as Record<string, string>;
    for (;;) {
      if ((await summary())['StreamStatus'] === 'ACTIVE') break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (let n = 0; n < RECORDS; n += PUT_RECORDS_MAX) {
      const numbers = Array.from({ length: Math.min(PUT_RECORDS_MAX, RECORDS - n) }, (_, at) => n + at);
      const Records = numbers.map((number) => ({
        PartitionKey: `key-${number % KEYS}`,
        Data: Buffer.from(String(number)).toString('base64'),
      }));
      const { FailedRecordCount } = await calls('PutRecords', { StreamName, Records });
      assert.ok(!FailedRecordCount);
      for (const [at, { PartitionKey }] of Records.entries()) ledger.put(PartitionKey, n + at);
    }
    return (await summary())['StreamARN'] ?? '';
  }

  /** As they are on disk, while nobody writes. */
  async function checkpoints(path: string): Promise<Map<string, bigint>> {
    const metadata = await openSqliteMetadata({ path });
    const records = await metadata.list({ ...NAMESPACE, kind: 'stream-checkpoint', prefix: `${UUID}/`, limit: 1000 });
    await metadata.close();
    const found = new Map<string, bigint>();
    for (const { id, body } of records) {
      const { position } = body as StoredCheckpoint;
      if (position.type === 'AFTER') found.set(id.slice(UUID.length + 1), BigInt(position.id ?? 0));
    }
    return found;
  }

  async function until(isThere: () => boolean, giveUpAt: number): Promise<void> {
    while (!isThere()) {
      assert.equal(child?.exitCode ?? null, null, 'the poller ended by itself');
      assert.ok(performance.now() < giveUpAt, `${ledger.missing} records are not settled`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('loses nothing, keeps the order, and repeats only from a checkpoint on', {
    timeout: WAIT_MS_MAX + 60_000,
  }, async () => {
    const arn = await fill();
    const random = randomFromSeed(SEED + 1);
    const path = join(directory, 'metadata.sqlite');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const giveUpAt = performance.now() + WAIT_MS_MAX;
    for (let life = 0; life <= KILLS; life++) {
      ledger.beginLife(await checkpoints(path));
      const args = [join(import.meta.dirname, 'stream-poller.ts'), path, kinesis.url, arn, address];
      child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      const gone = new Promise((resolve) => child?.once('close', resolve));
      const before = ledger.batches;
      if (life === KILLS) await until(() => ledger.missing === 0, giveUpAt);
      else {
        await until(() => ledger.batches > before || ledger.missing === 0, giveUpAt);
        await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX));
      }
      child.kill('SIGKILL');
      await gone;
      assert.deepEqual(ledger.violations, []);
    }
    assert.equal(ledger.missing, 0);
    assert.ok(ledger.deliveries >= RECORDS - ledger.givenUp);
  });
});
