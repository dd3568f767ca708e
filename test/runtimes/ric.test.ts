/** Amazon's own runtime clients for Node and Python run as bootstraps of `provided.al2023` without any change. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LambdaClient, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import type { ZipEntry } from '../support/zip.ts';
import {
  nodeRicLayer,
  pythonRicLayer,
  RIC_BUILD_MS_MAX,
  skipWithoutNodeRic,
  skipWithoutPythonRic,
} from './ric-clients.ts';
import { clientContext, invokeRaw, tooLarge } from './shared-invokes.ts';

interface Client {
  readonly skip: string | false;
  readonly layer: () => Promise<Buffer>;
  readonly files: Readonly<Record<string, ZipEntry>>;
  /** The payload of an error, whose stack is not compared. */
  readonly failure: Readonly<Record<string, unknown>>;
  readonly stackMember: string;
  /** What the client logs of an error. */
  readonly errorLine: RegExp;
  readonly marshalFailure: Readonly<Record<string, unknown>>;
  /** Whether it takes the refusal of a result for its end. */
  readonly endsOverRefusal: boolean;
}

const executable = (content: string): ZipEntry => ({ content, mode: 0o755 });

const NODE = `
let count = 0;
const actions = {
  echo: ({ value }) => value,
  fail: ({ message }) => { throw new RangeError(message); },
  large: ({ bytes }) => 'x'.repeat(bytes),
  odd: () => { const value = {}; value.value = value; return value; },
  count: () => count,
  context: (event, { clientContext, getRemainingTimeInMillis, ...rest }) =>
    ({ custom: clientContext.custom, leftMs: getRemainingTimeInMillis(), id: rest.awsRequestId,
       arn: rest.invokedFunctionArn, name: rest.functionName, memory: rest.memoryLimitInMB, tenant: rest.tenantId }),
};
exports.handler = async (event, context) => {
  count += 1;
  console.log('did', event.do);
  return actions[event.do](event, context);
};
exports.streaming = globalThis.awslambda?.streamifyResponse(async (event, stream) => {
  stream.write('one ');
  if (event.fail) throw new RangeError(event.fail);
  stream.write('two');
  stream.end();
});
`;

const PYTHON = `
count = 0

def fail(message):
    raise ArithmeticError(message)

def context_of(event, context):
    return {"custom": context.client_context.custom, "leftMs": context.get_remaining_time_in_millis(),
            "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
            "memory": context.memory_limit_in_mb, "tenant": context.tenant_id}

actions = {
    "echo": lambda event, context: event["value"],
    "fail": lambda event, context: fail(event["message"]),
    "large": lambda event, context: "x" * event["bytes"],
    "odd": lambda event, context: {1, 2},
    "count": lambda event, context: count,
    "context": context_of,
}

def handler(event, context):
    global count
    count += 1
    print("did", event["do"])
    return actions[event["do"]](event, context)
`;

const clients: Readonly<Record<string, Client>> = {
  'aws-lambda-ric': {
    skip: skipWithoutNodeRic,
    layer: nodeRicLayer,
    files: {
      bootstrap: executable('#!/bin/sh\nexec /opt/bin/node /opt/ric/index.mjs "$_HANDLER"\n'),
      'app.js': NODE,
    },
    failure: { errorType: 'RangeError', errorMessage: 'no ✓' },
    stackMember: 'trace',
    errorLine: /\tERROR\tInvoke Error \t\{"errorType":"RangeError","errorMessage":"no ✓"/,
    marshalFailure: { errorType: 'Runtime.JSONStringifyError', errorMessage: 'Unable to stringify response body' },
    endsOverRefusal: false,
  },
  awslambdaric: {
    skip: skipWithoutPythonRic,
    layer: pythonRicLayer,
    files: {
      bootstrap: executable(
        '#!/bin/sh\nexport PYTHONPATH=/opt/ric PYTHONDONTWRITEBYTECODE=1\nexec /usr/bin/python3 -m awslambdaric "$_HANDLER"\n',
      ),
      'app.py': PYTHON,
    },
    failure: { errorType: 'ArithmeticError', errorMessage: 'no ✓' },
    stackMember: 'stackTrace',
    errorLine: /\[ERROR\] ArithmeticError: no ✓\rTraceback \(most recent call last\):\r/,
    marshalFailure: {
      errorType: 'Runtime.MarshalError',
      errorMessage: 'Unable to marshal response: Object of type set is not JSON serializable',
    },
    endsOverRefusal: true,
  },
};

for (const [name, client] of Object.entries(clients))
  describe(name, { skip: client.skip, timeout: RIC_BUILD_MS_MAX }, () => {
    let server: TestServer;
    let lambda: LambdaClient;
    let layer: string;
    const invoke = (event: unknown) => invokeFunction(lambda, 'ric', event);
    const settings = () => ({
      Runtime: 'provided.al2023' as const,
      Timeout: 20,
      MemorySize: 512,
      Layers: [layer],
      files: client.files,
    });

    before(
      async () => {
        const Content = { ZipFile: await client.layer() };
        server = await startTestServer();
        lambda = server.client();
        const published = await lambda.send(new PublishLayerVersionCommand({ LayerName: 'ric', Content }));
        layer = published.LayerVersionArn ?? '';
        await createFunction(lambda, 'ric', { ...settings(), Handler: 'app.handler' });
      },
      { timeout: RIC_BUILD_MS_MAX },
    );
    after(() => server?.stop());

    it('hands on events and results, and what the function prints', async () => {
      const value = { text: 'ü ✓ 𝄞', list: [1, -2.5, null, true, [], {}], nested: { a: { b: 'c' } } };
      for (const each of [value, null, 0, '', 'text', []]) {
        const { payload, error, log } = await invoke({ do: 'echo', value: each });
        assert.deepEqual([error, payload], [undefined, each], log);
        assert.match(log, /^START.*\n(.*\t)?did echo\nEND.*\nREPORT/);
      }
    });

    it('tells an error in its language’s form, and goes on', async () => {
      const before = (await invoke({ do: 'count' })).payload as number;
      const { payload, error, log } = await invoke({ do: 'fail', message: 'no ✓' });
      const { [client.stackMember]: stack, requestId: _id, ...rest } = payload as Record<string, unknown>;
      assert.deepEqual([error, rest], ['Unhandled', client.failure]);
      assert.ok(Array.isArray(stack) && stack.length > 0);
      assert.match(log, client.errorLine);
      assert.equal((await invoke({ do: 'count' })).payload, before + 2);
    });

    it('tells a result that has no JSON', async () => {
      const { payload, error } = await invoke({ do: 'odd' });
      const { [client.stackMember]: _stack, requestId: _id, ...rest } = payload as Record<string, unknown>;
      assert.deepEqual([error, rest], ['Unhandled', client.marshalFailure]);
    });

    it(`${client.endsOverRefusal ? 'ends over' : 'goes on after'} a result that is too large, of which the caller is told`, async () => {
      const before = (await invoke({ do: 'count' })).payload as number;
      const { payload, error } = await invoke({ do: 'large', bytes: 7_000_000 });
      assert.deepEqual([error, payload], ['Unhandled', tooLarge]);
      assert.equal((await invoke({ do: 'count' })).payload, client.endsOverRefusal ? 1 : before + 2);
    });

    it('gives the context, with the client’s and the tenant’s', async () => {
      const tenancy = { TenancyConfig: { TenantIsolationMode: 'PER_TENANT' as const } };
      await createFunction(lambda, 'tenants', { ...settings(), ...tenancy, Handler: 'app.handler' });
      const [ClientContext, custom] = clientContext();
      const Payload = JSON.stringify({ do: 'context' });
      const input = { FunctionName: 'tenants', Payload, ClientContext, TenantId: 'blue' };
      const { payload, requestId } = await invokeRaw(lambda, input);
      const { leftMs, ...rest } = JSON.parse(payload) as Record<string, unknown>;
      const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tenants';
      assert.deepEqual(rest, { custom, id: requestId, arn, name: 'tenants', memory: '512', tenant: 'blue' });
      assert.ok((leftMs as number) > 0 && (leftMs as number) <= 20_000, `${leftMs} ms left`);
    });

    it('tells a handler that cannot be imported as an error of the init', async () => {
      await createFunction(lambda, 'broken', { ...settings(), Handler: 'missing.handler' });
      const { payload, error, log } = await invokeFunction(lambda, 'broken');
      assert.equal(error, 'Unhandled');
      assert.equal((payload as Record<string, unknown>)['errorType'], 'Runtime.ImportModuleError', log);
      assert.match(log, /^INIT_REPORT .*\tStatus: error\tError Type: Runtime\.ImportModuleError$/m);
    });

    it('streams, where its language can', { skip: name === 'awslambdaric' && 'Python does not stream' }, async () => {
      await createFunction(lambda, 'stream', { ...settings(), Handler: 'app.streaming' });
      const send = (event: unknown) => invokeRaw(lambda, { FunctionName: 'stream', Payload: JSON.stringify(event) });
      const { payload, error } = await send({});
      assert.deepEqual([error, payload], [undefined, 'one two']);
      const failed = await send({ fail: 'broken off' });
      assert.equal(failed.error, 'Unhandled');
      assert.equal((JSON.parse(failed.payload) as Record<string, unknown>)['errorMessage'], 'broken off');
    });
  });
