/** What of a caller's trace header goes on to the function and back to the caller, in each way to invoke. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  InvokeCommand,
  type InvokeCommandInput,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PutFunctionRecursionConfigCommand,
  RecursiveInvocationException,
} from '@aws-sdk/client-lambda';
import { FakeClock } from '../../src/base/clock.ts';
import { readTraceHeader, traceHeaderOf } from '../../src/invoke/trace-header.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createUrl } from '../urls/url-server.ts';
import { withTrace } from './with-trace.ts';

const ROOT = 'Root=1-5759e988-bd862e3fe1be46a994272793';
const PARENT = 'Parent=53995c3f42cd8ad8';
const LOOPING = '16:';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer({ args: ['--test-clock'] });
  client = server.client({ maxAttempts: 1 });
  const files = { 'index.js': 'exports.handler = async () => process.env._X_AMZN_TRACE_ID;' };
  for (const name of ['echo', 'again']) await createFunction(client, name, { files });
  await createFunction(client, 'active', { files, TracingConfig: { Mode: 'Active' } });
});

after(() => server.stop());

async function invoke(name: string, trace?: string, more: Partial<InvokeCommandInput> = {}) {
  const command = new InvokeCommand({ FunctionName: name, ...more });
  const told = withTrace(command, trace);
  const text = Buffer.from((await client.send(command)).Payload ?? []).toString();
  return { seen: text === '' ? '' : (JSON.parse(text) as string), told: told() };
}

/** How often the marked function was come through, by the lineage of what it saw. */
async function looping(name: string): Promise<string> {
  const { seen } = await invoke(name, `${ROOT};Sampled=0`);
  const mark = /Lineage=1:([0-9a-f]{8}):0$/.exec(seen)?.[1];
  assert.ok(mark, seen);
  return `${ROOT};${PARENT};Sampled=0;Lineage=${LOOPING}${mark}:15`;
}

test('what is well-formed of a header is kept, what is missing is made, the rest goes', () => {
  let made = 0;
  const ids = { uuid: () => '', fraction: () => 0, hex: (digits: number) => String(++made).padStart(digits, '0') };
  const clock = new FakeClock(0x5759e988 * 1000);
  const goes = (given: string | undefined, decide?: () => boolean) => {
    made = 0;
    return traceHeaderOf(given, clock, ids, decide);
  };
  const fresh = `Root=1-5759e988-${'0'.repeat(24)};Parent=0000000000000001;Sampled=0`;
  const madeParent = 'Parent=0000000000000001';
  for (const [given, expected] of [
    [undefined, fresh],
    ['', fresh],
    ['Root=1-5759e988-bd862e3fe1be46a99427279;Sampled=1', fresh],
    ['Root=1-5759E988-bd862e3fe1be46a994272793', fresh],
    [`${ROOT};x=${'y'.repeat(2048)}`, fresh],
    [`${PARENT};Sampled=1`, fresh],
    [ROOT, `${ROOT};${madeParent};Sampled=0`],
    [`${ROOT};${PARENT};Sampled=1`, `${ROOT};${PARENT};Sampled=1`],
    [` sampled=1 ; parent=53995c3f42cd8ad8; root=${ROOT.slice(5)} `, `${ROOT};${PARENT};Sampled=1`],
    [`${ROOT};Parent=53995C3F42CD8AD8;Sampled=2`, `${ROOT};${madeParent};Sampled=0`],
    [`Self=1-67891234-12456789abcdef0123456789;${ROOT};${PARENT};Sampled=0`, `${ROOT};${PARENT};Sampled=0`],
    [`${ROOT};CalledFrom=app;=;;${PARENT};Sampled=1;Sampled=0;x y=z`, `${ROOT};${PARENT};Sampled=1;CalledFrom=app`],
    [`Lineage=2:0000000a:1;${ROOT};${PARENT};Sampled=?`, `${ROOT};${PARENT};Sampled=0;Lineage=2:0000000a:1`],
  ] as const)
    assert.equal(goes(given), expected, given);
  assert.equal(
    goes(`${ROOT};Sampled=?`, () => true),
    `${ROOT};${madeParent};Sampled=1`,
  );
  assert.equal(
    goes(`${ROOT};${PARENT};Sampled=0`, () => true),
    `${ROOT};${PARENT};Sampled=0`,
  );
  assert.equal(readTraceHeader(`${ROOT};a=b;A=c;d=e`)?.others, ';a=b;d=e');
});

test('each way to invoke tells its caller the header that the function saw, with its lineage', async () => {
  const given = `${ROOT};${PARENT};Sampled=1`;
  const whole = new RegExp(`^${given};Lineage=1:[0-9a-f]{8}:0$`);
  const direct = await invoke('echo', given);
  assert.match(direct.told, whole);
  assert.equal(direct.seen, direct.told);
  const event = await invoke('echo', given, { InvocationType: 'Event' });
  assert.equal(event.told, direct.told);
  const streaming = new InvokeWithResponseStreamCommand({ FunctionName: 'echo' });
  const streamed = withTrace(streaming, given);
  await client.send(streaming);
  assert.equal(streamed(), direct.told);
  for (const mode of ['BUFFERED', 'RESPONSE_STREAM'] as const) {
    const url = await createUrl(client, mode === 'BUFFERED' ? 'echo' : 'again', { InvokeMode: mode });
    const answer = await fetch(url, { headers: { 'X-Amzn-Trace-Id': given } });
    assert.match(answer.headers.get('x-amzn-trace-id') ?? '', whole);
    // A function that does not stream has its JSON passed on as it is.
    assert.equal((await answer.text()).replaceAll('"', ''), answer.headers.get('x-amzn-trace-id'));
  }
});

test('nothing is sampled that nobody asked for where segments go nowhere, Active or not', async () => {
  for (const name of ['echo', 'active'])
    for (const given of [undefined, `${ROOT};Sampled=?`])
      assert.match((await invoke(name, given)).seen, /;Sampled=0;Lineage=/);
  assert.match((await invoke('active', `${ROOT};${PARENT};Sampled=1`)).seen, /;Sampled=1;Lineage=/);
});

test('a loop is cut in each way to invoke, and may go on where it is allowed', async () => {
  const looped = await looping('again');
  const isLoop = (error: unknown) => error instanceof RecursiveInvocationException;
  await assert.rejects(invoke('again', looped), isLoop);
  const streaming = new InvokeWithResponseStreamCommand({ FunctionName: 'again' });
  withTrace(streaming, looped);
  await assert.rejects(client.send(streaming), isLoop);
  await createFunction(client, 'looping', { files: { 'index.js': 'exports.handler = async () => "ran";' } });
  const url = await createUrl(client, 'looping');
  const trace = (await looping('again')).replace(/[0-9a-f]{8}(?=:15$)/, await markOf(url));
  const refused = await fetch(url, { headers: { 'X-Amzn-Trace-Id': trace } });
  assert.equal(refused.status, 400);
  assert.equal(refused.headers.get('x-amzn-errortype'), 'RecursiveInvocationException');
  await client.send(new PutFunctionRecursionConfigCommand({ FunctionName: 'looping', RecursiveLoop: 'Allow' }));
  assert.equal((await fetch(url, { headers: { 'X-Amzn-Trace-Id': trace } })).status, 200);
});

async function markOf(url: string): Promise<string> {
  const told = (await fetch(url)).headers.get('x-amzn-trace-id') ?? '';
  return /Lineage=1:([0-9a-f]{8}):0$/.exec(told)?.[1] ?? '';
}

test('an event that came round too often is accepted and not run', async () => {
  const looped = await looping('echo');
  const { told } = await invoke('echo', looped, { InvocationType: 'Event' });
  assert.match(told, /;Lineage=17:[0-9a-f]{8}:16$/);
  for (;;) {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const line = metrics.split('\n').find((text) => /recursi/i.test(text) && text.includes('"echo"'));
    if (line !== undefined && Number(line.split(' ').at(-1)) > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
