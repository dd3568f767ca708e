/** What a request to a function URL may be, and what connections cost. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, createUrl } from './url-server.ts';

const MEGABYTE = 1_048_576;
const IDLE_CONNECTIONS = 1000;
const TOO_LARGE = 'Request must be smaller than 6291456 bytes for the InvokeFunction operation';

let server: TestServer;
let url: string;

before(async () => {
  server = await startTestServer();
  await createFunction(server.client(), 'f', {
    files: { 'index.js': 'exports.handler = async (event) => ({ length: event.body?.length ?? 0 });' },
    MemorySize: 512,
  });
  url = await createUrl(server.client(), 'f');
});
after(() => server.stop());

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes by hand and reads until the server closes. */
async function raw(bytes: string): Promise<string> {
  const socket = await open();
  socket.write(bytes, 'latin1');
  return await text(socket);
}

const post = (bytes: number, type: string) =>
  ask(url, { method: 'POST', body: Buffer.alloc(bytes, 'x'), headers: { 'Content-Type': type } });

describe('a body', () => {
  it('may be large', async () => {
    const { status, text: told } = await post(5 * MEGABYTE, 'text/plain');
    assert.deepEqual([status, JSON.parse(told)], [200, { length: 5 * MEGABYTE }]);
  });

  it('beyond 6 MB is refused, before it is sent and in its event', async () => {
    for (const [bytes, type] of [
      [6 * MEGABYTE + 1, 'text/plain'],
      [6 * MEGABYTE - 10, 'text/plain'],
      [5 * MEGABYTE, 'application/octet-stream'],
    ] as const) {
      const { status, text: told, headers } = await post(bytes, type);
      assert.deepEqual([status, JSON.parse(told).message], [413, TOO_LARGE], `${bytes} ${type}`);
      assert.equal(headers['x-amzn-errortype'], 'RequestTooLargeException');
    }
  });

  it('may be asked about before it is sent', async () => {
    const { host, pathname } = new URL(url);
    const socket = await open();
    socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
    const [go] = (await once(socket, 'data')) as [Buffer];
    assert.match(go.toString(), /^HTTP\/1\.1 100 /);
    socket.write('hi');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

describe('a head', () => {
  it('beyond its limit, or none, is refused', async () => {
    const { host, pathname } = new URL(url);
    const head = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n`;
    const cases = [
      [`${head}X: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
      ['what is this\r\n\r\n', 400],
      [`${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
      [`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
      [`${head} folded: x\r\n\r\n`, 400],
      [`${head}A\0B: x\r\n\r\n`, 400],
      [`GET ${pathname} HTTP/1.1\r\n\r\n`, 400],
    ] as const;
    for (const [bytes, status] of cases)
      assert.match(await raw(bytes), new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 90));
    assert.equal((await ask(url)).status, 200);
  });

  it('that names its host as a URL, or has a strange one, is judged by its path', async () => {
    const { host, pathname, origin } = new URL(url);
    for (const [target, hostHeader] of [
      [`${origin}${pathname}`, host],
      [pathname, 'a.lambda-url.b.c'],
      [pathname, `${'0'.repeat(32)}.lambda-url`],
      [pathname, '\u00ff'],
    ])
      assert.match(
        await raw(`GET ${target} HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: close\r\n\r\n`),
        /^HTTP\/1\.1 200 /,
        `${target} at ${hostHeader}`,
      );
  });
});

describe('idle connections', { skip: skipUnless(process.platform === 'linux', 'needs /proc') }, () => {
  it('cost less than 50 KB each', async () => {
    const residentBytes = () =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024;
    const { host, pathname } = new URL(url);
    const before = residentBytes();
    const sockets: Socket[] = [];
    for (let count = 0; count < IDLE_CONNECTIONS; count++) sockets.push(await open());
    // Each has been used once, and the answer read: what idles is a connection that the server knows.
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write(`GET /${pathname.slice(1, 10)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        await once(socket, 'data');
      }),
    );
    const grownBytes = residentBytes() - before;
    assert.ok(grownBytes < 50 * MEGABYTE, `${Math.round(grownBytes / MEGABYTE)} MB`);
    assert.equal((await ask(url)).status, 200);
    for (const socket of sockets) socket.destroy();
  });
});
