// Every example, from its sources to its answer: built, uploaded as a zip, waited for, invoked, compared.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateFunctionCommand, InvokeCommand, type Runtime, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import {
  buildExample,
  type ExampleName,
  type ExampleSettings,
  exampleNames,
  lacksGo,
  readExample,
} from '../examples/build.ts';
import { skipUnless } from './support/requirement.ts';
import { startTestServer, type TestServer } from './support/server.ts';

/** Downloading dependencies and compiling takes its time on a machine that never did it. */
const BUILD_MS_MAX = 6 * 60_000;
const ACTIVE_S_MAX = 30;
const PNG_SIGNATURE = '89504e470d0a1a0a';

let server: TestServer;
before(async () => {
  server = await startTestServer({ args: ['--nearest-runtime'] });
});
after(async () => {
  await server?.stop();
});

/** Fails unless `actual` holds everything that `expected` does; an answer may hold more, such as headers. */
function assertHolds(actual: unknown, expected: unknown, path = 'answer'): void {
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) {
    assert.deepEqual(actual, expected, `${path}: ${JSON.stringify(actual)}`);
    return;
  }
  assert.ok(typeof actual === 'object' && actual !== null, `${path}: ${JSON.stringify(actual)}`);
  for (const [key, value] of Object.entries(expected))
    assertHolds((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
}

async function deployAndInvoke(name: ExampleName): Promise<Record<string, unknown>> {
  const client = server.client();
  const { runtime, handler, memoryMb, timeoutS } = readExample(name, 'function.json') as ExampleSettings;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime as Runtime,
      Handler: handler,
      Role: 'arn:aws:iam::000000000000:role/example',
      MemorySize: memoryMb,
      Timeout: timeoutS,
      Code: { ZipFile: await buildExample(name) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: ACTIVE_S_MAX, minDelay: 1 }, { FunctionName: name });
  const event = JSON.stringify(readExample(name, 'event.json'));
  const answer = await client.send(new InvokeCommand({ FunctionName: name, Payload: event, LogType: 'Tail' }));
  const text = Buffer.from(answer.Payload ?? []).toString('utf8');
  const log = Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8');
  assert.equal(answer.FunctionError, undefined, `${text}\n${log}`);
  assert.equal(answer.StatusCode, 200);
  return JSON.parse(text);
}

for (const name of exampleNames) {
  const skip = skipUnless(!lacksGo(name), 'needs go on the PATH');
  test(`${name} answers as expected.json says`, { skip, timeout: BUILD_MS_MAX }, async () => {
    const answer = await deployAndInvoke(name);
    assertHolds(answer, readExample(name, 'expected.json'));
    if (name === 'thumbnail') assertPicture(String(answer['picture']), 96, 64);
  });
}

/** A PNG says its size in the 8 bytes that follow the head of its first chunk. */
function assertPicture(base64: string, width: number, height: number): void {
  const picture = Buffer.from(base64, 'base64');
  assert.equal(picture.subarray(0, 8).toString('hex'), PNG_SIGNATURE);
  assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [width, height]);
}
