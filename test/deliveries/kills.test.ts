/**
 * Queues and a stream with real functions behind them that fail, hang and are throttled, while the server is killed with
 * SIGKILL again and again. A ledger outside is told of every delivery and judges: nothing is lost, each key stays in
 * order, and nothing comes again but what was in hand at a kill.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { byExtent, proofSeed } from '../proof/extent.ts';
import { tellFigure } from '../proof/figures.ts';
import { skipWithoutElasticMq } from '../support/elasticmq.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Checkpoints, losses, type Story, violations } from './judgement.ts';
import { DeliveryLedger, ledgerFunction, type MappingName } from './ledger.ts';
import { CountedSources } from './sources.ts';

const KILLS = byExtent({ reduced: 3, full: 20, longest: 60 });
const MESSAGES = byExtent({ reduced: 400, full: 20_000, longest: 40_000 });
const RECORDS = byExtent({ reduced: 400, full: 20_000, longest: 40_000 });
const LIFE_MS_MAX = byExtent({ reduced: 1_000, full: 6_000, longest: 6_000 });
const MINUTES_MAX = byExtent({ reduced: 3, full: 20, longest: 40 });
/** After the last kill: when nothing was delivered for so long, what is not there never comes. */
const QUIET_MS_MAX = 60_000;
const TOTAL: Record<MappingName, number> = { standard: MESSAGES / 2, fifo: MESSAGES / 2, stream: RECORDS };
const KEYS: Record<MappingName, number> = {
  standard: 1,
  fifo: byExtent({ reduced: 20, full: 100, longest: 100 }),
  stream: 60,
};
const SHARDS = 4;
/** The reserved concurrency of each function; the queues have as many lanes, the stream has more. */
const LANES = 3;
const QUEUE_BATCH = 10;
const STREAM_BATCH = 25;
const FUNCTION_TIMEOUT_S = 2;
const VISIBILITY_S = 5;
/** From the moment a queue hides a message until the ledger hears of its delivery. */
const DELIVERY_MS_MAX = 4_000;
/** How long a function is refused every slot. */
const SQUEEZE_MS_MAX = 400;
/** Every so many-th life ends while the server still takes up its work. */
const EARLY_EVERY = 5;
const NAMESPACE = { account: '000000000000', region: 'us-east-1' };
const NAMES: readonly MappingName[] = ['standard', 'fifo', 'stream'];

describe('sources of a server that is killed', { skip: skipWithoutElasticMq(), timeout: MINUTES_MAX * 60_000 }, () => {
  const random = randomFromSeed(proofSeed);
  const ledger = new DeliveryLedger(proofSeed + 1);
  const checkpoints: Checkpoints[] = [];
  let dataDir: string;
  let sources: CountedSources;
  let streamMapping: string;

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-deliveries-'));
    await ledger.open();
    sources = await CountedSources.open({ shards: SHARDS, keys: KEYS, visibilityS: VISIBILITY_S });
  });
  after(async () => {
    await sources?.close();
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (life: number) =>
    startTestServer({
      dataDir,
      args: ['--sandbox', 'process', '--pass-endpoints', 'ledger'],
      env: { ...sources.environment, AWS_ENDPOINT_URL_LEDGER: ledger.urlOf(life) },
    });
  const limit = (client: LambdaClient, FunctionName: MappingName, ReservedConcurrentExecutions: number) =>
    client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  async function prepare(): Promise<void> {
    const server = await start(0);
    const client = server.client();
    for (const name of NAMES) {
      await createFunction(client, name, { files: ledgerFunction(), Timeout: FUNCTION_TIMEOUT_S });
      await limit(client, name, LANES);
      const { UUID = '' } = await client.send(new CreateEventSourceMappingCommand(mappingOf(name, sources)));
      if (name === 'stream') streamMapping = UUID;
    }
    await server.stop();
  }

  /** As they are on disk, while nobody writes. */
  async function readCheckpoints(): Promise<Checkpoints> {
    const metadata = await openSqliteMetadata({ path: join(dataDir, 'metadata.db') });
    const prefix = `${streamMapping}/`;
    const records = await metadata.list({ ...NAMESPACE, kind: 'stream-checkpoint', prefix, limit: 1000 });
    await metadata.close();
    const found = new Map<string, bigint>();
    for (const { id, body } of records) {
      const { position } = body as { readonly position: { readonly type: string; readonly id?: string } };
      if (position.type === 'AFTER') found.set(id.slice(prefix.length), BigInt(position.id ?? 0));
    }
    return found;
  }

  async function until(isThere: () => boolean | Promise<boolean>, server: TestServer, missing: () => string) {
    let seen = ledger.entries.length;
    let giveUpAt = performance.now() + QUIET_MS_MAX;
    while (!(await isThere())) {
      if (ledger.entries.length > seen) giveUpAt = performance.now() + QUIET_MS_MAX;
      seen = ledger.entries.length;
      assert.ok(performance.now() < giveUpAt, `${missing()}\n${server.stderr()}`);
      await sleep(100);
    }
  }

  /** Takes every slot from one of the functions for a while; the server may be killed meanwhile. */
  async function squeeze(client: LambdaClient, afterMs: number, forMs: number, name: MappingName): Promise<void> {
    try {
      await sleep(afterMs);
      await limit(client, name, 0);
      await sleep(forMs);
      await limit(client, name, LANES);
    } catch {
      // The server is gone. The next life begins with the limit as it was meant.
    }
  }

  async function oneLife(life: number): Promise<void> {
    const isEarly = life % EARLY_EVERY === EARLY_EVERY - 1;
    const [lifeMs, squeezeAt, squeezeMs, which] = [random(), random(), random(), random()];
    const server = await start(life);
    const share = (total: number) => Math.ceil((total * (life + 1)) / (KILLS + 1));
    const counts = { standard: share(TOTAL.standard), fifo: share(TOTAL.fifo), stream: share(TOTAL.stream) };
    const filling = sources.fillTo(counts);
    const client = server.client({ maxAttempts: 1 });
    for (const name of NAMES) await limit(client, name, LANES);
    const before = ledger.entries.length;
    if (!isEarly)
      await until(
        () => ledger.entries.length > before,
        server,
        () => 'nothing is delivered',
      );
    const name = NAMES[Math.floor(which * NAMES.length)] as MappingName;
    const squeezing = squeeze(client, squeezeAt * lifeMs * LIFE_MS_MAX, squeezeMs * SQUEEZE_MS_MAX, name);
    await sleep(lifeMs * LIFE_MS_MAX);
    await server.kill();
    await Promise.all([filling, squeezing]);
  }

  const story = (): Story => ({
    entries: ledger.entries,
    put: sources.put,
    keys: KEYS,
    dead: sources.dead,
    givenUp: sources.givenUp,
    checkpoints,
    hiddenMs: VISIBILITY_S * 1000 - DELIVERY_MS_MAX,
    lanes: LANES,
    batchSize: QUEUE_BATCH,
  });

  async function lastLife(): Promise<void> {
    const server = await start(KILLS);
    for (const name of NAMES) await limit(server.client(), name, LANES);
    await sources.fillTo(TOTAL);
    await until(
      () => losses(story()).length === 0,
      server,
      () => violations(story()).join('\n'),
    );
    for (const name of ['standard', 'fifo'] as const)
      await until(
        async () => (await sources.waiting(name)) === 0,
        server,
        () => `${name} is not empty`,
      );
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }

  it(`loses none of ${MESSAGES} messages and ${RECORDS} records in ${KILLS} kills, and keeps their order`, {
    timeout: MINUTES_MAX * 60_000,
  }, async () => {
    await prepare();
    for (let life = 0; life < KILLS; life++) {
      checkpoints.push(await readCheckpoints());
      await oneLife(life);
    }
    checkpoints.push(await readCheckpoints());
    await lastLife();
    const { dead, givenUp } = sources;
    assert.deepEqual(violations(story()), []);
    for (const [end, count] of Object.entries(ledger.ends)) assert.ok(count > 0, `no function was told to ${end}`);
    assert.ok(givenUp.length > 0 && dead.standard.size > 0 && dead.fifo.size > 0);
    tellFigure('batches that functions were given', ledger.entries.length);
    tellFigure(
      'messages and records that went where failures go',
      dead.standard.size + dead.fifo.size + givenUp.length,
    );
  });
});

function mappingOf(name: MappingName, { arns }: CountedSources): CreateEventSourceMappingCommandInput {
  const common = {
    FunctionName: name,
    EventSourceArn: arns[name],
    FunctionResponseTypes: ['ReportBatchItemFailures' as const],
  };
  if (name !== 'stream') return { ...common, BatchSize: QUEUE_BATCH, ScalingConfig: { MaximumConcurrency: LANES } };
  return {
    ...common,
    BatchSize: STREAM_BATCH,
    StartingPosition: 'TRIM_HORIZON',
    ParallelizationFactor: 2,
    MaximumRetryAttempts: 2,
    BisectBatchOnFunctionError: true,
    DestinationConfig: { OnFailure: { Destination: arns.givenUp } },
  };
}
