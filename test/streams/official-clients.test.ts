/** Streaming functions built with AWS's Go and Rust libraries, and boto3 as the caller. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { GO_BUILD_MS_MAX, goBootstrap, skipWithoutGo } from '../runtimes/go-program.ts';
import { RUST_BUILD_MS_MAX, rustBootstrap, skipWithoutRust } from '../runtimes/rust-program.ts';
import { runClient } from '../support/client-process.ts';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { stream, streamingHandler } from './streamed.ts';

const PARTS = ['one ', 'two ', 'x'.repeat(100_000), ' ✓'];

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

function create(name: string, bootstrap: Buffer) {
  const files = { bootstrap: { content: bootstrap, mode: 0o755 } };
  return createFunction(client, name, { Runtime: 'provided.al2023', Handler: 'some.handler', Timeout: 10, files });
}

describe('aws-lambda-go', { skip: skipWithoutGo, timeout: GO_BUILD_MS_MAX }, () => {
  before(async () => create('go', await goBootstrap()), { timeout: GO_BUILD_MS_MAX });

  it('streams what a reader gives', async () => {
    const { text, errorCode } = await stream(client, 'go', { do: 'stream', parts: PARTS });
    assert.deepEqual([text, errorCode], [PARTS.join(''), undefined]);
  });

  it('tells in the trailers why its reader broke off', async () => {
    const { text, errorCode, errorDetails } = await stream(client, 'go', {
      do: 'stream-fail',
      parts: ['one'],
      message: 'broken off',
    });
    assert.deepEqual([text, errorCode], ['one', 'named']);
    assert.deepEqual(JSON.parse(errorDetails ?? ''), { errorMessage: 'broken off', errorType: 'named' });
    assert.deepEqual((await stream(client, 'go', { do: 'echo', value: 1 })).chunks, ['1']);
  });
});

describe('lambda_runtime', { skip: skipWithoutRust, timeout: RUST_BUILD_MS_MAX }, () => {
  before(async () => create('rust', await rustBootstrap()), { timeout: RUST_BUILD_MS_MAX });

  it('streams a prelude and what its channel brings', async () => {
    const { text, errorCode } = await stream(client, 'rust', { do: 'stream', parts: PARTS });
    const [prelude = '', body] = text.split('\0'.repeat(8));
    assert.equal(JSON.parse(prelude).statusCode, 200);
    assert.deepEqual([body, errorCode], [PARTS.join(''), undefined]);
  });

  it('answers without streaming in one chunk', async () => {
    assert.deepEqual((await stream(client, 'rust', { do: 'echo', value: 1 })).chunks, ['1']);
  });
});

/** Where boto3 is in an environment of its own, this names its interpreter. */
const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const isBotoThere = spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0;

const PROGRAM = `
import boto3, json
answer = boto3.client('lambda').invoke_with_response_stream(FunctionName='node', Payload=b'{}', LogType='Tail')
events = list(answer['EventStream'])
print(json.dumps({
    'status': answer['StatusCode'], 'version': answer['ExecutedVersion'],
    'text': b''.join(e['PayloadChunk']['Payload'] for e in events[:-1]).decode(),
    'complete': sorted(events[-1]['InvokeComplete']),
    'code': events[-1]['InvokeComplete']['ErrorCode']}))
`;

describe('boto3', { skip: skipUnless(isBotoThere, 'needs boto3 for python3') }, () => {
  it('reads the events, with the failure and the log at their end', async () => {
    const source = streamingHandler("stream.write('one'); stream.write(' two'); throw new TypeError('midway');");
    await createFunction(client, 'node', { files: { 'index.js': source } });
    const { stdout } = await runClient(python, ['-c', PROGRAM], server);
    assert.deepEqual(JSON.parse(stdout), {
      status: 200,
      version: '$LATEST',
      text: 'one two',
      complete: ['ErrorCode', 'ErrorDetails', 'LogResult'],
      code: 'TypeError',
    });
  });
});
