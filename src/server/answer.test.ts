import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { sendAnswer } from './answer.ts';

const STALLED_MS_MAX = 100;

test('a client that takes nothing of a large answer is cut off; one that takes it keeps its connection', async () => {
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    responses.push(response);
    const body = Buffer.alloc(responses.length === 1 ? 20_000 : 64_000_000);
    sendAnswer(response, 'the-id', { status: 200, headers: [], body }, false, STALLED_MS_MAX);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const ask = () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  ask();
  let bytes = 0;
  while (bytes < 20_000) bytes += ((await once(socket, 'data')) as [Buffer])[0].length;
  // Idle for longer than an answer may stall: between requests that limit does not hold.
  await new Promise((resolve) => setTimeout(resolve, 2 * STALLED_MS_MAX));
  ask();
  await once(socket, 'data');
  socket.pause();
  const second = responses[1] ?? assert.fail();
  assert.equal(socket.readyState, 'open');
  // What it sends is no sign that it reads.
  const sending = setInterval(() => socket.write('\r\n'), STALLED_MS_MAX / 10);
  socket.on('error', () => undefined);
  if (!second.destroyed) await once(second, 'close');
  assert.equal(second.writableFinished, false);
  clearInterval(sending);
  socket.destroy();
  server.close();
});
