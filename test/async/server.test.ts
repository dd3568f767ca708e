/** Asynchronous invokes on a real server with real functions; hours pass by the test clock. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  DeleteFunctionCommand,
  InvokeAsyncCommand,
  InvokeCommand,
  type InvokeCommandInput,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  type PutFunctionEventInvokeConfigCommandInput,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Entry, type Ledger, startLedger, tellingFunction } from './ledger.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function';
const FLAGS = ['--sandbox', 'process', '--test-clock'];

describe('asynchronous invokes', { timeout: 240_000 }, () => {
  let dataDir: string;
  let ledger: Ledger;
  let server: TestServer;
  let client: LambdaClient;

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-async-'));
    ledger = await startLedger();
    server = await startTestServer({ dataDir, args: FLAGS });
    client = server.client({ maxAttempts: 1 });
  });

  after(async () => {
    await server?.stop();
    await ledger?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const create = (name: string, more = {}) =>
    createFunction(client, name, { files: tellingFunction(ledger.url), ...more });

  const send = (FunctionName: string, event: unknown, more: Partial<InvokeCommandInput> = {}) =>
    client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event), ...more }));

  const configure = (FunctionName: string, more: Partial<PutFunctionEventInvokeConfigCommandInput>) =>
    client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, ...more }));

  const onFailure = (name: string) => ({ DestinationConfig: { OnFailure: { Destination: `${ARN}:${name}` } } });

  async function advance(seconds: number): Promise<void> {
    const answer = await fetch(`${server.url}/_lambdad/clock?advanceSeconds=${seconds}`, { method: 'POST' });
    assert.deepEqual([answer.status, await answer.json()], [200, { advanceSeconds: seconds }]);
  }

  it('are accepted with 202 and nothing else, and run with the id of their request', async () => {
    await create('accepts');
    const ClientContext = Buffer.from('{"custom":{"a":"b"}}').toString('base64');
    const answer = await send('accepts', { n: 1 }, { ClientContext });
    assert.equal(answer.StatusCode, 202);
    assert.deepEqual(
      [answer.Payload?.length ?? 0, answer.ExecutedVersion, answer.FunctionError],
      [0, undefined, undefined],
    );
    const [run] = await ledger.runsOf('accepts', 1);
    assert.deepEqual(run?.event, { n: 1 });
    assert.equal(run?.requestId, answer.$metadata.requestId);
    assert.equal(run?.arn, `${ARN}:accepts`);
    assert.equal(run?.clientContext, undefined, 'the client context is for synchronous invokes');
    assert.match(String(run?.traceHeader), /^Root=1-/);
    await send('accepts', undefined, { Payload: Buffer.alloc(0) });
    const InvokeArgs = Buffer.from('{"old":true}');
    assert.equal((await client.send(new InvokeAsyncCommand({ FunctionName: 'accepts', InvokeArgs }))).Status, 202);
    const runs = await ledger.runsOf('accepts', 3);
    assert.deepEqual(new Set(runs.slice(1).map(({ event }) => JSON.stringify(event))), new Set(['{}', '{"old":true}']));
  });

  it('of a large event come whole', async () => {
    await create('large');
    const text = 'x'.repeat(1_048_576 - 2);
    await send('large', text);
    const [run] = await ledger.runsOf('large', 1);
    assert.equal(run?.event, text);
  });

  it('are refused before they are accepted as AWS does', async () => {
    await create('refuses');
    const refused = (asked: Promise<unknown>, name: string, message: string | RegExp) =>
      assert.rejects(asked, (error: Error) => {
        assert.equal(error.name, name);
        assert.match(error.message, typeof message === 'string' ? new RegExp(`^${message}$`) : message);
        return true;
      });
    await refused(send('nobody', {}), 'ResourceNotFoundException', /^Function not found: .*:nobody:\$LATEST$/);
    await refused(send('refuses', {}, { Qualifier: '7' }), 'ResourceNotFoundException', /refuses:7$/);
    await refused(send('refuses', {}, { Payload: '{' }), 'InvalidRequestContentException', /^Could not parse/);
    await refused(send('refuses', {}, { TenantId: 'blue' }), 'InvalidParameterValueException', /tenancy/);
    const tooLarge = 'Request must be smaller than 1048576 bytes for the InvokeFunction operation';
    await refused(send('refuses', 'x'.repeat(1_048_576)), 'RequestTooLargeException', tooLarge);
    const InvokeArgs = Buffer.from(JSON.stringify('x'.repeat(262_143)));
    await refused(
      client.send(new InvokeAsyncCommand({ FunctionName: 'refuses', InvokeArgs })),
      'RequestTooLargeException',
      'Request must be smaller than 262144 bytes for the InvokeAsync operation',
    );
    assert.equal((await send('refuses', {}, { InvocationType: 'DryRun' })).StatusCode, 204);
    assert.ok(!ledger.entries.some(({ functionName }) => functionName === 'refuses'));
  });

  it('are tried again after 1 and 2 minutes, and their failure is told to another function', async () => {
    await create('fails');
    await create('hears');
    await configure('fails', onFailure('hears'));
    ledger.judge = ({ functionName }) => (functionName === 'fails' ? { error: 'no luck' } : {});
    const { $metadata } = await send('fails', { big: 1.5 });
    await ledger.runsOf('fails', 1);
    await advance(60);
    await ledger.runsOf('fails', 2);
    await advance(119);
    await advance(1);
    const runs = await ledger.runsOf('fails', 3);
    assert.deepEqual(new Set(runs.map(({ requestId }) => requestId)), new Set([$metadata.requestId]));
    const [heard] = (await ledger.runsOf('hears', 1)) as [Entry];
    assert.notEqual(heard.requestId, $metadata.requestId);
    const { timestamp, responsePayload, ...record } = heard.event as Record<string, unknown>;
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal((responsePayload as { errorMessage: string }).errorMessage, 'no luck');
    assert.deepEqual(record, {
      version: '1.0',
      requestContext: {
        requestId: $metadata.requestId,
        functionArn: `${ARN}:fails:$LATEST`,
        condition: 'RetriesExhausted',
        approximateInvokeCount: 3,
      },
      requestPayload: { big: 1.5 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    });
  });

  it('obey the configuration of their qualifier', async () => {
    await create('aliased');
    await create('told');
    await client.send(new PublishVersionCommand({ FunctionName: 'aliased' }));
    await client.send(new CreateAliasCommand({ FunctionName: 'aliased', Name: 'live', FunctionVersion: '1' }));
    await configure('aliased', { Qualifier: 'live', MaximumRetryAttempts: 0, ...onFailure('told') });
    await configure('aliased', { MaximumRetryAttempts: 0 });
    ledger.judge = ({ functionName }) => (functionName === 'aliased' ? { error: 'no' } : {});
    await send('aliased', 1);
    await send('aliased:live', 2);
    const [heard] = await ledger.runsOf('told', 1);
    const record = heard?.event as { requestContext: object; requestPayload: number; responseContext: object };
    assert.equal(record.requestPayload, 2);
    assert.deepEqual(record.responseContext, { statusCode: 200, executedVersion: '1', functionError: 'Unhandled' });
    assert.equal((record.requestContext as { functionArn: string }).functionArn, `${ARN}:aliased:live`);
    const runs = await ledger.runsOf('aliased', 2);
    assert.deepEqual(runs.map(({ arn }) => arn).sort(), [`${ARN}:aliased`, `${ARN}:aliased:live`]);
  });

  it('are given up when they are too old for another attempt', async () => {
    await create('ages');
    await create('notes-age');
    await configure('ages', { MaximumEventAgeInSeconds: 100, ...onFailure('notes-age') });
    ledger.judge = ({ functionName }) => (functionName === 'ages' ? { error: 'no' } : {});
    await send('ages', 1);
    await ledger.runsOf('ages', 1);
    await advance(60);
    const [heard] = (await ledger.runsOf('notes-age', 1)) as [Entry];
    const { requestContext } = heard.event as {
      requestContext: { condition: string; approximateInvokeCount: number };
    };
    assert.deepEqual([requestContext.condition, requestContext.approximateInvokeCount], ['EventAgeExceeded', 2]);
  });

  it('with a reserved concurrency of 0 go to the failure destination untried', async () => {
    await create('closed');
    await create('hears-closed');
    await configure('closed', onFailure('hears-closed'));
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'closed', ReservedConcurrentExecutions: 0 }));
    assert.equal((await send('closed', 1)).StatusCode, 202);
    const [heard] = (await ledger.runsOf('hears-closed', 1)) as [Entry];
    const { requestContext, responseContext, responsePayload } = heard.event as Record<string, unknown>;
    const { condition, approximateInvokeCount } = requestContext as Record<string, unknown>;
    assert.deepEqual([condition, approximateInvokeCount], ['ZeroReservedConcurrency', 0]);
    assert.deepEqual([responseContext, responsePayload], [null, null]);
    assert.ok(!ledger.entries.some(({ functionName }) => functionName === 'closed'));
  });

  it('of one function wait for its reserved concurrency, and no throttle counts as an attempt', async () => {
    await create('narrow');
    await configure('narrow', { MaximumRetryAttempts: 0 });
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'narrow', ReservedConcurrentExecutions: 1 }));
    let atOnce = 0;
    let most = 0;
    ledger.judge = async () => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      return {};
    };
    await Promise.all(Array.from({ length: 20 }, (_, n) => send('narrow', n)));
    const runs = await ledger.runsOf('narrow', 20);
    assert.equal(most, 1);
    assert.deepEqual(
      runs.map(({ event }) => event as number).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n),
    );
  });

  it('reach tenants by their name', async () => {
    await create('tenants', { TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } });
    ledger.judge = () => ({});
    await assert.rejects(send('tenants', 1), /Add a valid tenant ID/);
    await send('tenants', 1, { TenantId: 'blue' });
    assert.equal((await ledger.runsOf('tenants', 1))[0]?.tenantId, 'blue');
  });

  it('that go round in a loop of destinations are cut off, and the failure is told', async () => {
    for (const name of ['ping', 'pong', 'hears-loop']) await create(name);
    const to = (name: string) => ({ Destination: `${ARN}:${name}` });
    for (const [from, next] of [
      ['ping', 'pong'],
      ['pong', 'ping'],
    ] as const)
      await configure(from, { DestinationConfig: { OnSuccess: to(next), OnFailure: to('hears-loop') } });
    ledger.judge = () => ({ result: 'on' });
    await send('ping', 1);
    const [heard] = (await ledger.runsOf('hears-loop', 1)) as [Entry];
    const { requestContext, responseContext } = heard.event as Record<string, Record<string, unknown>>;
    assert.equal(requestContext?.['condition'], 'RecursiveInvocation');
    assert.equal(responseContext?.['statusCode'], 400);
    const rounds = ledger.entries.filter(({ functionName }) => functionName === 'ping').length;
    assert.ok(rounds >= 10 && rounds <= 20, `${rounds} rounds`);
  });

  it('of a deleted function are dropped', async () => {
    await create('deleted');
    await create('still-there');
    ledger.judge = ({ functionName }) => (functionName === 'deleted' ? { error: 'no' } : {});
    await send('deleted', 1);
    await ledger.runsOf('deleted', 1);
    await client.send(new DeleteFunctionCommand({ FunctionName: 'deleted' }));
    await advance(60);
    await send('still-there', 1);
    await ledger.runsOf('still-there', 1);
    await create('deleted');
    await advance(600);
    ledger.judge = () => ({});
    await send('deleted', 2);
    assert.equal((await ledger.runsOf('deleted', 2))[1]?.event, 2);
  });

  it('that wait outlive a restart of the server, and a kill', async () => {
    await create('waits');
    ledger.judge = () => ({ error: 'not now' });
    const { $metadata } = await send('waits', 'x'.repeat(100_000));
    for (const [end, seconds, runs] of [
      ['stop', 60, 2],
      ['kill', 120, 3],
    ] as const) {
      await ledger.runsOf('waits', runs - 1);
      await advance(0);
      await server[end]();
      server = await startTestServer({ dataDir, args: FLAGS });
      client = server.client({ maxAttempts: 1 });
      await advance(seconds);
      await ledger.runsOf('waits', runs);
    }
    const runs = await ledger.runsOf('waits', 3);
    for (const { requestId, event } of runs)
      assert.deepEqual([requestId, (event as string).length], [$metadata.requestId, 100_000]);
  });
});

describe('the test clock', { timeout: 60_000 }, () => {
  it('is not there unless it is asked for, and only where its owner alone can turn it', async () => {
    const server = await startTestServer();
    const path = '/_lambdad/clock?advanceSeconds=1';
    assert.equal((await fetch(server.url + path, { method: 'POST' })).status, 404);
    await server.stop();
    const refused = startTestServer({ args: ['--test-clock', '--auth', 'sigv4'] });
    await assert.rejects(refused, /--test-clock is only for a server on a loopback address with --auth open/);
  });

  it('takes whole seconds by POST', async () => {
    const server = await startTestServer({ args: ['--test-clock'] });
    const ask = async (query: string, method = 'POST') =>
      (await fetch(`${server.url}/_lambdad/clock${query}`, { method })).status;
    assert.equal(await ask('?advanceSeconds=60'), 200);
    for (const query of ['', '?advanceSeconds=', '?advanceSeconds=-1', '?advanceSeconds=1.5', '?advanceSeconds=86401'])
      assert.equal(await ask(query), 400, query);
    assert.equal(await ask('?advanceSeconds=1', 'GET'), 404);
    await server.stop();
  });
});
