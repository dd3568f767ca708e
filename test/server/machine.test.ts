/** What the server does when the machine, the caller or the person who starts it sets limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GetFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  ListFunctionsCommand,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';

const HELLO = {
  'index.mjs': 'export const handler = async (event) => ({ hello: event.name, tmp: process.env.TMPDIR });',
};

async function namesOf(client: LambdaClient): Promise<(string | undefined)[]> {
  const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
  return Functions.map(({ FunctionName }) => FunctionName);
}

test('a machine without memory to spare refuses an invoke after a bounded wait, and says so', async () => {
  const server = await startTestServer({ args: ['--memory-reserve-mb', '1048576', '--full-wait-seconds', '1'] });
  try {
    const client = server.client({ maxAttempts: 1 });
    await createFunction(client, 'hello', { files: HELLO });
    const started = performance.now();
    await assert.rejects(
      client.send(new InvokeCommand({ FunctionName: 'hello' })),
      (error: unknown) => error instanceof TooManyRequestsException && /no memory left/.test(error.message),
    );
    assert.ok(performance.now() - started >= 1000, 'it waited first');
  } finally {
    await server.stop();
  }
});

test('accounts and regions are worlds of their own', async () => {
  const server = await startTestServer();
  try {
    const mine = server.client({ credentials: { accessKeyId: '111111111111', secretAccessKey: 'x' } });
    const theirs = server.client({ credentials: { accessKeyId: '222222222222', secretAccessKey: 'x' } });
    const elsewhere = server.client({
      region: 'eu-central-1',
      credentials: { accessKeyId: '111111111111', secretAccessKey: 'x' },
    });
    await createFunction(mine, 'hello', { files: HELLO });
    const { Configuration } = await mine.send(new GetFunctionCommand({ FunctionName: 'hello' }));
    assert.equal(Configuration?.FunctionArn, 'arn:aws:lambda:us-east-1:111111111111:function:hello');
    for (const client of [theirs, elsewhere]) {
      assert.deepEqual(await namesOf(client), []);
      await assert.rejects(client.send(new InvokeCommand({ FunctionName: 'hello' })), {
        name: 'ResourceNotFoundException',
      });
    }
    await createFunction(theirs, 'hello', { files: { 'index.mjs': 'export const handler = async () => "theirs";' } });
    assert.equal((await invokeFunction(theirs, 'hello')).payload, 'theirs');
    assert.deepEqual((await invokeFunction(mine, 'hello', { name: 'mine' })).payload, { hello: 'mine' });
  } finally {
    await server.stop();
  }
});

test('plain processes run functions where there are no namespaces', async () => {
  const server = await startTestServer({ args: ['--sandbox', 'process'] });
  try {
    assert.match(server.stdout(), /^warning: {2}functions run as plain processes/m);
    const client = server.client();
    await createFunction(client, 'hello', { Timeout: 2, files: HELLO });
    const { payload, error } = await invokeFunction(client, 'hello', { name: 'plain' });
    assert.equal(error, undefined);
    const { hello, tmp } = payload as { hello: string; tmp: string };
    assert.equal(hello, 'plain');
    assert.ok(tmp.startsWith(server.dataDir), 'TMPDIR is a folder of its own');
    await createFunction(client, 'loop', {
      Timeout: 1,
      files: { 'index.mjs': 'export const handler = () => { for (;;); };' },
    });
    const timedOut = await invokeFunction(client, 'loop');
    assert.equal((timedOut.payload as { errorType: string }).errorType, 'Sandbox.Timedout');
  } finally {
    await server.stop();
  }
});

test('SIGTERM lets a running invoke finish, then the server ends with 0', async () => {
  const server = await startTestServer();
  const client = server.client({ maxAttempts: 1 });
  await createFunction(client, 'slow', {
    Timeout: 10,
    files: {
      'index.mjs': `
        export const handler = async ({ ms }) => {
          console.log('running');
          await new Promise((resolve) => setTimeout(resolve, ms));
          return 'finished';
        };`,
    },
  });
  await invokeFunction(client, 'slow', { ms: 0 });
  const running = client.send(new InvokeCommand({ FunctionName: 'slow', Payload: JSON.stringify({ ms: 1500 }) }));
  // The invoke has reached the function once a second line is in its log.
  while ((await lines(server.url)) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill(server.pid, 'SIGTERM');
  const { Payload, FunctionError } = await running;
  assert.deepEqual([Buffer.from(Payload ?? []).toString(), FunctionError], ['"finished"', undefined]);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
});

/** How often the function said that it runs, read over the CloudWatch Logs API. */
async function lines(url: string): Promise<number> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Logs_20140328.FilterLogEvents',
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ logGroupName: '/aws/lambda/slow', filterPattern: 'running' }),
  });
  const { events = [] } = (await answer.json()) as { events?: unknown[] };
  return events.length;
}
