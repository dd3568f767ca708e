/** Function URLs as HTTP clients see them: what the function gets, and what becomes of its answers (lambda-facts 7.4). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionUrlConfigCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, createUrl } from './url-server.ts';

/** Answers with its event, or with what the event's `answer` parameter says. */
const ECHO = `exports.handler = async (event, context) => {
  const wish = event.queryStringParameters?.answer;
  if (wish === 'throw') throw new Error('on purpose');
  if (wish !== undefined) return JSON.parse(wish);
  return { event, arn: context.invokedFunctionArn, id: context.awsRequestId };
};`;

const NO_SUCH = '{"Message":null}';
const FORBIDDEN =
  'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html';

let server: TestServer;
let client: LambdaClient;
let url: string;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'echo', { files: { 'index.js': ECHO } });
  url = await createUrl(client, 'echo');
});
after(() => server.stop());

async function eventOf(address: string, asked: Parameters<typeof ask>[1] = {}) {
  const { status, text } = await ask(address, asked);
  assert.equal(status, 200, text);
  return JSON.parse(text).event;
}

describe('the event', () => {
  it('is of payload format 2.0, without the prefix of the path', async () => {
    const told = await ask(`${url}a%20b/c?x=1&y=a+b&x=2%2C3&z`, {
      headers: { 'User-Agent': 'test', Cookie: 'a=1; b=2', 'X-Many': ['one', 'two'], 'X-Upper': 'É'.normalize() },
    });
    const { event, arn, id } = JSON.parse(told.text);
    const urlId = new URL(url).pathname.slice(1, -1);
    const { timeEpoch, time } = event.requestContext;
    assert.deepEqual(event, {
      version: '2.0',
      routeKey: '$default',
      rawPath: '/a%20b/c',
      rawQueryString: 'x=1&y=a+b&x=2%2C3&z',
      cookies: ['a=1', 'b=2'],
      headers: {
        host: new URL(url).host,
        'user-agent': 'test',
        'x-many': 'one,two',
        'x-upper': 'É',
        'x-amzn-trace-id': told.headers['x-amzn-trace-id'],
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': new URL(url).port,
        'x-forwarded-proto': 'http',
      },
      queryStringParameters: { x: '1,2,3', y: 'a b', z: '' },
      requestContext: {
        accountId: 'anonymous',
        apiId: urlId,
        domainName: `${urlId}.lambda-url.us-east-1.on.aws`,
        domainPrefix: urlId,
        http: { method: 'GET', path: '/a%20b/c', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
        requestId: told.headers['x-amzn-requestid'],
        routeKey: '$default',
        stage: '$default',
        time,
        timeEpoch,
      },
      isBase64Encoded: false,
    });
    assert.match(time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    assert.ok(Math.abs(timeEpoch - Date.now()) < 60_000);
    assert.equal(arn, 'arn:aws:lambda:us-east-1:000000000000:function:echo');
    assert.equal(id, told.headers['x-amzn-requestid']);
    assert.match(String(told.headers['x-amzn-trace-id']), /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};/);
  });

  it('has the root as its path where nothing is behind the id, with every method', async () => {
    for (const address of [url, url.slice(0, -1), `${url.slice(0, -1)}?q`])
      assert.equal((await eventOf(address)).rawPath, '/');
    for (const method of ['DELETE', 'OPTIONS', 'PATCH', 'PUT'])
      assert.equal((await eventOf(url, { method })).requestContext.http.method, method);
    const head = await ask(url, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  it('keeps text bodies as they are, and all others in Base64', async () => {
    const sent = (type: string | undefined, body: string | Buffer) =>
      eventOf(url, { method: 'POST', body, headers: type === undefined ? {} : { 'Content-Type': type } });
    const text = 'a "text" ✓';
    for (const type of [
      'text/plain',
      'application/json',
      'application/ld+json; charset=utf-8',
      'application/atom+xml',
    ]) {
      const { body, isBase64Encoded } = await sent(type, text);
      assert.deepEqual([type, body, isBase64Encoded], [type, text, false]);
    }
    for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded', 'image/png', undefined]) {
      const { body, isBase64Encoded } = await sent(type, text);
      assert.deepEqual([type, Buffer.from(body, 'base64').toString(), isBase64Encoded], [type, text, true]);
    }
    const invalid = Buffer.from([0x66, 0xff, 0xfe]);
    const { body, isBase64Encoded } = await sent('text/plain', invalid);
    assert.deepEqual([Buffer.from(body, 'base64'), isBase64Encoded], [invalid, true]);
  });

  it('has names that mean something to JavaScript as any others', async () => {
    const { headers, queryStringParameters } = await eventOf(`${url}?__proto__=a&constructor=b`, {
      headers: { __proto__: 'x', 'X-Constructor': 'y' } as never,
    });
    assert.deepEqual(Object.entries(queryStringParameters), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    assert.equal(headers['x-constructor'], 'y');
  });
});

describe('the answer', () => {
  const answered = (value: unknown, asked = {}) =>
    ask(`${url}?answer=${encodeURIComponent(JSON.stringify(value))}`, asked);

  it('without a statusCode is the JSON of the value', async () => {
    for (const value of [{ hello: 'world' }, ['a', 3, true], 'hello', 3, 3.1, true, null]) {
      const { status, headers, text } = await answered(value);
      assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', JSON.stringify(value)]);
    }
  });

  it('has status, headers, cookies and body', async () => {
    const { status, rawHeaders, text } = await answered({
      statusCode: 418,
      headers: { 'Content-Type': 'text/teapot', 'X-Number': 7, 'X-Yes': true, 'x-none': null },
      cookies: ['a=1; HttpOnly', 'b=2'],
      body: 'short and stout ✓',
    });
    assert.deepEqual([status, text], [418, 'short and stout ✓']);
    for (const pair of ['Content-Type: text/teapot', 'X-Number: 7', 'X-Yes: true', 'Set-Cookie: a=1; HttpOnly'])
      assert.ok(pairsOf(rawHeaders).includes(pair), `${pair} in ${rawHeaders}`);
    assert.ok(pairsOf(rawHeaders).includes('Set-Cookie: b=2'));
    assert.ok(!rawHeaders.includes('x-none'));
  });

  it('is JSON unless it says another type, takes its status as text too, and may have no body', async () => {
    const { status, headers, text } = await answered({ statusCode: '201', body: '{}' });
    assert.deepEqual([status, headers['content-type'], text], [201, 'application/json', '{}']);
    const empty = await answered({ statusCode: 204 });
    assert.deepEqual([empty.status, empty.text], [204, '']);
  });

  it('may be binary', async () => {
    const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
    const value = { statusCode: 200, body: bytes.toString('base64'), isBase64Encoded: true };
    const response = await fetch(`${url}?answer=${encodeURIComponent(JSON.stringify(value))}`);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
  });

  it('cannot say what the server says: such headers get another name', async () => {
    const headers = { 'Content-Length': '3', Connection: 'x', Date: 'now', 'Transfer-Encoding': 'chunked' };
    const { rawHeaders, text } = await answered({ statusCode: 200, headers, body: 'longer' });
    assert.equal(text, 'longer');
    for (const pair of ['Content-Length: 6', 'x-amzn-Remapped-Content-Length: 3', 'x-amzn-Remapped-Date: now'])
      assert.ok(pairsOf(rawHeaders).includes(pair), pair);
  });

  it('of a wrong form is a 502, and so is a failure', async () => {
    const wrong = [
      { statusCode: 'many' },
      { statusCode: 99 },
      { statusCode: 101 },
      { statusCode: 600 },
      { statusCode: 200.5 },
      { statusCode: 200, body: { a: 1 } },
      { statusCode: 200, headers: 'x' },
      { statusCode: 200, headers: { a: ['b'] } },
      { statusCode: 200, headers: { a: 'b\r\nX-Evil: 1' } },
      { statusCode: 200, headers: { 'a b': 'c' } },
      { statusCode: 200, cookies: 'a=1' },
      { statusCode: 200, cookies: ['a=1\r\nX-Evil: 1'] },
      { statusCode: 200, body: '*', isBase64Encoded: true },
    ];
    for (const value of wrong) {
      const { status, headers, text } = await answered(value);
      assert.deepEqual([status, text], [502, 'Internal Server Error'], JSON.stringify(value));
      assert.equal(headers['x-evil'], undefined);
    }
    const failed = await ask(`${url}?answer=throw`);
    assert.deepEqual(
      [failed.status, failed.headers['content-type'], failed.text],
      [502, 'application/json', 'Internal Server Error'],
    );
  });
});

function pairsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
}

describe('the address', () => {
  it('is told by the server where it starts', () => {
    assert.match(server.stdout(), new RegExp(`^urls: +http://127\\.0\\.0\\.1:${new URL(url).port}/<url-id>/$`, 'm'));
  });

  it('works in the host form too, whatever the domain', async () => {
    const urlId = new URL(url).pathname.slice(1, -1);
    const host = `${urlId}.lambda-url.us-east-1.on.aws`;
    const { rawPath, requestContext, headers } = await eventOf(`${new URL(url).origin}/${urlId}/x`, {
      headers: { Host: `${host}:2016` },
    });
    assert.deepEqual([rawPath, requestContext.domainName, headers.host], [`/${urlId}/x`, host, `${host}:2016`]);
  });

  it('that nobody has is refused as AWS does', async () => {
    const { origin } = new URL(url);
    for (const path of ['/', `/${'0'.repeat(32)}/`, '/favicon.ico', `/${'0'.repeat(32)}`, '/2015-03-31/functions/']) {
      const { status, headers, text } = await ask(`${origin}${path}`);
      assert.deepEqual([status, text, headers['x-amzn-errortype']], [403, NO_SUCH, 'AccessDeniedException']);
    }
  });

  it('of an alias calls what the alias leads to, and nobody once that is gone', async () => {
    await client.send(new PublishVersionCommand({ FunctionName: 'echo' }));
    await client.send(new CreateAliasCommand({ FunctionName: 'echo', Name: 'live', FunctionVersion: '1' }));
    const live = await createUrl(client, 'echo', { Qualifier: 'live' });
    assert.match(JSON.parse((await ask(live)).text).arn, /:echo:live$/);
    await client.send(new DeleteAliasCommand({ FunctionName: 'echo', Name: 'live' }));
    const { status, text } = await ask(live);
    assert.deepEqual([status, JSON.parse(text).Message], [403, FORBIDDEN]);
  });

  it('goes with its configuration, and with its function', async () => {
    await createFunction(client, 'gone', { files: { 'index.js': ECHO } });
    const first = await createUrl(client, 'gone');
    assert.equal((await ask(first)).status, 200);
    await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName: 'gone' }));
    assert.equal((await ask(first)).text, NO_SUCH);
    await client.send(new DeleteFunctionCommand({ FunctionName: 'gone' }));
    await createFunction(client, 'gone', { files: { 'index.js': ECHO } });
    const second = await createUrl(client, 'gone');
    assert.equal((await ask(second)).status, 200);
    await client.send(new DeleteFunctionCommand({ FunctionName: 'gone' }));
    assert.equal((await ask(second)).text, NO_SUCH);
  });

  it('is shut by a reservation of nothing', async () => {
    await createFunction(client, 'shut', { files: { 'index.js': ECHO } });
    const address = await createUrl(client, 'shut');
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'shut', ReservedConcurrentExecutions: 0 }));
    const { status, headers, text } = await ask(address);
    assert.deepEqual([status, headers['x-amzn-errortype']], [429, 'TooManyRequestsException']);
    assert.equal(JSON.parse(text).Reason, 'ReservedFunctionConcurrentInvocationLimitExceeded');
  });

  it('is there again after a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-urls-'));
    try {
      const first = await startTestServer({ dataDir });
      await createFunction(first.client(), 'echo', { files: { 'index.js': ECHO } });
      const { pathname } = new URL(await createUrl(first.client(), 'echo'));
      await first.kill();
      const second = await startTestServer({ dataDir });
      const { FunctionUrl } = await second.client().send(new GetFunctionUrlConfigCommand({ FunctionName: 'echo' }));
      assert.equal(new URL(FunctionUrl ?? '').pathname, pathname);
      assert.equal((await eventOf(FunctionUrl ?? '')).rawPath, '/');
      await second.stop();
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('is told under a domain of one’s own, by flags', async () => {
    const flagged = await startTestServer({ args: ['--url-port', '0', '--url-domain', 'localhost'] });
    try {
      await createFunction(flagged.client(), 'echo', { files: { 'index.js': ECHO } });
      const told = await createUrl(flagged.client(), 'echo');
      const [, host, port] = /^http:\/\/([0-9a-f]{32}\.lambda-url\.us-east-1\.localhost):(\d+)\/$/.exec(told) ?? [];
      const { rawPath } = await eventOf(`http://127.0.0.1:${port}/x`, { headers: { Host: `${host}:${port}` } });
      assert.equal(rawPath, '/x');
    } finally {
      await flagged.stop();
    }
  });
});
