/** A chain of invokes that goes round through the same function is cut, unless the function may go round. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  InvokeCommand,
  type LambdaClient,
  PutFunctionRecursionConfigCommand,
  RecursiveInvocationException,
} from '@aws-sdk/client-lambda';
import { withPassage } from '../../src/invoke/lineage.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PASSAGES = 16;
const ROOT = 'Root=1-5759e988-bd862e3fe1be46a994272793';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client({ maxAttempts: 1 });
  // What an SDK inside a function sends with its calls is this variable.
  const files = { 'index.js': 'exports.handler = async () => process.env._X_AMZN_TRACE_ID;' };
  for (const name of ['one', 'other', 'third']) await createFunction(client, name, { files });
});

after(() => server.stop());

/** Invokes with a trace header and gives back the one that the function saw. */
async function pass(name: string, trace: string | undefined): Promise<string> {
  const command = new InvokeCommand({ FunctionName: name });
  if (trace !== undefined)
    command.middlewareStack.add(
      (next) => async (args) => {
        (args.request as { headers: Record<string, string> }).headers['X-Amzn-Trace-Id'] = trace;
        return next(args);
      },
      { step: 'build' },
    );
  const { Payload, FunctionError } = await client.send(command);
  assert.equal(FunctionError, undefined);
  return JSON.parse(Buffer.from(Payload ?? []).toString());
}

async function refusal(name: string, trace: string): Promise<RecursiveInvocationException> {
  const error: unknown = await pass(name, trace).then(
    () => assert.fail('it ran'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RecursiveInvocationException, String(error));
  return error;
}

test('the seventeenth passage through one function is refused, and others go on', async () => {
  let trace = await pass('one', `${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`);
  assert.match(
    trace,
    /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:[0-9a-f]{8}:0$/,
  );
  for (let passage = 2; passage <= PASSAGES; passage++) {
    trace = await pass('one', trace);
    assert.match(trace, new RegExp(`^${ROOT};.*;Lineage=${passage}:[0-9a-f]{8}:${passage - 1}$`));
  }
  const error = await refusal('one', trace);
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.equal(
    error.message,
    "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
  );
  assert.match(await pass('other', trace), /;Lineage=17:/);
  assert.match(await pass('one', undefined), /;Lineage=1:[0-9a-f]{8}:0$/);
});

test('a ring of functions is found, also when it begins behind another function', async () => {
  let trace = await pass('third', undefined);
  let passages = 0;
  let refused: string | undefined;
  while (refused === undefined) {
    assert.ok(passages < 4 * PASSAGES, 'the ring was not found');
    const name = passages % 2 === 0 ? 'one' : 'other';
    try {
      trace = await pass(name, trace);
      passages++;
    } catch (error) {
      assert.ok(error instanceof RecursiveInvocationException, String(error));
      refused = name;
    }
  }
  assert.equal(passages, 2 * PASSAGES);
});

test('Allow lets a function go round, and Terminate stops it again', async () => {
  const allow = (RecursiveLoop: 'Allow' | 'Terminate') =>
    client.send(new PutFunctionRecursionConfigCommand({ FunctionName: 'one', RecursiveLoop }));
  await allow('Allow');
  let trace: string | undefined;
  for (let passage = 0; passage < 2 * PASSAGES; passage++) trace = await pass('one', trace);
  await allow('Terminate');
  await refusal('one', trace as string);
});

test('every ring is found in the end, whatever comes before it, and a chain without one never is', () => {
  const mark = (number: number) => number.toString(16).padStart(8, '0');
  const hopsUntilLoop = (nameAt: (hop: number) => number, hopsMax: number) => {
    let header = ROOT;
    for (let hop = 0; hop < hopsMax; hop++) {
      const passed = withPassage(header, mark(nameAt(hop)));
      assert.ok(passed.header.length < 100);
      if (passed.isLoop) return hop;
      header = passed.header;
    }
    return undefined;
  };
  for (const length of [1, 2, 3, 7, 15]) {
    const hops = hopsUntilLoop((hop) => hop % length, 1000) ?? 0;
    assert.ok(hops >= length * PASSAGES && hops < (length + 1) * PASSAGES, `a ring of ${length} after ${hops}`);
  }
  for (const length of [1, 2, 5, 20, 100])
    for (const before of [1, 2, 3, 8, 50]) {
      // One function comes back by chance before the ring, which never goes through it.
      const nameAt = (hop: number) => (hop < before ? 5000 + (hop % 2) : (hop - before) % length);
      assert.ok(hopsUntilLoop(nameAt, 20_000) !== undefined, `a ring of ${length} after ${before}`);
    }
  assert.equal(
    hopsUntilLoop((hop) => hop, 5000),
    undefined,
  );
});

test('a lineage that is none is replaced, and one in front of the root is found', () => {
  assert.equal(
    withPassage(`${ROOT};Lineage=x:y|z;Sampled=1`, '0000000a').header,
    `${ROOT};Sampled=1;Lineage=1:0000000a:0`,
  );
  const { header, isLoop } = withPassage(`Lineage=20:0000000a:15;${ROOT}`, '0000000a');
  assert.deepEqual([header, isLoop], [`${ROOT};Lineage=21:0000000a:16`, true]);
});
