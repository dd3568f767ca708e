/** InvokeWithResponseStream through AWS's SDK: what arrives, when it arrives, and how it ends (lambda-facts 7.2). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  DeleteFunctionConcurrencyCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { createScripted } from '../environments/scripted.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { stream, streamingHandler } from './streamed.ts';

const SOURCE = streamingHandler(`
  const write = (part) => new Promise((done) => stream.write(part, done));
  switch (event.do) {
    case 'parts': for (const part of event.parts) await write(part); stream.end(); return;
    case 'http': {
      const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } });
      http.write('body'); http.end(); return;
    }
    case 'fail-first': throw new TypeError('at once');
    case 'fail': await write('part'); throw new TypeError('midway');
    case 'exit': await write('part'); process.exit(3);
    case 'hang': await write('part'); await new Promise((r) => setTimeout(r, 60_000)); return;
    case 'log': console.log('a line of it'); stream.end('x'); return;
    case 'context': stream.end(JSON.stringify([context.awsRequestId, context.invokedFunctionArn, event])); return;
    case 'much': {
      const piece = Buffer.alloc(1_048_576, 'x');
      for (let left = event.megabytes; left > 0; left--) await write(piece);
      stream.end(); return;
    }
    default: stream.end();
  }`);
const BUFFERED =
  'exports.handler = async (event) => { if (event.fail) throw new RangeError("no"); return { got: event }; };';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'f', { files: { 'index.js': SOURCE }, Timeout: 30 });
  await createFunction(client, 'short', { files: { 'index.js': SOURCE }, Timeout: 1 });
  await createFunction(client, 'plain', { files: { 'index.js': BUFFERED } });
  await createScripted(client, 'scripted');
  await createScripted(client, 'cut');
});
after(() => server.stop());

describe('a streamed response', () => {
  it('arrives whole, with version and content type', async () => {
    const parts = ['one ', 'two ', 'x'.repeat(300_000), ' ✓'];
    const { status, executedVersion, contentType, text, errorCode, errorDetails, log } = await stream(client, 'f', {
      do: 'parts',
      parts,
    });
    assert.deepEqual(
      [status, executedVersion, errorCode, errorDetails, log],
      [200, '$LATEST', undefined, undefined, ''],
    );
    assert.equal(contentType, 'application/vnd.amazon.eventstream');
    assert.equal(text, parts.join(''));
  });

  it('arrives while the function still works', async () => {
    await createFunction(client, 'one', { files: { 'index.js': SOURCE }, Timeout: 30 });
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'one', ReservedConcurrentExecutions: 1 }));
    const Payload = JSON.stringify({ do: 'hang' });
    const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'one', Payload }));
    const events = (answer.EventStream ?? assert.fail())[Symbol.asyncIterator]();
    const { value: first } = await events.next();
    assert.equal(Buffer.from(first?.PayloadChunk?.Payload ?? []).toString(), 'part');
    // Its one slot is taken: the function has not ended.
    await assert.rejects(stream(server.client({ maxAttempts: 1 }), 'one'), { name: 'TooManyRequestsException' });
    await events.return?.();
  });

  it('of no bytes is InvokeComplete alone', async () => {
    assert.deepEqual((await stream(client, 'f')).chunks, []);
  });

  it('keeps the prelude of an HTTP integration as it is', async () => {
    const { text } = await stream(client, 'f', { do: 'http' });
    assert.equal(text, `{"statusCode":201,"headers":{"a":"b"}}${'\0'.repeat(8)}body`);
  });

  it('comes with the log when it is asked for', async () => {
    const { log, requestId } = await stream(client, 'f', { do: 'log' }, { LogType: 'Tail' });
    assert.match(log, new RegExp(`^START RequestId: ${requestId} Version: \\$LATEST\n`));
    assert.match(log, /a line of it\n/);
    assert.match(log, new RegExp(`\nREPORT RequestId: ${requestId}\t`));
  });

  it('has the request id and the ARN that the caller used', async () => {
    const { text, requestId } = await stream(client, 'f', { do: 'context' }, { Qualifier: '$LATEST' });
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST';
    assert.deepEqual(JSON.parse(text), [requestId, arn, { do: 'context' }]);
  });

  it('is collected by Invoke, up to its limit', async () => {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: 'f', Payload: JSON.stringify({ do: 'parts', parts: ['a', 'b'] }) }),
    );
    assert.equal(Buffer.from(answer.Payload ?? []).toString(), 'ab');
    const { error, payload } = await invokeFunction(client, 'f', { do: 'much', megabytes: 7 });
    assert.equal(error, 'Unhandled');
    assert.equal((payload as { errorType: string }).errorType, 'Function.ResponseSizeTooLarge');
    assert.equal((await stream(client, 'f', { do: 'much', megabytes: 7 })).text.length, 7 * 1_048_576);
  });

  it('beyond 200 MB breaks off with what fits, and the environment lives on', { timeout: 120_000 }, async () => {
    const answer = await client.send(
      new InvokeWithResponseStreamCommand({
        FunctionName: 'f',
        Payload: JSON.stringify({ do: 'much', megabytes: 201 }),
      }),
    );
    let bytes = 0;
    let code: string | undefined;
    for await (const { PayloadChunk, InvokeComplete } of answer.EventStream ?? []) {
      bytes += PayloadChunk?.Payload?.length ?? 0;
      code ??= InvokeComplete?.ErrorCode;
    }
    assert.deepEqual([bytes, code], [209_715_200, 'Function.ResponseSizeTooLarge']);
    assert.equal((await stream(client, 'f', { do: 'parts', parts: ['again'] })).text, 'again');
  });
});

describe('a failure', () => {
  it('before the first byte has its code and details', async () => {
    const { chunks, errorCode, errorDetails } = await stream(client, 'f', { do: 'fail-first' });
    assert.deepEqual([chunks, errorCode], [[], 'TypeError']);
    const { errorType, errorMessage } = JSON.parse(errorDetails ?? '');
    assert.deepEqual([errorType, errorMessage], ['TypeError', 'at once']);
  });

  it('in the middle comes behind what was written', async () => {
    const { text, errorCode, errorDetails, log } = await stream(client, 'f', { do: 'fail' }, { LogType: 'Tail' });
    assert.deepEqual([text, errorCode], ['part', 'TypeError']);
    assert.equal(JSON.parse(errorDetails ?? '').errorMessage, 'midway');
    assert.match(log, /\tERROR\tInvoke Error \t/);
  });

  it('of the time', async () => {
    const { text, errorCode, errorDetails, requestId } = await stream(client, 'short', { do: 'hang' });
    assert.deepEqual([text, errorCode], ['part', 'Sandbox.Timedout']);
    assert.deepEqual(JSON.parse(errorDetails ?? ''), {
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`,
    });
  });

  it('of the process is told, and the next invoke has another', async () => {
    const { text, errorCode } = await stream(client, 'f', { do: 'exit' });
    assert.equal(text, 'part');
    assert.match(errorCode ?? '', /^Runtime\.(TruncatedResponse|ExitError)$/);
    assert.equal((await stream(client, 'f', { do: 'parts', parts: ['next'] })).text, 'next');
  });

  it('of the connection is a truncated response', async () => {
    const script = `
c = Connection()
c.send(f"POST {path_of(event)} HTTP/1.1\\r\\nHost: x\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\npart\\r\\n")
c.socket.shutdown(socket.SHUT_WR)
kept = c.read().plain()
c.socket.close()`;
    const { text, errorCode } = await stream(client, 'cut', { script });
    assert.deepEqual([text, errorCode], ['part', 'Runtime.TruncatedResponse']);
    const { payload } = await invokeFunction(client, 'cut', { script: 'respond(event, kept)' });
    assert.deepEqual(payload, [
      400,
      '{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n',
    ]);
  });

  it('to name a mode that exists is one', async () => {
    const script = `call("POST", path_of(event), {"Lambda-Runtime-Function-Response-Mode": "sometimes"}, "x")`;
    const { chunks, errorCode } = await stream(client, 'scripted', { script });
    assert.deepEqual([chunks, errorCode], [[], 'Runtime.InvalidResponseModeHeader']);
  });
});

describe('a response that came whole with its head', () => {
  it('is streamed when it says so', async () => {
    const script = `call("POST", path_of(event), {"Lambda-Runtime-Function-Response-Mode": "streaming"}, "at once")`;
    assert.deepEqual((await stream(client, 'scripted', { script })).chunks, ['at once']);
  });
});

describe('a function that does not stream', () => {
  it('answers in one chunk', async () => {
    const { chunks, errorCode } = await stream(client, 'plain', { a: 1 });
    assert.deepEqual([chunks, errorCode], [['{"got":{"a":1}}'], undefined]);
  });

  it('fails in InvokeComplete', async () => {
    const { chunks, errorCode, errorDetails } = await stream(client, 'plain', { fail: true });
    assert.deepEqual([chunks, errorCode], [[], 'RangeError']);
    assert.equal(JSON.parse(errorDetails ?? '').errorMessage, 'no');
  });
});

describe('a request', () => {
  it('may be a DryRun', async () => {
    const answer = await client.send(
      new InvokeWithResponseStreamCommand({ FunctionName: 'f', InvocationType: 'DryRun' }),
    );
    assert.equal(answer.$metadata.httpStatusCode, 204);
  });

  it('may not be an Event', async () => {
    const refused = stream(client, 'f', {}, { InvocationType: 'Event' as never });
    await assert.rejects(refused, {
      name: 'ValidationException',
      message: /enum value set: \[RequestResponse, DryRun\]/,
    });
  });

  it('is refused before anything runs: no such function, no JSON, no slot', async () => {
    await assert.rejects(stream(client, 'none'), { name: 'ResourceNotFoundException' });
    await assert.rejects(stream(client, 'f', {}, { Payload: Buffer.from('{') }), {
      name: 'InvalidRequestContentException',
    });
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'f', ReservedConcurrentExecutions: 0 }));
    const once = server.client({ maxAttempts: 1 });
    await assert.rejects(stream(once, 'f'), {
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    });
    await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'f' }));
  });
});
