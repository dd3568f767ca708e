/** Who may use how much of an account's concurrency, and what the refused are told. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetAccountSettingsCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Says in the folder that it runs, and does so until `go` is there. Plain processes see the machine's files. */
const HOLDING = `
  const { existsSync, writeFileSync } = require('node:fs');
  exports.handler = async ({ folder }, { awsRequestId }) => {
    if (folder !== undefined) writeFileSync(folder + '/' + awsRequestId, '');
    while (folder !== undefined && !existsSync(folder + '/go')) await new Promise((resolve) => setTimeout(resolve, 20));
    return process.env.AWS_LAMBDA_INITIALIZATION_TYPE;
  };`;
const SANDBOX = ['--sandbox', 'process'];
const READY_MS_MAX = 60_000;
const LOOK_MS = 50;

/** What came of one invoke: the init type of its environment, or the Reason of a refusal. */
async function outcomeOf(client: LambdaClient, FunctionName: string, folder?: string): Promise<string> {
  try {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ folder }) }));
    return JSON.parse(Buffer.from(Payload ?? []).toString());
  } catch (error) {
    assert.ok(error instanceof TooManyRequestsException, String(error));
    assert.deepEqual([error.message, error.$metadata.httpStatusCode], ['Rate Exceeded.', 429]);
    return error.Reason ?? 'no reason';
  }
}

/** The outcomes of a burst, sorted, each with its number. What is let in runs until all others are refused or run as well. */
async function burst(client: LambdaClient, wanted: Readonly<Record<string, number>>) {
  const names = Object.entries(wanted).flatMap(([name, count]) => Array.from({ length: count }, () => name));
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-burst-'));
  let over = 0;
  const invokes = names.map(async (name) => `${name} ${await outcomeOf(client, name, folder).finally(() => over++)}`);
  const outcomes = Promise.all(invokes);
  while (over + readdirSync(folder).length < names.length) await sleep(LOOK_MS);
  writeFileSync(join(folder, 'go'), '');
  const counts: Record<string, number> = {};
  for (const outcome of (await outcomes).sort()) counts[outcome] = (counts[outcome] ?? 0) + 1;
  rmSync(folder, { recursive: true });
  return counts;
}

async function provision(client: LambdaClient, FunctionName: string, Qualifier: string, count: number): Promise<void> {
  const named = { FunctionName, Qualifier };
  await client.send(new PutProvisionedConcurrencyConfigCommand({ ...named, ProvisionedConcurrentExecutions: count }));
  await provisioned(client, FunctionName, Qualifier);
}

async function provisioned(client: LambdaClient, FunctionName: string, Qualifier: string): Promise<void> {
  for (const until = Date.now() + READY_MS_MAX; ; await sleep(LOOK_MS)) {
    const { Status } = await client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }));
    if (Status === 'READY') return;
    assert.ok(Date.now() < until, `still ${Status}`);
  }
}

const reserve = (client: LambdaClient, FunctionName: string, ReservedConcurrentExecutions: number) =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));

async function makeHolding(client: LambdaClient, name: string): Promise<void> {
  await createFunction(client, name, { Timeout: 60, Publish: true, files: { 'index.js': HOLDING } });
}

describe('concurrency of an account', { timeout: 240_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;
  let dataDir: string;

  /** Restarts with a limit so small that a machine can reach it: AWS leaves 100 to functions without a reservation. */
  async function restart(...args: string[]): Promise<void> {
    await server.stop();
    server = await startTestServer({ dataDir, args: [...SANDBOX, ...args] });
    client = server.client({ maxAttempts: 1 });
  }

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-limits-'));
    server = await startTestServer({ dataDir, args: SANDBOX });
    client = server.client({ maxAttempts: 1 });
    for (const name of ['free', 'reserved', 'ready']) await makeHolding(client, name);
  });
  after(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is shared by functions without a reservation as far as reservations leave any', async () => {
    await reserve(client, 'reserved', 2);
    await restart('--concurrency', '4');
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
    assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 2);
    assert.deepEqual(await burst(client, { free: 4, reserved: 4 }), {
      'free ConcurrentInvocationLimitExceeded': 2,
      'free on-demand': 2,
      'reserved ReservedFunctionConcurrentInvocationLimitExceeded': 2,
      'reserved on-demand': 2,
    });
    await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'reserved' }));
    assert.deepEqual(await burst(client, { free: 4 }), { 'free on-demand': 4 });
  });

  it('is not shared where it is provisioned, and provisioned environments take nothing of what is', async () => {
    await restart();
    await client.send(new CreateAliasCommand({ FunctionName: 'ready', Name: 'live', FunctionVersion: '1' }));
    await provision(client, 'ready', 'live', 1);
    await restart('--concurrency', '2');
    await provisioned(client, 'ready', 'live');
    assert.deepEqual(await burst(client, { free: 2, 'ready:live': 1 }), {
      'free ConcurrentInvocationLimitExceeded': 1,
      'free on-demand': 1,
      'ready:live provisioned-concurrency': 1,
    });
    // What does not find an environment ready spills over into the shared part.
    assert.deepEqual(await burst(client, { 'ready:live': 3 }), {
      'ready:live ConcurrentInvocationLimitExceeded': 1,
      'ready:live on-demand': 1,
      'ready:live provisioned-concurrency': 1,
    });
    await client.send(new DeleteFunctionCommand({ FunctionName: 'ready' }));
    assert.deepEqual(await burst(client, { free: 2 }), { 'free on-demand': 2 });
  });

  it('is closed to $LATEST while a reservation is provisioned to the last', async () => {
    await restart();
    await makeHolding(client, 'both');
    await reserve(client, 'both', 1);
    await provision(client, 'both', '1', 1);
    const refused = 'ReservedFunctionConcurrentInvocationLimitExceeded';
    assert.equal(await outcomeOf(client, 'both'), refused);
    assert.equal(await outcomeOf(client, 'both:1'), 'provisioned-concurrency');
    await reserve(client, 'both', 2);
    assert.equal(await outcomeOf(client, 'both'), 'on-demand');
    await reserve(client, 'free', 0);
    assert.equal(await outcomeOf(client, 'free'), refused);
  });
});

describe('rates', { timeout: 120_000 }, () => {
  it('of requests are held to ten a second for each concurrent one, where that is asked for', async () => {
    const server = await startTestServer({ args: [...SANDBOX, '--request-rate', 'on', '--concurrency', '101'] });
    try {
      const client = server.client({ maxAttempts: 1, requestHandler: { httpAgent: { maxSockets: 100 } } });
      await makeHolding(client, 'hold');
      await reserve(client, 'hold', 1);
      const counts = await burst(client, { hold: 100 });
      assert.equal(counts['hold on-demand'], 1);
      assert.ok((counts['hold ReservedFunctionConcurrentInvocationLimitExceeded'] ?? 0) >= 9);
      assert.ok((counts['hold ReservedFunctionInvocationRateLimitExceeded'] ?? 0) > 0, JSON.stringify(counts));
    } finally {
      await server.stop();
    }
    const small = await startTestServer({ args: [...SANDBOX, '--request-rate', 'on', '--concurrency', '1'] });
    try {
      const client = small.client({ maxAttempts: 1, requestHandler: { httpAgent: { maxSockets: 100 } } });
      await makeHolding(client, 'hold');
      const counts = await burst(client, { hold: 100 });
      assert.ok((counts['hold FunctionInvocationRateLimitExceeded'] ?? 0) > 0, JSON.stringify(counts));
    } finally {
      await small.stop();
    }
  });

  it('of new environments are held to a number in ten seconds, where that is asked for', async () => {
    const server = await startTestServer({ args: [...SANDBOX, '--scaling-rate', '2'] });
    try {
      const client = server.client({ maxAttempts: 1 });
      await makeHolding(client, 'hold');
      assert.deepEqual(await burst(client, { hold: 4 }), {
        'hold ConcurrentInvocationLimitExceeded': 2,
        'hold on-demand': 2,
      });
    } finally {
      await server.stop();
    }
  });
});
