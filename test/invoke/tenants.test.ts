/** Tenant isolation: environments of each tenant's own, and a function that is told whose they are. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});

after(() => server.stop());

const COUNTING = `
  let count = 0;
  export const handler = async (event, { tenantId }) => ({ tenantId, count: ++count });`;

async function invoke(TenantId: string) {
  const answer = await client.send(new InvokeCommand({ FunctionName: 'count', TenantId, LogType: 'Tail' }));
  return {
    payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()),
    log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
  };
}

test('the function and its log are told the tenant, and no tenant sees the environment of another', async () => {
  await createFunction(client, 'count', {
    TenancyConfig: { TenantIsolationMode: 'PER_TENANT' },
    LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'DEBUG' },
    files: { 'index.mjs': COUNTING },
  });
  assert.deepEqual((await invoke('blue')).payload, { tenantId: 'blue', count: 1 });
  assert.deepEqual((await invoke('red')).payload, { tenantId: 'red', count: 1 });
  const { payload, log } = await invoke('blue');
  assert.deepEqual(payload, { tenantId: 'blue', count: 2 });
  const records = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const named = records.filter(({ record }) => record.tenantId === 'blue').map(({ type }) => type);
  assert.deepEqual(named, ['platform.start', 'platform.runtimeDone']);
});
