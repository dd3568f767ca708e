/** What `/metrics` tells of invokes, and whom. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteFunctionCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda';
import { InvokeMetrics } from '../../src/invoke/invoke-metrics.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Figures, figuresOf, figuresUntil } from './metrics-page.ts';

const FUNCTION = `
  exports.handler = async ({ fail, ms = 0 }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (fail) throw new Error('as asked');
  };`;
const HOLD_MS = 5_000;
const LOOK_MS = 50;
const WAIT_MS = 60_000;

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client({ maxAttempts: 1 });
});
after(() => server.stop());

const figures = (name: string) => figuresOf(server.url, name);
const until = (name: string, isSo: (found: Figures) => boolean) => figuresUntil(server.url, name, isSo);

test('invokes, errors, cold starts, durations and throttles are counted', { timeout: 90_000 }, async () => {
  await createFunction(client, 'counted', { Timeout: 60, files: { 'index.js': FUNCTION } });
  assert.deepEqual(await figures('counted'), {});
  for (let i = 0; i < 3; i++) await invokeFunction(client, 'counted', { ms: 20 });
  await invokeFunction(client, 'counted', { fail: true });
  const found = await figures('counted');
  assert.equal(found['lambdad_invocations_total'], 4);
  assert.equal(found['lambdad_errors_total'], 1);
  assert.equal(found['lambdad_cold_starts_total'], 1);
  assert.equal(found['lambdad_throttles_total'], 0);
  assert.equal(found['lambdad_concurrent_executions'], 0);
  assert.equal(found['lambdad_duration_seconds_count'], 4);
  assert.equal(found['lambdad_duration_seconds_bucket{le="+Inf"}'], 4);
  assert.ok((found['lambdad_duration_seconds_sum'] ?? 0) >= 0.057, 'three of them waited 20 ms');
  assert.ok((found['lambdad_duration_seconds_bucket{le="0.01"}'] ?? 9) <= 1);
  assert.equal(found['lambdad_environments{state="idle"}'], 1);

  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'counted', ReservedConcurrentExecutions: 1 }));
  const held = invokeFunction(client, 'counted', { ms: HOLD_MS });
  const during = await until('counted', (now) => now['lambdad_concurrent_executions'] === 1);
  assert.equal(during['lambdad_environments{state="busy"}'], 1);
  await assert.rejects(invokeFunction(client, 'counted'), { name: 'TooManyRequestsException' });
  assert.equal((await figures('counted'))['lambdad_throttles_total'], 1);
  await held;
  const over = await figures('counted');
  assert.deepEqual([over['lambdad_concurrent_executions'], over['lambdad_invocations_total']], [0, 5]);
  await client.send(new DeleteFunctionCommand({ FunctionName: 'counted' }));
  assert.deepEqual(await figures('counted'), {});
});

test('provisioned concurrency, what spills over it, and dropped recursions are counted', {
  timeout: 90_000,
}, async () => {
  await createFunction(client, 'ready', { Timeout: 60, Publish: true, files: { 'index.js': FUNCTION } });
  const named = { FunctionName: 'ready', Qualifier: '1' };
  await client.send(new PutProvisionedConcurrencyConfigCommand({ ...named, ProvisionedConcurrentExecutions: 1 }));
  for (const end = Date.now() + WAIT_MS; ; await sleep(LOOK_MS)) {
    if ((await client.send(new GetProvisionedConcurrencyConfigCommand(named))).Status === 'READY') break;
    assert.ok(Date.now() < end, 'never ready');
  }
  const first = invokeFunction(client, 'ready:1', { ms: HOLD_MS });
  const during = await until('ready', (now) => now['lambdad_provisioned_concurrent_executions'] === 1);
  assert.equal(during['lambdad_provisioned_environments'], 1);
  assert.equal(during['lambdad_provisioned_concurrency_utilization_ratio'], 1);
  await invokeFunction(client, 'ready:1');
  await first;
  const found = await figures('ready');
  assert.equal(found['lambdad_provisioned_concurrency_invocations_total'], 1);
  assert.equal(found['lambdad_provisioned_concurrency_spillover_invocations_total'], 1);
  assert.equal(found['lambdad_cold_starts_total'], 1, 'of the one that spilled over');
  assert.equal(found['lambdad_provisioned_concurrent_executions'], 0);

  const traced = async (trace: string) => {
    const command = new InvokeCommand({ FunctionName: 'ready' });
    command.middlewareStack.add(
      (next) => async (args) => {
        (args.request as { headers: Record<string, string> }).headers['X-Amzn-Trace-Id'] = trace;
        return next(args);
      },
      { step: 'build' },
    );
    let header = '';
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        header = (result.response as { headers: Record<string, string> }).headers['x-amzn-trace-id'] ?? '';
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    await client.send(command);
    return header;
  };
  let trace = 'Root=1-5759e988-bd862e3fe1be46a994272793';
  for (let passage = 0; passage < 16; passage++) trace = await traced(trace);
  await assert.rejects(traced(trace), { name: 'RecursiveInvocationException' });
  assert.equal((await figures('ready'))['lambdad_recursive_invocations_dropped_total'], 1);
});

test('metrics are for this machine unless they are for all, and can be off', { timeout: 60_000 }, async () => {
  const fromElsewhere = { headers: { 'X-Forwarded-For': '192.0.2.1' } };
  assert.equal((await fetch(`${server.url}/metrics`, fromElsewhere)).status, 403);
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^# TYPE lambdad_invocations_total counter$/m);
  for (const [audience, status] of [
    ['all', 200],
    ['off', 403],
  ] as const) {
    const other = await startTestServer({ args: ['--metrics', audience] });
    try {
      assert.equal((await fetch(`${other.url}/metrics`, fromElsewhere)).status, status);
    } finally {
      await other.stop();
    }
  }
});

test('the number of series is bounded, however many functions there are', () => {
  const metrics = new InvokeMetrics();
  for (let i = 0; i < 10_000; i++) metrics.of('000000000000', 'us-east-1', `f${i}`).ran(1, false);
  const [invocations] = metrics.families([]);
  assert.equal(invocations?.samples.length, 201);
  assert.equal(
    invocations?.samples.reduce((sum, { value }) => sum + value, 0),
    10_000,
  );
  assert.deepEqual(invocations?.samples.at(-1)?.labels, { account: 'other', region: 'other', function: 'other' });
});
