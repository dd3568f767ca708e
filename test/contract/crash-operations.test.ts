/**
 * kill -9 while any operation writes: afterwards the store is as before the write or as after it, and as after it when
 * the write was acknowledged. What that is, the same writes in memory have shown.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as sdk from '@aws-sdk/client-lambda';
import { randomIds } from '../../src/base/ids.ts';
import { openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import { PASSING_MS } from '../../src/sources/mapping-state.ts';
import { byExtent } from '../proof/extent.ts';
import { makeWorld } from '../support/function-world.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { randomFromSeed } from './random-from-seed.ts';
import { dumpRecords } from './record-dump.ts';
import { type Caller, REGION, type Write, writes, writesNothing } from './writes.ts';

const ROUNDS = byExtent({ reduced: 3, full: 6, longest: 6 });
const SEED = 20_152;
/** All writes of a round are asked for within this, and the server is killed somewhere in it or shortly behind. */
const ASKED_WITHIN_MS = 150;
const KILLED_WITHIN_MS = 250;
/** Functions that are made at the same time, so that a round does not take long. */
const LANES = 6;
const SETTLE_MS = 10;
const SETTLED_MS_MAX = 15_000;

const WRITING = /^(Create|Update|Delete|Put|Publish|Add|Remove|Tag|Untag)/;

interface Case {
  readonly write: Write;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface Running extends Case {
  readonly account: string;
  readonly client: sdk.LambdaClient;
  readonly input: object;
  acknowledged: boolean;
}

function titleOf({ operation, title }: Write): string {
  return title === undefined ? operation : `${operation} (${title})`;
}

/** The write in memory: what is stored before it and after it. */
async function rehearse(write: Write): Promise<Case> {
  const world = await makeWorld();
  const namespace = { account: '999999999999', region: REGION };
  const call: Caller = async (name, input) => {
    const { output } = await world.call(name, input, namespace);
    await world.activation.idle();
    world.clock.advance(PASSING_MS);
    return output;
  };
  try {
    const input = await write.prepare(call, namespace.account);
    const before = await dumpRecords(world.metadata, namespace);
    await call(write.operation, input);
    return { write, before, after: await dumpRecords(world.metadata, namespace) };
  } finally {
    await world.close();
  }
}

type Command = new (input: object) => Parameters<sdk.LambdaClient['send']>[0];

function send(client: sdk.LambdaClient, name: OperationName, input: object): Promise<unknown> {
  const command = (sdk as unknown as Record<string, Command>)[`${name}Command`];
  if (!command) throw new Error(`the client has no ${name}Command`);
  return client.send(new command(input));
}

/** Calls through HTTP, and waits until the function is settled where there is one. */
function callerOf(client: sdk.LambdaClient): Caller {
  return async (name, input) => {
    const output = (await send(client, name, input)) as never;
    const { FunctionName } = input as { FunctionName?: string };
    if (FunctionName !== undefined) await settled(client, FunctionName);
    const { UUID } = output as { UUID?: string };
    if (UUID !== undefined) await mappingSettled(client, UUID);
    return output;
  };
}

/** The function's `$LATEST`, and the version that was published last, are ready or have failed. */
async function settled(client: sdk.LambdaClient, FunctionName: string): Promise<void> {
  const { Versions = [] } = await client.send(new sdk.ListVersionsByFunctionCommand({ FunctionName }));
  for (const Qualifier of new Set([Versions[0]?.Version, Versions.at(-1)?.Version]))
    await until(async () => {
      const target = { FunctionName, ...(Qualifier === undefined ? {} : { Qualifier }) };
      const { State, LastUpdateStatus } = await client.send(new sdk.GetFunctionConfigurationCommand(target));
      return State !== 'Pending' && LastUpdateStatus !== 'InProgress';
    });
}

async function mappingSettled(client: sdk.LambdaClient, UUID: string): Promise<void> {
  await until(async () => !(await client.send(new sdk.GetEventSourceMappingCommand({ UUID }))).State?.endsWith('ing'));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + SETTLED_MS_MAX; !(await holds()); ) {
    if (performance.now() > giveUpAt) throw new Error('what was prepared does not settle');
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}

async function prepare(server: TestServer, cases: readonly Case[], round: number): Promise<Running[]> {
  const running: Running[] = [];
  const left = [...cases.entries()];
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [index, each] = next;
      const account = String(100_000_000_000 + round * 1000 + index);
      const credentials = { accessKeyId: account, secretAccessKey: 'x' };
      const client = server.client({ region: REGION, credentials, maxAttempts: 1 });
      const input = await each.write.prepare(callerOf(client), account);
      running.push({ ...each, account, client, input, acknowledged: false });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return running;
}

/** Asks for all writes at random moments and kills the server at another one. */
async function writeAndKill(server: TestServer, running: readonly Running[], random: () => number): Promise<void> {
  const asked = running.map(async (each) => {
    await new Promise((resolve) => setTimeout(resolve, random() * ASKED_WITHIN_MS));
    try {
      await send(each.client, each.write.operation, each.input);
      each.acknowledged = true;
    } catch (error) {
      // The server is gone; an answer of it would be a refusal, and the write a wrong one.
      if ((error as { $response?: { statusCode: number } }).$response) throw error;
    }
  });
  await new Promise((resolve) => setTimeout(resolve, random() * KILLED_WITHIN_MS));
  await server.kill();
  await Promise.all(asked);
}

async function check(dataDir: string, running: readonly Running[]): Promise<{ before: number; after: number }> {
  const folder = await openDataFolder(dataDir, randomIds);
  const metadata = await openSqliteMetadata({ path: folder.paths.database });
  const found = { before: 0, after: 0 };
  try {
    for (const { write, account, before, after, acknowledged } of running) {
      const records = await dumpRecords(metadata, { account, region: REGION });
      const asBefore = JSON.stringify(records) === JSON.stringify(before);
      if (acknowledged || !asBefore)
        assert.deepEqual(records, after, `${titleOf(write)}, acknowledged: ${acknowledged}`);
      found[asBefore ? 'before' : 'after'] += 1;
    }
  } finally {
    await metadata.close();
    await folder.close();
  }
  return found;
}

describe('kill -9 during any write', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-writes-'));
  const cases: Case[] = [];
  before(async () => {
    for (const write of writes) cases.push(await rehearse(write));
  });
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  it('knows every operation that writes', () => {
    const names = (Object.keys(operationModels) as OperationName[]).filter(
      (name) => WRITING.test(name) && !writesNothing.has(name),
    );
    const known = new Set(writes.map(({ operation }) => operation));
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
    );
    for (const { write, before: was, after: is } of cases) assert.notDeepEqual(is, was, titleOf(write));
  });

  it('leaves the store as before or as after', { timeout: 120_000 }, async () => {
    const random = randomFromSeed(SEED);
    const found = { before: 0, after: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startTestServer({ dataDir });
      const running = await prepare(server, cases, round);
      await writeAndKill(server, running, random);
      const { before: undone, after: done } = await check(dataDir, running);
      found.before += undone;
      found.after += done;
    }
    assert.ok(found.before > 0 && found.after > 0, `killed too late or too early: ${JSON.stringify(found)}`);
  });
});
