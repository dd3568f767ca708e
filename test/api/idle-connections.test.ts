import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorization, sendRaw, startTestServer } from './protocol-server.ts';

const DRIP_MS = 20;

test('a connection that asks for nothing more ends, whatever empty lines it sends', async () => {
  await using server = await startTestServer({ limits: { headMs: 200, keepAliveMs: 100 } });
  const request = `GET /2015-03-31/functions HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\n\r\n`;
  const answer = await sendRaw(server.port, request, (socket) => {
    const timer = setInterval(() => socket.write('\r\n'), DRIP_MS);
    socket.once('close', () => clearInterval(timer));
  });
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('a connection whose answer takes long is not idle', async () => {
  const limits = { headMs: 50, keepAliveMs: 50 };
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 10 * (limits.headMs + limits.keepAliveMs)));
    return { output: {} };
  };
  await using server = await startTestServer({ limits, stubs: { ListFunctions: slow } });
  assert.equal((await server.send('GET', '/2015-03-31/functions')).status, 200);
});
