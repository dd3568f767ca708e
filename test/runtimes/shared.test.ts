/** One suite over every runtime that is there: what a function of any language meets in the same way. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { createFunction, type Invoked, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { sharedCacheDir } from '../support/shared-cache.ts';
import { zipOf } from '../support/zip.ts';
import { type RuntimeName, type SharedRuntime, sharedRuntimes } from './shared-runtimes.ts';

const SUITE_MS_MAX = 120_000;
/** A start on a busy machine fits in. */
const TIMEOUT_S = 30;
/** Of the function that takes longer; its next start must fit in here too. */
const SHORT_TIMEOUT_S = 6;
const WRAPPER = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n';
const OWN_VARIABLE = 'ü and "quotes"';
const WRAPPER_PATH = '/opt/wrap';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  const args = ['--cache', sharedCacheDir, '--nearest-runtime'];
  server = await startTestServer({ args });
  client = server.client();
});
after(() => server.stop());

interface Suite {
  readonly runtime: SharedRuntime;
  /** The function's. */
  readonly name: string;
  invoke(event: unknown): Promise<Invoked>;
  /** The payload of an invoke that must not fail. */
  succeed(event: unknown): Promise<unknown>;
  /** What comes of an invoke that was begun early and takes too long. */
  late(): Promise<Invoked>;
}

const cases: Readonly<Record<string, (suite: Suite) => Promise<void>>> = {
  'echo: any JSON comes back as it went in': echoes,
  'environment: the platform’s variables and the function’s own': knowsItsEnvironment,
  'error: the caller gets it in the language’s own form, and the process goes on': fails,
  'timeout: ends the process, and the next invoke starts another': timesOut,
  'crash: an exit is told with its status, and the next invoke starts another process': exits,
  'layer: its files lie in /opt, and where the language looks for libraries': usesItsLayer,
  'wrapper: starts a managed runtime, and is nothing to one that the function brings along': isWrapped,
};

for (const [at, runtime] of sharedRuntimes.entries()) {
  const timeout = runtime.readyMsMax + SUITE_MS_MAX;
  describe(runtime.title, { skip: runtime.skip, timeout }, () => {
    const name = `shared-${at}`;
    const invoke = (event: unknown) => invokeFunction(client, name, event);
    const succeed = async (event: unknown) => {
      const { payload, error } = await invoke(event);
      assert.equal(error, undefined, JSON.stringify(payload));
      return payload;
    };
    let late: Promise<Invoked>;
    before(
      async () => {
        await deploy(runtime, name, TIMEOUT_S);
        await deploy(runtime, `${name}-late`, SHORT_TIMEOUT_S);
        late = invokeFunction(client, `${name}-late`, { do: 'sleep', ms: 60_000 });
        // Its failure is told where it is waited for.
        late.catch(() => undefined);
      },
      { timeout: runtime.readyMsMax },
    );
    const suite = { runtime, name, invoke, succeed, late: () => late };
    for (const [title, run] of Object.entries(cases)) it(title, () => run(suite));
  });
}

async function deploy(runtime: SharedRuntime, name: string, Timeout: number): Promise<void> {
  const greeting = { 'greeting.txt': 'hello from a layer', wrap: { content: WRAPPER, mode: 0o755 } };
  const Content = { ZipFile: await zipOf({ ...greeting, ...(await runtime.library?.()) }) };
  const layer = await client.send(new PublishLayerVersionCommand({ LayerName: name, Content }));
  await createFunction(client, name, {
    Runtime: runtime.runtime as RuntimeName,
    Handler: runtime.handler,
    Timeout,
    MemorySize: 256,
    Environment: { Variables: { OWN_VARIABLE } },
    Layers: [layer.LayerVersionArn ?? ''],
    files: await runtime.files(),
  });
}

function failedWith({ payload, error }: Invoked, errorType: string, errorMessage: string): void {
  assert.equal(error, 'Unhandled');
  assert.deepEqual(payload, { errorType, errorMessage });
}

async function echoes({ succeed }: Suite): Promise<void> {
  const value = { text: 'ü ✓ 𝄞 " \\ \n', list: [1, -2.5, 1e21, null, true, [], {}], nested: { a: { b: 'c' } }, '': 0 };
  assert.deepEqual(await succeed({ do: 'echo', value }), value);
  for (const each of [null, false, 0, '', 'text', []])
    assert.deepEqual(await succeed({ do: 'echo', value: each }), each);
}

async function knowsItsEnvironment({ runtime, name, succeed }: Suite): Promise<void> {
  const expected = {
    OWN_VARIABLE,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    LAMBDA_TASK_ROOT: '/var/task',
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    _HANDLER: runtime.handler,
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    ...(runtime.executionEnvironment === undefined ? {} : { AWS_EXECUTION_ENV: runtime.executionEnvironment }),
  };
  const names = [...Object.keys(expected), 'AWS_EXECUTION_ENV', 'HOME', 'LAMBDAD_DATA'];
  assert.deepEqual(await succeed({ do: 'environment', names }), expected);
}

async function fails({ runtime, invoke, succeed }: Suite): Promise<void> {
  const count = (await succeed({ do: 'count' })) as number;
  const { payload, error, log, requestId } = await invoke({ do: 'fail', message: 'of no "use" ✓' });
  const { errorType, errorMessage, more } = runtime.failure('of no "use" ✓');
  assert.equal(error, 'Unhandled');
  const seen = payload as Record<string, unknown>;
  assert.deepEqual([seen['errorType'], seen['errorMessage']], [errorType, errorMessage]);
  assert.deepEqual(Object.keys(seen).sort(), ['errorMessage', 'errorType', ...more].sort());
  assert.match(log, new RegExp(`^REPORT RequestId: ${requestId}\t`, 'm'));
  assert.doesNotMatch(log, /Error Type: Runtime\.ExitError/);
  assert.equal(await succeed({ do: 'count' }), count + 2);
}

async function timesOut({ name, late }: Suite): Promise<void> {
  const invoked = await late();
  const text = `RequestId: ${invoked.requestId} Error: Task timed out after ${SHORT_TIMEOUT_S.toFixed(2)} seconds`;
  failedWith(invoked, 'Sandbox.Timedout', text);
  assert.match(invoked.log, /\tStatus: timeout\n$/);
  const next = await invokeFunction(client, `${name}-late`, { do: 'count' });
  assert.equal(next.payload, 1, next.log);
}

async function exits({ invoke, succeed }: Suite): Promise<void> {
  for (const [status, words] of [
    [3, 'with error: exit status 3'],
    [0, 'without providing a reason'],
  ] as const) {
    const invoked = await invoke({ do: 'exit', status });
    failedWith(invoked, 'Runtime.ExitError', `RequestId: ${invoked.requestId} Error: Runtime exited ${words}`);
    assert.match(invoked.log, /\tStatus: error\tError Type: Runtime\.ExitError\n$/);
    assert.equal(await succeed({ do: 'count' }), 1);
  }
}

async function usesItsLayer({ runtime, succeed }: Suite): Promise<void> {
  assert.equal(await succeed({ do: 'read', path: '/opt/greeting.txt' }), 'hello from a layer');
  if (runtime.library) assert.equal(await succeed({ do: 'library' }), 'found in a layer');
}

async function isWrapped({ runtime, name, succeed }: Suite): Promise<void> {
  const Environment = { Variables: { AWS_LAMBDA_EXEC_WRAPPER: WRAPPER_PATH } };
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Environment }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
  const wrapped = runtime.executionEnvironment === undefined ? {} : { WRAPPED: 'yes' };
  const seen = await succeed({ do: 'environment', names: ['WRAPPED', 'AWS_LAMBDA_EXEC_WRAPPER'] });
  assert.deepEqual(seen, { AWS_LAMBDA_EXEC_WRAPPER: WRAPPER_PATH, ...wrapped });
}
