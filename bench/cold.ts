/**
 * Cold invokes, as the client sees them, against a bare unsandboxed spawn of the same runtime that loads the same
 * handler, calls it once and exits: first byte of the call to last byte of the answer against spawn to exit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { startTestServer } from '../test/support/server.ts';
import { sharedCacheDir } from '../test/support/shared-cache.ts';
import { deploy, SOON } from './bench-server.ts';
import { Caller } from './caller.ts';
import { type ColdCase, coldCases } from './cold-cases.ts';
import { type Block, type MissingRow, type Row, row } from './statistics.ts';
import { WaitingSandboxes } from './waiting-sandboxes.ts';

/** On a server of its own, whose first ones also compile the server's code and the function's. */
const ROUNDS = 9;
const BURST_ROUNDS = 3;
const START_ROUNDS = 3;
const BURSTS = [10, 50];
/** Calls that come faster than sandboxes can be made ready: functions that are called once each, by so many callers. */
const SUSTAINED_FUNCTIONS = 40;
const SUSTAINED_CALLERS = 4;
const SUSTAINED_BLOCKS = 3;
const RETRIES = { maxAttempts: 1 };
const ARGS = ['--bundled-sdk', 'on', '--cache', sharedCacheDir];

/** A server with one function, whose sandboxes are the only ones that wait on it. */
interface Bench {
  readonly client: LambdaClient;
  readonly caller: Caller;
  readonly each: ColdCase;
  readonly waiting: WaitingSandboxes;
}

export async function* benchCold(): AsyncGenerator<Row | MissingRow> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const data = mkdtempSync(join(tmpdir(), 'lambdad-bench-data-'));
  try {
    const { cases, missing } = await coldCases(folder);
    for (const each of cases) yield* onOwnServer(each, compare);
    const [hello] = cases;
    if (hello) {
      yield* onOwnServer(hello, crowds, data);
      yield await firstCalls(hello, data);
    }
    yield* missing;
  } finally {
    for (const each of [folder, data]) rmSync(each, { recursive: true, force: true });
  }
}

async function* onOwnServer(
  each: ColdCase,
  measure: (bench: Bench) => AsyncGenerator<Row>,
  dataDir?: string,
): AsyncGenerator<Row> {
  const server = await startTestServer({ args: ARGS, ...(dataDir === undefined ? {} : { dataDir }) });
  const caller = new Caller(server.url);
  try {
    const client = server.client(RETRIES);
    await deploy(client, each.deployment);
    const waiting = new WaitingSandboxes(server);
    if (each.isPrestarted) await waiting.settled(true);
    yield* measure({ client, caller, each, waiting });
  } finally {
    caller.stop();
    await server.stop();
  }
}

/** The server has just said that it listens: nothing waits for anything. */
async function firstCalls(hello: ColdCase, dataDir: string): Promise<Row> {
  const starts: Block[] = [];
  for (let round = 0; round < START_ROUNDS; round++) {
    const server = await startTestServer({ args: ARGS, dataDir });
    const caller = new Caller(server.url);
    try {
      const ours = await caller.invoke([hello.deployment.name]);
      starts.push({ ours, bare: await caller.spawn(hello) });
    } finally {
      caller.stop();
      await server.stop();
    }
  }
  return row('cold: first call after a start', 'ms', 'shown', starts);
}

/** A new environment is had by changing the configuration, and is called when sandboxes wait again; neither is measured. */
async function renew({ client, each, waiting }: Bench, round: string): Promise<void> {
  const FunctionName = each.deployment.name;
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: `round ${round}` }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, ...SOON }, { FunctionName });
  if (each.isPrestarted) await waiting.settled(false);
}

async function* compare(bench: Bench): AsyncGenerator<Row> {
  const { caller, each } = bench;
  const blocks: Block[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await caller.spawn(each);
    await renew(bench, String(round));
    blocks.push({ bare, ours: await caller.invoke([each.deployment.name]) });
  }
  yield row(`cold: ${each.what}`, 'ms', each.aim, blocks);
}

async function* crowds(bench: Bench): AsyncGenerator<Row> {
  for (const count of BURSTS) yield await burst(bench, count);
  yield await sustained(bench);
}

/** Wall time of so many calls at once, of which each needs an environment, against as many bare programs at once. */
async function burst(bench: Bench, count: number): Promise<Row> {
  const { caller, each } = bench;
  const blocks: Block[] = [];
  for (let round = 0; round < BURST_ROUNDS; round++) {
    const bare = await caller.spawn(each, count);
    await renew(bench, `${count} ${round}`);
    blocks.push({ bare, ours: await caller.invoke(Array.from({ length: count }, () => each.deployment.name)) });
  }
  return row(`cold: burst of ${count}`, 'ms', '≤ 1.5', blocks);
}

/** Cold starts per second, of functions that have never been called. */
async function sustained({ client, caller, each, waiting }: Bench): Promise<Row> {
  const perSecond = (tookMs: number) => (SUSTAINED_FUNCTIONS * 1000) / tookMs;
  const blocks: Block[] = [];
  for (let block = 0; block < SUSTAINED_BLOCKS; block++) {
    const names = Array.from({ length: SUSTAINED_FUNCTIONS }, (_, number) => `sustained-${block}-${number}`);
    await Promise.all(names.map((name) => deploy(client, { ...each.deployment, name })));
    if (each.isPrestarted) await waiting.settled(false);
    const bare = perSecond(await caller.spawn(each, SUSTAINED_FUNCTIONS, SUSTAINED_CALLERS));
    blocks.push({ bare, ours: perSecond(await caller.invoke(names, SUSTAINED_CALLERS)) });
  }
  return row('cold: sustained', '/s', '≥ 0.8', blocks);
}
