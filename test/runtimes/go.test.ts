/** Functions built with AWS's Go library, on provided.al2023: what only they have beside the shared suite. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { GO_BUILD_MS_MAX, goBootstrap, skipWithoutGo } from './go-program.ts';
import { clientContext, invokeRaw, tooLarge } from './shared-invokes.ts';

describe('aws-lambda-go', { skip: skipWithoutGo, timeout: GO_BUILD_MS_MAX }, () => {
  let server: TestServer;
  let client: LambdaClient;
  const invoke = (event: unknown) => invokeFunction(client, 'go', event);

  before(
    async () => {
      const files = { bootstrap: { content: await goBootstrap(), mode: 0o755 } };
      server = await startTestServer();
      client = server.client();
      const settings = { Runtime: 'provided.al2023', Handler: 'some.handler', Timeout: 10, files } as const;
      await createFunction(client, 'go', settings);
      await createFunction(client, 'go-tenants', { ...settings, TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } });
      await createFunction(client, 'go-init', { ...settings, Environment: { Variables: { FAIL_INIT: 'not today' } } });
    },
    { timeout: GO_BUILD_MS_MAX },
  );
  after(() => server?.stop());

  it('names an error by its type', async () => {
    const { payload, error } = await invoke({ do: 'fail-named', message: 'no' });
    assert.deepEqual([error, payload], ['Unhandled', { errorMessage: 'no', errorType: 'named' }]);
  });

  it('tells a panic with its stack, and its process ends', async () => {
    const { payload, error, log } = await invoke({ do: 'panic', message: 'oh no' });
    assert.equal(error, 'Unhandled');
    const { stackTrace, ...rest } = payload as { stackTrace: { path: string; line: number; label: string }[] };
    assert.deepEqual(rest, { errorMessage: 'oh no', errorType: 'string' });
    assert.ok(stackTrace.some(({ path, line, label }) => /main\.go$/.test(path) && line > 0 && label === 'handle'));
    assert.match(log, /\tStatus: error\tError Type: Runtime\.ExitError\n$/);
    assert.equal((await invoke({ do: 'count' })).payload, 1);
  });

  it('that panics before its start is told by its exit, in both attempts', async () => {
    const { payload, error, log, requestId } = await invokeFunction(client, 'go-init');
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: exit status 2`,
    });
    assert.match(log, /^panic: not today$/m);
  });

  it('gets its context, with the client’s and the tenant’s', async () => {
    const [ClientContext, custom] = clientContext();
    const { payload, requestId, traceHeader } = await invokeRaw(client, {
      FunctionName: 'go-tenants',
      Payload: JSON.stringify({ do: 'context' }),
      ClientContext,
      TenantId: 'blue',
    });
    const { deadlineMs, traceId, ...rest } = JSON.parse(payload) as Record<string, unknown>;
    assert.deepEqual(rest, {
      requestId,
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:go-tenants',
      tenantId: 'blue',
      custom,
      appTitle: 'the app',
      name: 'go-tenants',
      version: '$LATEST',
      memoryMb: 128,
      logGroup: '/aws/lambda/go-tenants',
      variable: traceId,
      handlerName: 'some.handler',
    });
    assert.equal(traceId, traceHeader);
    const leftMs = (deadlineMs as number) - Date.now();
    assert.ok(leftMs > 0 && leftMs <= 10_000, `${leftMs} ms left`);
  });

  it('may stream: a buffered invoke collects the parts', async () => {
    const parts = ['one ', 'two ', 'x'.repeat(100_000), ' ✓'];
    const event = { do: 'stream', parts };
    const { payload, error } = await invokeRaw(client, { FunctionName: 'go', Payload: JSON.stringify(event) });
    assert.deepEqual([error, payload], [undefined, parts.join('')]);
  });

  it('may fail while it streams: the error is the answer', async () => {
    const event = { do: 'stream-fail', parts: ['one'], message: 'broken off' };
    const { payload, error } = await invokeRaw(client, { FunctionName: 'go', Payload: JSON.stringify(event) });
    assert.equal(error, 'Unhandled');
    assert.deepEqual(JSON.parse(payload), { errorMessage: 'broken off', errorType: 'named' });
    assert.equal((await invoke({ do: 'echo', value: 1 })).payload, 1);
  });

  it('that answers too much: the caller is told, and the library ends its process over the refusal', async () => {
    const { payload, error, log } = await invoke({ do: 'large', bytes: 7_000_000 });
    assert.deepEqual([error, payload], ['Unhandled', tooLarge], log);
    assert.equal((await invoke({ do: 'count' })).payload, 1);
  });
});
