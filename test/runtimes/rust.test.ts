/** Functions built with AWS's Rust library, on provided.al2023: what only they have beside the shared suite. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { RUST_BUILD_MS_MAX, rustBootstrap, skipWithoutRust } from './rust-program.ts';
import { clientContext, invokeRaw, tooLarge } from './shared-invokes.ts';

describe('lambda_runtime', { skip: skipWithoutRust, timeout: RUST_BUILD_MS_MAX }, () => {
  let server: TestServer;
  let client: LambdaClient;
  const invoke = (event: unknown) => invokeFunction(client, 'rust', event);

  before(
    async () => {
      const files = { bootstrap: { content: await rustBootstrap(), mode: 0o755 } };
      server = await startTestServer();
      client = server.client();
      const settings = { Runtime: 'provided.al2023', Handler: 'some.handler', Timeout: 10, files } as const;
      await createFunction(client, 'rust', settings);
      await createFunction(client, 'rust-tenants', {
        ...settings,
        TenancyConfig: { TenantIsolationMode: 'PER_TENANT' },
      });
      await createFunction(client, 'rust-init', {
        ...settings,
        Environment: { Variables: { FAIL_INIT: 'not today' } },
      });
    },
    { timeout: RUST_BUILD_MS_MAX },
  );
  after(() => server?.stop());

  it('names an error as the function says', async () => {
    const { payload, error } = await invoke({ do: 'fail-named', message: 'no' });
    assert.deepEqual([error, payload], ['Unhandled', { errorType: 'Named', errorMessage: 'no' }]);
  });

  it('catches a panic, tells it, and goes on in the same process', async () => {
    const before = (await invoke({ do: 'count' })).payload as number;
    const { payload, error } = await invoke({ do: 'panic', message: 'oh no' });
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: '&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>',
      errorMessage: 'Lambda panicked: oh no',
    });
    assert.equal((await invoke({ do: 'count' })).payload, before + 2);
  });

  it('that fails before its start is told by its exit', async () => {
    const { payload, error, log, requestId } = await invokeFunction(client, 'rust-init');
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: exit status 1`,
    });
    assert.match(log, /^Error: "not today"$/m);
  });

  it('gets its context, with the client’s and the tenant’s', async () => {
    const [ClientContext, custom] = clientContext();
    const { payload, requestId, traceHeader } = await invokeRaw(client, {
      FunctionName: 'rust-tenants',
      Payload: JSON.stringify({ do: 'context' }),
      ClientContext,
      TenantId: 'blue',
    });
    const { deadlineMs, ...rest } = JSON.parse(payload) as Record<string, unknown>;
    assert.deepEqual(rest, {
      requestId,
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:rust-tenants',
      tenantId: 'blue',
      custom,
      appTitle: 'the app',
      traceId: traceHeader,
      name: 'rust-tenants',
      version: '$LATEST',
      memoryMb: 128,
      logGroup: '/aws/lambda/rust-tenants',
    });
    const leftMs = (deadlineMs as number) - Date.now();
    assert.ok(leftMs > 0 && leftMs <= 10_000, `${leftMs} ms left`);
  });

  it('may stream: a buffered invoke collects the prelude and the parts', async () => {
    const parts = ['one ', 'two ', 'x'.repeat(100_000), ' ✓'];
    const event = { do: 'stream', parts };
    const { payload, error } = await invokeRaw(client, { FunctionName: 'rust', Payload: JSON.stringify(event) });
    assert.equal(error, undefined);
    const [prelude = '', body] = payload.split('\0'.repeat(8));
    assert.deepEqual(JSON.parse(prelude), {
      statusCode: 200,
      headers: { 'content-type': 'application/octet-stream' },
      cookies: [],
    });
    assert.equal(body, parts.join(''));
  });

  it('that answers too much keeps its process', async () => {
    const before = (await invoke({ do: 'count' })).payload as number;
    const { payload, error } = await invoke({ do: 'large', bytes: 7_000_000 });
    assert.deepEqual([error, payload], ['Unhandled', tooLarge]);
    assert.equal((await invoke({ do: 'count' })).payload, before + 2);
  });
});
