/** What `/metrics` tells of events, URLs, extensions and signatures; each is provoked from outside. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import {
  CreateCodeSigningConfigCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';
import { createScripted, run } from '../environments/scripted.ts';
import { type Answer, jsonError, startFakeService } from '../neighbours/fake-service.ts';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, createUrl } from '../urls/url-server.ts';
import { type Figures, figuresOf, figuresUntil, metricsPage } from './metrics-page.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function';
const FUNCTION = `
  exports.handler = async (event) => {
    if (event.fail || event.rawPath === '/fail') throw new Error('as asked');
    return 'well';
  };`;

const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const PARSER = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
told = [[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]]
        for f in text_string_to_metric_families(sys.stdin.read())]
print(json.dumps(told))
`;

/** SQS that has every queue and takes no message. */
function fullQueues({ headers }: { readonly headers: Record<string, unknown> }): Answer {
  const operation = String(headers['x-amz-target']).split('.')[1];
  const said = { GetQueueUrl: { QueueUrl: 'http://127.0.0.1/queue' }, GetQueueAttributes: { Attributes: {} } };
  if (operation === 'GetQueueUrl' || operation === 'GetQueueAttributes')
    return { headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(said[operation]) };
  return jsonError('AccessDenied', 'not for you');
}

describe('metrics', { timeout: 180_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;
  let queues: Awaited<ReturnType<typeof startFakeService>>;

  before(async () => {
    queues = await startFakeService(fullQueues);
    server = await startTestServer({ args: ['--test-clock'], env: { AWS_ENDPOINT_URL_SQS: queues.url } });
    client = server.client({ maxAttempts: 1 });
  });
  after(async () => {
    await server?.stop();
    await queues?.[Symbol.asyncDispose]();
  });

  const figures = (name: string) => figuresOf(server.url, name);
  const until = (name: string, isSo: (found: Figures) => boolean) => figuresUntil(server.url, name, isSo);
  const create = (name: string, more = {}) =>
    createFunction(client, name, { files: { 'index.js': FUNCTION }, ...more });
  const send = (FunctionName: string, event: unknown) =>
    client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));
  const configure = (FunctionName: string, onFailure?: string) => {
    const destinations = onFailure === undefined ? {} : { OnFailure: { Destination: onFailure } };
    const input = { FunctionName, MaximumRetryAttempts: 0, DestinationConfig: destinations };
    return client.send(new PutFunctionEventInvokeConfigCommand(input));
  };

  it('tell of events: received, how old at each attempt, dropped', async () => {
    await create('events');
    assert.equal((await figures('events'))['lambdad_async_events_received_total'], undefined);
    await send('events', {});
    const one = await until('events', (now) => now['lambdad_async_event_age_seconds_count'] === 1);
    assert.equal(one['lambdad_async_events_received_total'], 1);
    assert.equal(one['lambdad_async_events_dropped_total'], 0);

    await send('events', { fail: true });
    await until('events', (now) => now['lambdad_errors_total'] === 1);
    const advance = () => fetch(`${server.url}/_lambdad/clock?advanceSeconds=60`, { method: 'POST' });
    await advance();
    const again = await until('events', (now) => now['lambdad_async_event_age_seconds_count'] === 3);
    assert.equal(again['lambdad_async_event_age_seconds_bucket{le="10"}'], 2, 'the retry came a minute later');
    assert.ok((again['lambdad_async_event_age_seconds_sum'] ?? 0) >= 60);
    for (let minute = 0; minute < 2; minute++) await advance();
    const over = await until('events', (now) => now['lambdad_async_events_dropped_total'] === 1);
    assert.equal(over['lambdad_async_events_received_total'], 2);
    assert.equal(over['lambdad_async_event_age_seconds_count'], 4);
  });

  it('tell of events that are dropped untried', async () => {
    await create('closed');
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'closed', ReservedConcurrentExecutions: 0 }));
    await send('closed', {});
    const found = await until('closed', (now) => now['lambdad_async_events_dropped_total'] === 1);
    assert.equal(found['lambdad_async_event_age_seconds_count'], 0);
  });

  it('tell of dead letters and records that their target does not take', async () => {
    await create('receiver');
    await create('undeliverable', { DeadLetterConfig: { TargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead' } });
    await configure('undeliverable', `${ARN}:receiver`);
    await client.send(new DeleteFunctionCommand({ FunctionName: 'receiver' }));
    await send('undeliverable', { fail: true });
    const found = await until(
      'undeliverable',
      (now) =>
        now['lambdad_dead_letter_errors_total'] === 1 && now['lambdad_destination_delivery_failures_total'] === 1,
    );
    assert.equal(found['lambdad_async_events_dropped_total'], 1);
  });

  it('tell of requests to URLs, by their outcome', async () => {
    await create('addressed');
    const url = await createUrl(client, 'addressed');
    assert.equal((await ask(url)).status, 200);
    assert.equal((await ask(`${url}fail`)).status, 502);
    await client.send(
      new PutFunctionConcurrencyCommand({ FunctionName: 'addressed', ReservedConcurrentExecutions: 0 }),
    );
    assert.equal((await ask(url)).status, 429);
    const found = await until('addressed', (now) => now['lambdad_url_requests_total'] === 3);
    assert.deepEqual([found['lambdad_url_4xx_total'], found['lambdad_url_5xx_total']], [1, 1]);
    assert.equal(found['lambdad_url_request_latency_seconds_count'], 3);
    const signed = await createUrl(client, 'undeliverable', { AuthType: 'AWS_IAM' });
    assert.equal((await ask(signed)).status, 403);
    await until('undeliverable', (now) => now['lambdad_url_4xx_total'] === 1);
    const before = await metricsPage(server.url);
    assert.equal((await ask(new URL('/nobody/', url).href)).status, 403);
    const counts = (page: string) => page.match(/^lambdad_url_requests_total.*$/gm);
    assert.deepEqual(counts(await metricsPage(server.url)), counts(before), 'a URL that is not there is nobody’s');
  });

  it('tell how long extensions took after the runtime', async () => {
    await createScripted(client, 'extended', { extensions: { ext: 'run_extension(["INVOKE"])' } });
    await run(client, 'extended');
    const found = await until('extended', (now) => now['lambdad_post_runtime_extensions_duration_seconds_count'] === 1);
    assert.ok((found['lambdad_post_runtime_extensions_duration_seconds_sum'] ?? -1) >= 0);
    assert.equal((await figures('events'))['lambdad_post_runtime_extensions_duration_seconds_count'], undefined);
  });

  it('tell of packages that code signing warns of', async () => {
    const { CodeSigningConfig } = await client.send(
      new CreateCodeSigningConfigCommand({
        AllowedPublishers: {
          SigningProfileVersionArns: ['arn:aws:signer:us-east-1:000000000000:/signing-profiles/ours/abcdefghij'],
        },
      }),
    );
    await create('unsigned', { CodeSigningConfigArn: CodeSigningConfig?.CodeSigningConfigArn });
    assert.equal((await figures('unsigned'))['lambdad_signature_validation_errors_total'], 1);
  });

  it('are read by Prometheus’s own parser', {
    skip: skipUnless(
      spawnSync(python, ['-c', 'import prometheus_client'], { stdio: 'ignore' }).status === 0,
      'needs prometheus_client for python3, or an interpreter that has it in PYTHON_WITH_BOTO3',
    ),
  }, async () => {
    const page = await metricsPage(server.url);
    const { stdout, status, stderr } = spawnSync(python, ['-c', PARSER], { input: page, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    type Told = readonly [string, string, readonly (readonly [string, Record<string, string>, number])[]];
    const told = JSON.parse(stdout) as readonly Told[];
    const samples = told.flatMap(([, , own]) => own);
    assert.equal(samples.length, page.split('\n').filter((line) => /^[^#]/.test(line)).length);
    // What the server has compiled beforehand is its own; all else is of an account.
    for (const [name, { account, region }] of samples)
      assert.equal(account !== undefined && region !== undefined, !name.startsWith('lambdad_compile'), name);
    assert.equal(new Set(samples.map((sample) => JSON.stringify(sample.slice(0, 2)))).size, samples.length);
    for (const name of ['lambdad_async_event_age_seconds', 'lambdad_url_request_latency_seconds']) {
      const found = told.find(([family]) => family === name);
      assert.equal(found?.[1], 'histogram');
      const of = (suffix: string) => found?.[2].filter(([sample]) => sample === name + suffix).length;
      assert.ok((of('_sum') ?? 0) > 0);
      assert.equal(of('_sum'), of('_count'));
    }
    assert.equal(told.find(([family]) => family === 'lambdad_invocations')?.[1], 'counter');
  });
});
