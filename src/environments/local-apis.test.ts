/** The front of the local APIs against what must not happen, and against floods. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { LocalApis, type LocalApisParts } from './local-apis.ts';
import { RuntimeApi } from './runtime-api/runtime-api.ts';

async function open(t: TestContext) {
  const failures: string[] = [];
  const nothing = () => undefined;
  const broken = () => {
    throw new Error('broken');
  };
  const apis = new LocalApis({
    runtime: new RuntimeApi({ next: nothing, answering: nothing, answer: nothing, initError: nothing }),
    telemetry: { answer: broken },
    closed: nothing,
    failed: (error: Error) => failures.push(error.message),
  } as unknown as LocalApisParts);
  const server = createServer((socket) => apis.attach(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  /** Sends bytes and gives back all that comes until the other side ends. */
  const send = async (bytes: string, side: 'open' | 'ended' = 'open'): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
      if (side === 'ended') socket.end(bytes);
      else socket.write(bytes);
    });
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', nothing);
    await once(socket, 'close');
    return text;
  };
  return { send, failures };
}

test('a fault of ours is a 500 and the end of one connection', async (t) => {
  const { send, failures } = await open(t);
  const answer = await send('PUT /2022-07-01/telemetry HTTP/1.1\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
  assert.match(answer, /\{"errorMessage":"Internal Server Error","errorType":"InternalServerError"\}\n$/);
  assert.deepEqual(failures, ['broken']);
  assert.match(await send('GET /2018-06-01/ping HTTP/1.1\r\n\r\nnonsense\r\n\r\n'), /pongHTTP\/1\.1 400 Bad Request/);
});

test('who asks on and on behind a request that waits is cut off', async (t) => {
  const { send } = await open(t);
  const ping = 'GET /2018-06-01/ping HTTP/1.1\r\n\r\n';
  assert.equal(await send(`GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n${ping.repeat(300)}`), '');
});

test('who leaves HTTP for frames and then sends something else loses that connection alone', async (t) => {
  const { send, failures } = await open(t);
  const upgrade = 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nUpgrade: lambdad-frames\r\n\r\n';
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lambdad-frames\r\n\r\n';
  const truncated = /^HTTP\/1\.1 400 Bad Request\r\n/;
  for (const garbage of [
    'GET / HTTP/1.1\r\n\r\n',
    '\xff'.repeat(12),
    `${'\0'.repeat(3)}\x01\xff\xff\xff\xff\0\0\0\0`,
  ]) {
    const answer = await send(upgrade + garbage);
    assert.ok(answer.startsWith(switching));
    assert.match(answer.slice(switching.length), truncated);
  }
  // A result that nobody asked for is refused as over HTTP, and the connection goes on.
  const result = '\0\0\0\x01\0\0\0\x01\0\0\0\0x';
  const answer = await send(`${upgrade}${result}${result}garbage that is longer than a head`);
  assert.equal(answer.match(/\0\0\0\x02\0\0\0\0\0\0\0.HTTP\/1\.1 400 Bad Request\r\n/g)?.length, 2);
  assert.equal(answer.match(/InvalidRequestID/g)?.length, 2);
  assert.deepEqual(failures, []);
});

test('what a process sends right before it ends its side is answered', async (t) => {
  const { send } = await open(t);
  assert.match(await send('GET /2018-06-01/ping HTTP/1.1\r\n\r\n', 'ended'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*pong$/);
  assert.match(
    await send('POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 5\r\n\r\nab', 'ended'),
    /^HTTP\/1\.1 400 Bad Request\r\n/,
  );
});
