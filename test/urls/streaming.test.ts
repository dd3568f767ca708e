/** Function URLs whose InvokeMode is RESPONSE_STREAM, and streaming functions behind those that collect. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { type LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { createScripted } from '../environments/scripted.ts';
import { streamingHandler } from '../streams/streamed.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, createUrl } from './url-server.ts';

const SOURCE = streamingHandler(`
  const write = (to, part) => new Promise((done) => to.write(part, done));
  const { answer } = event.queryStringParameters ?? {};
  if (event.rawPath === '/plain') { stream.setContentType('text/plain'); await write(stream, 'one '); stream.end('two'); return; }
  if (event.rawPath === '/fail-first') throw new Error('at once');
  if (event.rawPath === '/empty') { stream.end(); return; }
  const http = awslambda.HttpResponseStream.from(stream, answer ? JSON.parse(answer) : { statusCode: 201 });
  await write(http, 'first ');
  if (event.rawPath === '/fail') throw new Error('midway');
  if (event.rawPath === '/hang') { await new Promise((done) => setTimeout(done, 60_000)); return; }
  http.end('last');`);
const PLAIN = "exports.handler = async () => ({ statusCode: 201, body: 'in it' });";

let server: TestServer;
let client: LambdaClient;
let url: string;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'f', { files: { 'index.js': SOURCE }, Timeout: 30 });
  url = await createUrl(client, 'f', { InvokeMode: 'RESPONSE_STREAM' });
});
after(() => server.stop());

const answered = (prelude: unknown) => ask(`${url}?answer=${encodeURIComponent(JSON.stringify(prelude))}`);

describe('a streamed answer', () => {
  it('has the head of its prelude', async () => {
    const { status, headers, text } = await answered({
      statusCode: 418,
      headers: { 'Content-Type': 'text/teapot', 'x-a': 'b', Connection: 'x' },
      cookies: ['a=1', 'b=2'],
    });
    assert.deepEqual([status, text], [418, 'first last']);
    assert.deepEqual(
      [headers['content-type'], headers['x-a'], headers['set-cookie']],
      ['text/teapot', 'b', ['a=1', 'b=2']],
    );
    assert.equal(headers['transfer-encoding'], 'chunked');
    assert.match(String(headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
  });

  it('is bytes with status 200 where nothing else is said', async () => {
    const { status, headers, text } = await answered({});
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/octet-stream', 'first last']);
  });

  it('without a prelude has the type that the function set', async () => {
    const { status, headers, text } = await ask(`${url}plain`);
    assert.deepEqual([status, headers['content-type'], text], [200, 'text/plain', 'one two']);
    assert.deepEqual((await ask(`${url}empty`)).text, '');
  });

  it('arrives while the function still works', async () => {
    await createFunction(client, 'one', { files: { 'index.js': SOURCE }, Timeout: 30 });
    const one = await createUrl(client, 'one', { InvokeMode: 'RESPONSE_STREAM' });
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'one', ReservedConcurrentExecutions: 1 }));
    const asking = get(`${one}hang`, { agent: false });
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    const [first] = (await once(answer, 'data')) as [Buffer];
    assert.equal(first.toString(), 'first ');
    assert.equal((await ask(one)).status, 429);
    asking.destroy();
  });

  it('that breaks off breaks the connection', async () => {
    await assert.rejects(ask(`${url}fail`), /aborted/);
  });

  it('is a 502 when the function fails first, or gives a wrong head', async () => {
    const wrong = [{ statusCode: 99 }, { headers: { 'a b': 'c' } }, { headers: { a: 'b\r\nX-Evil: 1' } }, 'x', null];
    for (const { status, text } of [await ask(`${url}fail-first`), ...(await Promise.all(wrong.map(answered)))])
      assert.deepEqual([status, text], [502, 'Internal Server Error']);
  });

  it('is a 502 when its prelude has no end', async () => {
    await createScripted(client, 'endless', { init: ENDLESS });
    const endless = await createUrl(client, 'endless', { InvokeMode: 'RESPONSE_STREAM' });
    assert.equal((await ask(endless)).status, 502);
  });
});

/** Answers every event with a prelude that goes on. */
const ENDLESS = `
def respond(event, value):
    head = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "application/vnd.awslambda.http-integration-response"}
    return call("POST", path_of(event), head, '{"statusCode": 200, "headers": {"a": "' + "x" * 1000000)
`;

describe('what does not stream', () => {
  it('goes out as it is behind a URL that does', async () => {
    await createFunction(client, 'plain', { files: { 'index.js': PLAIN } });
    const { status, headers, text } = await ask(await createUrl(client, 'plain', { InvokeMode: 'RESPONSE_STREAM' }));
    assert.deepEqual([status, headers['content-type']], [200, 'application/json']);
    assert.deepEqual(JSON.parse(text), { statusCode: 201, body: 'in it' });
  });

  it('is made of a stream by a URL that collects', async () => {
    await createFunction(client, 'collected', { files: { 'index.js': SOURCE } });
    const collected = await createUrl(client, 'collected');
    const { status, headers, text } = await ask(collected);
    assert.deepEqual([status, text, headers['content-length']], [201, 'first last', '10']);
    assert.equal((await ask(`${collected}plain`)).text, 'one two');
    assert.equal((await ask(`${collected}fail`)).status, 502);
  });
});
