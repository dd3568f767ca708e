/** The segments of real invokes, as an X-Ray daemon gets them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  InvokeCommand,
  type InvokeCommandInput,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  RecursiveInvocationException,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { createScripted } from '../environments/scripted.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createUrl } from '../urls/url-server.ts';
import { type Segment, startDaemon } from './trace-sink.ts';
import { withTrace } from './with-trace.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';
const CALLER = '53995c3f42cd8ad8';
const SAMPLED = `Root=${ROOT};Parent=${CALLER};Sampled=1`;
const ARN = 'arn:aws:lambda:us-east-1:000000000000:function';

let daemon: Awaited<ReturnType<typeof startDaemon>>;
let server: TestServer;
let client: LambdaClient;

before(async () => {
  daemon = await startDaemon();
  server = await startTestServer({ args: ['--test-clock', '--xray-daemon', daemon.address] });
  client = server.client({ maxAttempts: 1 });
  const files = { 'index.js': 'exports.handler = async () => process.env._X_AMZN_TRACE_ID;' };
  for (const name of ['echo', 'streams', 'throttled']) await createFunction(client, name, { files });
  await createFunction(client, 'active', { files, TracingConfig: { Mode: 'Active' } });
});

after(async () => {
  await server.stop();
  daemon.close();
});

async function invoke(name: string, trace?: string, more: Partial<InvokeCommandInput> = {}) {
  const command = new InvokeCommand({ FunctionName: name, ...more });
  const told = withTrace(command, trace);
  const answer = await client.send(command);
  const payload = Buffer.from(answer.Payload ?? []).toString();
  return { payload, told: told(), requestId: answer.$metadata.requestId ?? '' };
}

function names({ subsegments = [] }: Segment): string[] {
  return subsegments.map(({ name }) => name);
}

function part(segment: Segment, name: string): Segment {
  return segment.subsegments?.find((one) => one.name === name) as Segment;
}

test('a sampled invoke has two segments, of which the function sees the second as its parent', async () => {
  const cold = await invoke('echo', SAMPLED);
  const { lambda, run } = await daemon.pair(cold.requestId);
  assert.deepEqual([...daemon.heads], ['{"format":"json","version":1}']);
  assert.equal(lambda.trace_id, ROOT);
  assert.equal(lambda.parent_id, CALLER);
  assert.equal(lambda.name, 'echo');
  assert.equal(lambda.resource_arn, `${ARN}:echo`);
  assert.deepEqual(lambda.http, { response: { status: 200 } });
  assert.equal(run.trace_id, ROOT);
  assert.equal(run.parent_id, lambda.id);
  assert.equal(run.aws?.['function_arn'], `${ARN}:echo`);
  assert.equal(JSON.parse(cold.payload), cold.told);
  assert.match(cold.told, new RegExp(`^Root=${ROOT};Parent=${run.id};Sampled=1;Lineage=1:[0-9a-f]{8}:0$`));
  assert.deepEqual(names(run), ['Initialization', 'Invocation', 'Overhead']);
  const times = [run, ...(run.subsegments ?? [])].map(({ start_time, end_time }) => [start_time, end_time] as const);
  for (const [start, end] of times) assert.ok(start <= end && start >= run.start_time && end <= run.end_time + 0.001);
  assert.ok(Math.abs(lambda.end_time - Date.now() / 1000) < 60);
  assert.equal(run.fault ?? lambda.fault ?? lambda.error, undefined);

  const warm = await invoke('echo', SAMPLED);
  assert.deepEqual(names((await daemon.pair(warm.requestId)).run), ['Invocation', 'Overhead']);
});

test('Active decides where nobody has, PassThrough does not, and a decision counts', async () => {
  const first = await invoke('active');
  assert.match(first.told, /;Sampled=1;/);
  const { lambda } = await daemon.pair(first.requestId);
  assert.equal(lambda.parent_id, undefined);
  assert.equal(lambda.trace_id, /Root=([^;]*)/.exec(first.told)?.[1]);
  const passed = await invoke('echo');
  assert.match(passed.told, /;Sampled=0;/);
  const refused = await invoke('active', SAMPLED.replace('Sampled=1', 'Sampled=0'));
  assert.match(refused.told, new RegExp(`;Parent=${CALLER};Sampled=0;`));
  // What comes behind them has come when theirs would have.
  const last = await invoke('echo', SAMPLED);
  await daemon.pair(last.requestId);
  for (const { requestId } of [passed, refused])
    assert.ok(!daemon.segments.all.some(({ aws }) => aws?.['request_id'] === requestId));
});

test('a failure is told with its cause: what the runtime names, or the error that the caller gets', async () => {
  const failing = 'exports.handler = async () => { throw new RangeError("too far"); };';
  await createFunction(client, 'fails', { files: { 'index.js': failing } });
  const { lambda, run } = await daemon.pair((await invoke('fails', SAMPLED)).requestId);
  assert.equal(lambda.fault, true);
  assert.equal(lambda.http?.response.status, 200);
  assert.equal(run.fault, true);
  const [exception] = run.cause?.exceptions ?? [];
  assert.deepEqual([exception?.type, exception?.message], ['RangeError', 'too far']);
  assert.match(exception?.id ?? '', /^[0-9a-f]{16}$/);
  assert.ok((exception?.stack?.length ?? 0) > 0);
  assert.equal(part(run, 'Invocation').fault, true);
  assert.equal(part(run, 'Initialization').fault, undefined);
});

test('what the runtime reports for X-Ray wins, is cropped to what a datagram holds, and ignored when it is none', async () => {
  await createScripted(client, 'scripted');
  const causeOf = async (cause: string) => {
    const headers = `{"Lambda-Runtime-Function-XRay-Error-Cause": ${cause}}`;
    const error = `'{"errorType":"Told","errorMessage":"to the caller"}'`;
    const script = `call("POST", path_of(event, "error"), ${headers}, ${error})`;
    const { requestId } = await invoke('scripted', SAMPLED, { Payload: JSON.stringify({ script }) });
    return (await daemon.pair(requestId)).run.cause;
  };
  const frame = `{"path": "/var/task/x.py", "line": 1, "label": "f", "more": 1}`;
  const exception = (stack: string) => `{"type": "E", "message": "m", "stack": ${stack}}`;
  const told = await causeOf(
    `json.dumps({"working_directory": "/var/task", "paths": ["x.py"], "exceptions": [${exception(`[${frame}]`)}]})`,
  );
  const [only] = told?.exceptions ?? [];
  assert.equal(told?.working_directory, '/var/task');
  assert.deepEqual([only?.type, only?.message], ['E', 'm']);
  assert.deepEqual(only?.stack, [{ path: '/var/task/x.py', line: 1, label: 'f' }]);
  // 1000 frames of 45 bytes are more than fits, and so are 800; 2000 of 10,000 never fit.
  const large = await causeOf(`json.dumps({"exceptions": [${exception(`[${frame}] * 1000`)}]})`);
  assert.equal(large?.exceptions[0]?.stack?.length, 600);
  const huge = await causeOf(`json.dumps({"exceptions": [${exception(`[${frame}] * 10000`)}]})`);
  assert.deepEqual([huge?.exceptions[0]?.type, huge?.exceptions[0]?.stack], ['E', undefined]);
  for (const none of [`'{"exceptions":'`, `'[]'`, `'{"exceptions":7}'`, `'"text"'`])
    assert.equal((await causeOf(none))?.exceptions[0]?.type, 'Told', none);
});

test('a timeout, a failed init and a crash are faults of the function', async () => {
  const files = { 'index.js': 'exports.handler = () => new Promise(() => setInterval(() => {}, 1000));' };
  await createFunction(client, 'slow', { files, Timeout: 1 });
  const slow = await daemon.pair((await invoke('slow', SAMPLED)).requestId);
  assert.match(slow.run.cause?.exceptions[0]?.message ?? '', /Task timed out after 1\.00 seconds/);
  assert.equal(slow.lambda.fault, true);
  const { start_time: start, end_time: end } = part(slow.run, 'Invocation');
  assert.ok(end - start >= 0.99);

  await createFunction(client, 'unborn', { files: { 'index.js': 'throw new TypeError("not today");' } });
  const unborn = await daemon.pair((await invoke('unborn', SAMPLED)).requestId);
  // The init is tried again inside the invoke.
  assert.deepEqual(names(unborn.run), ['Initialization', 'Initialization']);
  assert.equal(unborn.run.cause?.exceptions[0]?.message, 'not today');
  assert.equal(unborn.run.fault, true);

  await createFunction(client, 'exits', { files: { 'index.js': 'exports.handler = () => process.exit(3);' } });
  const exits = await daemon.pair((await invoke('exits', SAMPLED)).requestId);
  assert.equal(exits.run.cause?.exceptions[0]?.type, 'Runtime.ExitError');
});

test('a throttled invoke has the segment of the service alone', async () => {
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'throttled', ReservedConcurrentExecutions: 0 }));
  const error = await invoke('throttled', SAMPLED).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof TooManyRequestsException);
  const { requestId } = error.$metadata;
  const [segment, ...more] = await daemon.segments.some(({ aws }) => aws?.['request_id'] === requestId);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [segment?.origin, segment?.throttle, segment?.error, segment?.fault],
    ['AWS::Lambda', true, true, undefined],
  );
  assert.equal(segment?.http?.response.status, 429);
});

test('a URL and a stream are traced like an invoke', async () => {
  const url = await createUrl(client, 'echo');
  const answer = await fetch(url, { headers: { 'X-Amzn-Trace-Id': SAMPLED } });
  const byUrl = await daemon.pair(answer.headers.get('x-amzn-requestid') ?? '');
  assert.equal(/Parent=(\w+)/.exec(answer.headers.get('x-amzn-trace-id') ?? '')?.[1], byUrl.run.id);
  assert.equal(byUrl.lambda.parent_id, CALLER);

  const command = new InvokeWithResponseStreamCommand({ FunctionName: 'streams' });
  const told = withTrace(command, SAMPLED);
  const { EventStream, $metadata } = await client.send(command);
  for await (const _ of EventStream ?? []);
  const streamed = await daemon.pair($metadata.requestId ?? '');
  assert.equal(/Parent=(\w+)/.exec(told())?.[1], streamed.run.id);
});

test('an invoke that is refused for its loop has a segment of Lambda, and none of the function', async () => {
  const refusals = (status: number) => (one: Segment) =>
    one.name === 'round' && one.origin === 'AWS::Lambda' && one.http?.response.status === status;
  await createFunction(client, 'round', {
    files: { 'index.js': 'exports.handler = async () => process.env._X_AMZN_TRACE_ID;' },
  });
  let trace = SAMPLED;
  for (let passage = 1; passage <= 16; passage++) trace = JSON.parse((await invoke('round', trace)).payload);
  await assert.rejects(invoke('round', trace), RecursiveInvocationException);
  const streamed = new InvokeWithResponseStreamCommand({ FunctionName: 'round' });
  withTrace(streamed, trace);
  await assert.rejects(client.send(streamed), RecursiveInvocationException);
  const runs = (one: Segment) => one.name === 'round' && one.origin === 'AWS::Lambda::Function';
  const last = (await daemon.segments.some(runs, 16)).find(({ id }) => trace.includes(id));
  for (const one of await daemon.segments.some(refusals(400), 2)) {
    assert.deepEqual([one.trace_id, one.parent_id], [ROOT, last?.id]);
    assert.deepEqual([one.error, one.fault, one.subsegments], [true, undefined, undefined]);
  }
  assert.equal(daemon.segments.all.filter(runs).length, 16);
});

test('an event is one trace, however often it is tried', async () => {
  const files = { 'index.js': 'exports.handler = async () => { throw new Error("again"); };' };
  await createFunction(client, 'retried', { files, TracingConfig: { Mode: 'Active' } });
  const { requestId, told } = await invoke('retried', undefined, { InvocationType: 'Event' });
  const root = /Root=([^;]*)/.exec(told)?.[1];
  const ofTrace = (one: Segment) => one.trace_id === root;
  for (let attempt = 1; attempt <= 3; attempt++) {
    await daemon.segments.some((one) => ofTrace(one) && one.name === `Attempt #${attempt}`);
    await fetch(`${server.url}/_lambdad/clock?advanceSeconds=130`, { method: 'POST' });
  }
  const [event] = await daemon.segments.some((one) => ofTrace(one) && one.origin === 'AWS::Lambda');
  const runs = await daemon.segments.some((one) => ofTrace(one) && one.origin === 'AWS::Lambda::Function', 3);
  const parts = daemon.segments.all.filter((one) => ofTrace(one) && one.type === 'subsegment');
  assert.deepEqual(parts.map(({ name }) => name).sort(), ['Attempt #1', 'Attempt #2', 'Attempt #3', 'Dwell Time']);
  for (const one of parts) assert.equal(one.parent_id, event?.id);
  const attempts = parts.filter(({ name }) => name !== 'Dwell Time');
  assert.deepEqual(new Set(runs.map((one) => one.parent_id)), new Set(attempts.map(({ id }) => id)));
  assert.deepEqual(
    runs.map(({ aws }) => aws?.['request_id']),
    Array(3).fill(requestId),
  );
  assert.deepEqual([event?.fault, event?.http?.response.status, event?.parent_id], [true, 202, undefined]);
});
