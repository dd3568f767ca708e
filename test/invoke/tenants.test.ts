/** Tenant isolation: environments of each tenant's own, and a function that is told whose they are. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  InvokeAsyncCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { byExtent } from '../proof/extent.ts';
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

/** Says whose environment it is, and ends it in one way or another. */
const TELLING = `
  import { setTimeout } from 'node:timers/promises';
  const seen = new Set();
  export const handler = async ({ end, n }, { tenantId }) => {
    seen.add(tenantId);
    if (end === 'crash') process.exit(1);
    if (end === 'hang') await setTimeout(60_000);
    if (end === 'throw') throw new Error('as asked');
    return { n, tenantId, seen: [...seen] };
  };`;
const TENANTS = ['blue', 'red', 'green', 'a:b/c=d+e-f@g h', '.'] as const;
const ROUNDS = byExtent({ reduced: 15, full: 40, longest: 40 });
const ENDS = ['crash', 'hang', 'throw'] as const;

test('no environment serves two tenants, under load, with crashes and timeouts', { timeout: 120_000 }, async () => {
  await createFunction(client, 'telling', {
    TenancyConfig: { TenantIsolationMode: 'PER_TENANT' },
    Timeout: 2,
    files: { 'index.mjs': TELLING },
  });
  const one = async (n: number) => {
    const TenantId = TENANTS[n % TENANTS.length] as string;
    // Every ninth ends badly, each tenant in each way.
    const end = n % 9 === 0 ? ENDS[(n / 9) % ENDS.length] : undefined;
    const Payload = JSON.stringify({ n, end });
    const answer = await client.send(new InvokeCommand({ FunctionName: 'telling', TenantId, Payload }));
    const payload = JSON.parse(Buffer.from(answer.Payload ?? []).toString());
    if (end === undefined) assert.deepEqual(payload, { n, tenantId: TenantId, seen: [TenantId] });
    else assert.equal(answer.FunctionError, 'Unhandled', `${end}: ${JSON.stringify(payload)}`);
  };
  for (let round = 0; round < ROUNDS; round++)
    await Promise.all(Array.from({ length: TENANTS.length }, (_, at) => one(round * TENANTS.length + at)));
});

test('a tenant is asked for where there are tenants, refused where there are none, and is a name', async () => {
  const files = { 'index.mjs': TELLING };
  await createFunction(client, 'tenants', { files, TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } });
  await createFunction(client, 'alone', { files });
  const needed =
    'The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.';
  const unwanted =
    'The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.';
  const cases = [
    ['tenants', undefined, needed],
    ['alone', 'blue', unwanted],
  ] as const;
  for (const [FunctionName, TenantId, message] of cases)
    for (const InvocationType of ['RequestResponse', 'Event', 'DryRun'] as const)
      await assert.rejects(client.send(new InvokeCommand({ FunctionName, TenantId, InvocationType })), {
        name: 'InvalidParameterValueException',
        message,
      });
  await assert.rejects(client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'tenants' })), {
    name: 'InvalidParameterValueException',
    message: needed,
  });
  await assert.rejects(client.send(new InvokeAsyncCommand({ FunctionName: 'tenants', InvokeArgs: '{}' })), {
    name: 'InvalidParameterValueException',
    message: needed,
  });
  for (const TenantId of ['a,b', 'ü', 'x'.repeat(257)]) {
    const asked = client.send(new InvokeCommand({ FunctionName: 'tenants', TenantId }));
    await assert.rejects(asked, (error: Error & { readonly $metadata: { readonly httpStatusCode?: number } }) => {
      assert.equal(error.$metadata.httpStatusCode, 400, TenantId);
      return true;
    });
  }
  const longest = new InvokeCommand({ FunctionName: 'tenants', TenantId: 'x'.repeat(256), Payload: '{}' });
  assert.equal((await client.send(longest)).FunctionError, undefined);
});

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
