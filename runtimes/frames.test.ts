/** The bootstraps in frames with the server's own Runtime API, each in its real process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { LocalApis, type LocalApisParts } from '../src/environments/local-apis.ts';
import { type RuntimeAnswer, RuntimeApi } from '../src/environments/runtime-api/runtime-api.ts';
import type { FunctionOptions, FunctionProcess } from './function-process.ts';
import { nodes, startNodeFunction } from './nodejs/node-runtime.ts';
import { pythons, startPythonFunction } from './python/python-runtime.ts';

type Start = (test: TestContext, options: Partial<FunctionOptions>) => Promise<FunctionProcess>;

const nodeCode = `
  const { execFileSync } = require('child_process');
  exports.handler = async (event, context) => {
    if (event === 'fail') throw new RangeError('as asked: \\u00e9');
    if (event === 'huge') return 'x'.repeat(7_000_000);
    if (event === 'context') return [context.clientContext, context.tenantId, process.env._X_AMZN_TRACE_ID];
    if (event === 'inherited') {
      return execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    }
    return event;
  };`;
const pythonCode = `
import os, subprocess
def handler(event, context):
    if event == 'fail': raise ValueError('as asked: \\u00e9')
    if event == 'huge': return 'x' * 7000000
    if event == 'context': return [context.client_context and context.client_context.custom, context.tenant_id, os.environ.get('_X_AMZN_TRACE_ID')]
    if event == 'inherited':
        return subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return event
`;
const bootstraps: [name: string, start: Start][] = nodes.map((node) => [
  `Node ${node.major}`,
  (test, options) => startNodeFunction(test, node, nodeCode, options),
]);
const python = pythons.at(-1);
if (python !== undefined)
  bootstraps.push(['Python', (test, options) => startPythonFunction(test, python, pythonCode, options)]);

/** Long strings with one character in them that JSON escapes, or that takes more than a byte, near the end; and plain ones. */
const longStrings = [
  'y'.repeat(70_001),
  ...['', '\n', '\u001f', '"', '\\', '\u007f', 'é', '\u2028', '😀'].flatMap((odd, i) => [
    `${'y'.repeat(600_000 + i)}${odd}${'z'.repeat(2 * i)}`,
    `${'y'.repeat(100_000)}${odd}${'z'.repeat(i)}`,
  ]),
  'y'.repeat(1_100_000),
];

/** The server's Runtime API with a bootstrap at it. */
async function open(test: TestContext, start: Start) {
  const answers: RuntimeAnswer[] = [];
  let changed = () => {};
  let isReady = false;
  const runtime = new RuntimeApi({
    next() {
      isReady = true;
      changed();
    },
    answering() {},
    answer(answer) {
      answers.push(answer);
      changed();
    },
    initError() {},
  });
  const nothing = () => {};
  const closed = (connection: never) => runtime.closed(connection);
  const apis = new LocalApis({ runtime, closed, failed: nothing } as unknown as LocalApisParts);
  const sockets: Socket[] = [];
  let sent = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', nothing).on('data', (chunk) => {
      sent = (sent + chunk.toString('latin1', 0, 2000)).slice(0, 20_000);
    });
    apis.attach(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const AWS_LAMBDA_RUNTIME_API = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = await start(test, { environment: { AWS_LAMBDA_RUNTIME_API } });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise<void>((resolve) => (changed = resolve));
  };
  await until(() => isReady);
  let count = 0;
  const invoke = async (event: unknown, more: object = {}): Promise<RuntimeAnswer> => {
    const before = answers.length;
    isReady = false;
    runtime.deliver({
      requestId: `8476a536-e9f4-11e8-9739-${String(++count).padStart(12, '0')}`,
      deadlineMs: Date.now() + 3000,
      invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
      traceHeader: 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700',
      payload: Buffer.from(JSON.stringify(event)),
      ...more,
    });
    await until(() => answers.length > before && isReady);
    return answers[before] as RuntimeAnswer;
  };
  return { invoke, child, sent: () => sent };
}

/** The JSON of a response or of an error's body. */
function bodyOf(answer: RuntimeAnswer): unknown {
  assert.ok(answer.kind === 'response' || answer.kind === 'error', answer.kind);
  return JSON.parse(answer.body.toString());
}

for (const [name, start] of bootstraps) {
  describe(`${name} in frames`, () => {
    it('leaves HTTP with its first request, and answers every kind of event', async (test) => {
      const { invoke, sent } = await open(test, start);
      for (const event of ['{}', { a: [1, 'é€😀'] }, 'y'.repeat(1_000_000), null])
        assert.deepEqual(bodyOf(await invoke(event)), event);
      const failed = await invoke('fail');
      assert.equal((bodyOf(failed) as { errorMessage: string }).errorMessage, 'as asked: é');
      assert.ok(failed.kind === 'error' && /Error$/.test(failed.saidType ?? ''));
      assert.match(failed.cause ?? '', /^\{"working_directory": ?".*"message": ?"as asked: /);
      const clientContext = JSON.stringify({ custom: { name: 'é' } });
      const [context, tenant, trace] = bodyOf(await invoke('context', { clientContext, tenantId: 't' })) as unknown[];
      assert.match(JSON.stringify(context), /"name":"é"/);
      assert.deepEqual([tenant, trace], ['t', 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700']);
      assert.match(sent(), /^GET \/2018-06-01\/runtime\/invocation\/next HTTP\/1\.1\r\n/);
      assert.equal(sent().match(/HTTP/g)?.length, 1);
    });

    it('gives and takes long strings as they are', async (test) => {
      const { invoke } = await open(test, start);
      for (const event of longStrings)
        assert.ok(bodyOf(await invoke(event)) === event, JSON.stringify(event.slice(-40)));
    });

    it('goes on behind a response that is too large', async (test) => {
      const { invoke, child } = await open(test, start);
      assert.deepEqual(await invoke('huge'), { kind: 'tooLarge', bytesMax: 6_291_556 });
      assert.equal(bodyOf(await invoke('still here')), 'still here');
      assert.equal(child.stderr(), '');
    });

    it('keeps its connection to itself', async (test) => {
      const { invoke } = await open(test, start);
      // The child's own output may be one.
      assert.doesNotMatch(bodyOf(await invoke('inherited')) as string, / (?:[3-9]|\d\d+) -> socket:/);
    });
  });
}
