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
import { createFunction, invokeFunction } from '../support/functions.ts';
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
    await createFunction(client, 'broken', { files: { 'index.js': 'throw new Error("no");' }, Publish: true });
    await provision('broken', '1', 1);
    const config = await untilSettled('broken', '1');
    assert.equal(config.Status, 'FAILED');
    assert.equal(config.StatusReason, 'FUNCTION_ERROR_INIT_FAILURE');
    assert.equal(config.AllocatedProvisionedConcurrentExecutions, 0);
  });
});
