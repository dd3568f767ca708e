/** CORS of function URLs: answers to preflights come from the configuration alone, other answers get its headers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Cors, type LambdaClient, UpdateFunctionUrlConfigCommand } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Answer, ask, createUrl } from './url-server.ts';

const SOURCE = `let count = 0;
exports.handler = async (event) => {
  count++;
  if (event.rawPath === '/throw') throw new Error('no');
  return { statusCode: 200, headers: { 'X-Count': count, 'Access-Control-Allow-Origin': 'https://own.test' } };
};`;
const ORIGIN = 'https://page.test';
const PREFLIGHT = {
  Origin: ORIGIN,
  'Access-Control-Request-Method': 'PUT',
  'Access-Control-Request-Headers': 'x-a,x-b',
};

let server: TestServer;
let client: LambdaClient;
let url: string;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'f', { files: { 'index.js': SOURCE } });
  url = await createUrl(client, 'f');
});
after(() => server.stop());

const configure = (config: Cors) =>
  client.send(new UpdateFunctionUrlConfigCommand({ FunctionName: 'f', Cors: config }));

/** The CORS headers of an answer by their names without the prefix, each with all its values. */
function corsOf({ rawHeaders }: Answer): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!name.startsWith('access-control-') && name !== 'vary') continue;
    const short = name.replace('access-control-', '');
    found[short] = [...(found[short] ?? []), rawHeaders[at + 1] ?? ''];
  }
  return found;
}

describe('a URL without Cors', () => {
  it('hands preflights to the function like any other request', async () => {
    const answer = await ask(url, { method: 'OPTIONS', headers: PREFLIGHT });
    assert.equal(answer.headers['x-count'], '1');
    assert.deepEqual(corsOf(answer), { 'allow-origin': ['https://own.test'] });
  });
});

describe('a URL with Cors', () => {
  before(() =>
    configure({
      AllowOrigins: ['https://other.test', ORIGIN],
      AllowMethods: ['GET', 'PUT'],
      AllowHeaders: ['x-a', 'x-b'],
      ExposeHeaders: ['x-count', 'date'],
      AllowCredentials: true,
      MaxAge: 60,
    }),
  );

  it('answers preflights itself', async () => {
    const answer = await ask(url, { method: 'OPTIONS', headers: PREFLIGHT });
    assert.deepEqual([answer.status, answer.text, answer.headers['x-count']], [200, '', undefined]);
    assert.deepEqual(corsOf(answer), {
      'allow-origin': [ORIGIN],
      'allow-methods': ['GET,PUT'],
      'allow-headers': ['x-a,x-b'],
      'allow-credentials': ['true'],
      'max-age': ['60'],
      vary: ['Origin'],
    });
  });

  it('tells a foreign origin nothing', async () => {
    const answer = await ask(url, { method: 'OPTIONS', headers: { ...PREFLIGHT, Origin: 'https://evil.test' } });
    assert.deepEqual([answer.status, corsOf(answer)], [200, {}]);
    assert.deepEqual(corsOf(await ask(url, { headers: { Origin: 'https://evil.test' } })), {
      'allow-origin': ['https://own.test'],
    });
  });

  it('adds its headers to the function’s own, and to failures', async () => {
    const own = { 'allow-credentials': ['true'], 'expose-headers': ['x-count,date'], vary: ['Origin'] };
    assert.deepEqual(corsOf(await ask(url, { headers: { Origin: ORIGIN } })), {
      'allow-origin': ['https://own.test', ORIGIN],
      ...own,
    });
    const failed = await ask(`${url}throw`, { headers: { Origin: ORIGIN } });
    assert.equal(failed.status, 502);
    assert.deepEqual(corsOf(failed), { 'allow-origin': [ORIGIN], ...own });
  });

  it('hands an OPTIONS request that is no preflight to the function', async () => {
    assert.ok((await ask(url, { method: 'OPTIONS', headers: { Origin: ORIGIN } })).headers['x-count']);
    assert.ok((await ask(url, { method: 'OPTIONS' })).headers['x-count']);
  });

  it('may be open to all, by name where there are credentials', async () => {
    await configure({ AllowOrigins: ['*'], AllowMethods: ['*'], AllowHeaders: ['*'] });
    assert.deepEqual(corsOf(await ask(url, { method: 'OPTIONS', headers: PREFLIGHT })), {
      'allow-origin': ['*'],
      'allow-methods': ['*'],
      'allow-headers': ['*'],
    });
    await configure({ AllowOrigins: ['*'], AllowMethods: ['*'], AllowHeaders: ['*'], AllowCredentials: true });
    assert.deepEqual(corsOf(await ask(url, { method: 'OPTIONS', headers: PREFLIGHT })), {
      'allow-origin': [ORIGIN],
      'allow-methods': ['PUT'],
      'allow-headers': ['x-a,x-b'],
      'allow-credentials': ['true'],
      vary: ['Origin'],
    });
  });
});
