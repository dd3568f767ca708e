import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateAliasCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetProvisionedConcurrencyConfigCommand,
  type GetProvisionedConcurrencyConfigResponse,
  type LambdaClient,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda';
import { figuresUntil } from '../limits/metrics-page.ts';
import { createFunction, type Deployed, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;
let dataDir: string;
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lambdad-provisioned-'));
  server = await startTestServer({ dataDir });
  client = server.client();
});
after(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const WAIT_MS = 20_000;
const LOOK_MS = 50;

async function untilSettled(FunctionName: string, Qualifier: string) {
  for (const until = Date.now() + WAIT_MS; ; await sleep(LOOK_MS)) {
    const config: GetProvisionedConcurrencyConfigResponse = await client.send(
      new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }),
    );
    if (config.Status !== 'IN_PROGRESS') return config;
    assert.ok(Date.now() < until, 'still in progress');
  }
}

const provision = (FunctionName: string, Qualifier: string, ProvisionedConcurrentExecutions: number) =>
  client.send(new PutProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier, ProvisionedConcurrentExecutions }));

const HELD = 'lambdad_provisioned_environments';

/** Functions whose init cannot end well, each for another reason. */
const BROKEN: Readonly<Record<string, Deployed>> = {
  throws: { files: { 'index.js': 'throw new Error("no");' } },
  exits: { files: { 'index.js': 'process.exit(3);' } },
  killed: { files: { 'index.js': "process.kill(process.pid, 'SIGSEGV');" } },
  'no-module': { files: { 'other.js': '' } },
  'no-handler': { files: { 'index.js': 'exports.other = () => {};' } },
  syntax: { files: { 'index.js': 'exports.handler = (' } },
  'no-bootstrap': { files: { 'index.js': '' }, Runtime: 'provided.al2023' },
  'out-of-memory': {
    files: { 'index.js': 'const all = []; for (;;) all.push(Buffer.alloc(16_777_216, 1));' },
    MemorySize: 128,
  },
};

const WHO = `
exports.handler = async () => ({ type: process.env.AWS_LAMBDA_INITIALIZATION_TYPE });`;

describe('provisioned environments', { timeout: 60_000 }, () => {
  it('are there before the first invoke, and again after a restart of the server', async () => {
    await createFunction(client, 'ready', { files: { 'index.js': WHO }, Publish: true });
    await client.send(new CreateAliasCommand({ FunctionName: 'ready', Name: 'live', FunctionVersion: '1' }));
    const asked = await provision('ready', 'live', 2);
    assert.equal(asked.$metadata.httpStatusCode, 202);
    assert.equal(asked.Status, 'IN_PROGRESS');
    const config = await untilSettled('ready', 'live');
    assert.equal(config.Status, 'READY', config.StatusReason);
    assert.equal(config.AllocatedProvisionedConcurrentExecutions, 2);
    assert.equal(config.AvailableProvisionedConcurrentExecutions, 2);
    const answer = await invokeFunction(client, 'ready:live');
    assert.equal((answer.payload as { type: string }).type, 'provisioned-concurrency');
    assert.doesNotMatch(answer.log, /^REPORT .*Init Duration/m);
    const latest = await invokeFunction(client, 'ready');
    assert.equal((latest.payload as { type: string }).type, 'on-demand');
    await server.stop();
    server = await startTestServer({ dataDir });
    client = server.client();
    assert.equal((await untilSettled('ready', 'live')).Status, 'READY');
    await client.send(new DeleteProvisionedConcurrencyConfigCommand({ FunctionName: 'ready', Qualifier: 'live' }));
    await assert.rejects(untilSettled('ready', 'live'), { name: 'ProvisionedConcurrencyConfigNotFoundException' });
  });

  it('say so when the function cannot be initialized', async () => {
    for (const [name, settings] of Object.entries(BROKEN)) {
      await createFunction(client, name, { ...settings, Publish: true });
      await provision(name, '1', 1);
    }
    for (const name of Object.keys(BROKEN)) {
      const config = await untilSettled(name, '1');
      assert.equal(config.Status, 'FAILED', name);
      assert.equal(config.StatusReason, 'FUNCTION_ERROR_INIT_FAILURE', name);
      assert.equal(config.AllocatedProvisionedConcurrentExecutions, 0);
    }
  });

  it('are there again after the server was killed', async () => {
    await createFunction(client, 'survivor', { files: { 'index.js': WHO }, Publish: true });
    await provision('survivor', '1', 2);
    assert.equal((await untilSettled('survivor', '1')).Status, 'READY');
    await server.kill();
    server = await startTestServer({ dataDir });
    client = server.client();
    const config = await untilSettled('survivor', '1');
    assert.deepEqual([config.Status, config.AvailableProvisionedConcurrentExecutions], ['READY', 2]);
    const answer = await invokeFunction(client, 'survivor:1');
    assert.equal((answer.payload as { type: string }).type, 'provisioned-concurrency');
  });

  it('are not held any more when they are given back', async () => {
    const FunctionName = 'given';
    await createFunction(client, FunctionName, { files: { 'index.js': WHO }, Publish: true });
    await provision(FunctionName, '1', 2);
    await untilSettled(FunctionName, '1');
    // A function has figures of its own from its first invoke on.
    await invokeFunction(client, 'given:1');
    await figuresUntil(server.url, FunctionName, (found) => found[HELD] === 2);
    await client.send(new DeleteProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier: '1' }));
    await figuresUntil(server.url, FunctionName, (found) => found[HELD] === 0);
  });
});
