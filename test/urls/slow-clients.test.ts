/** Clients of the URL listener that do not come to an end, on a listener with short limits. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { watchFunctionUrls } from '../../src/functions/function-url-index.ts';
import type { HttpServer } from '../../src/server/listener.ts';
import { startUrlServer } from '../../src/server/url-server.ts';
import { createActive, makeWorld, type World } from '../support/function-world.ts';

let world: World;
let server: HttpServer;
let path: string;

before(async () => {
  world = await makeWorld();
  await createActive(world, 'f');
  const { FunctionUrl } = await world.output('CreateFunctionUrlConfig', { FunctionName: 'f', AuthType: 'AWS_IAM' });
  path = new URL(FunctionUrl).pathname;
  const { urls: index } = watchFunctionUrls(world.metadata);
  await index.load();
  server = await startUrlServer({
    host: '127.0.0.1',
    port: 0,
    services: { ...world.services, clock: systemClock },
    index,
    authentication: { mode: 'open', findAccount: () => '123456789012' },
    policies: { isKnownFree: () => true, read: async () => undefined },
    log: (line) => assert.fail(line),
    limits: { headMs: 200, keepAliveMs: 100 },
    bodyIdleMs: 200,
  });
});
after(async () => {
  await server.close(0);
  await world.close();
});

/** What the server says to a client that sends this and nothing more, until it closes. */
async function told(bytes: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return await text(socket);
}

const head = () =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0\r\n`;

describe('a client', { timeout: 20_000 }, () => {
  it('is cut off that does not end its head', async () => {
    assert.match(await told(head()), /^HTTP\/1\.1 408 /);
  });

  it('is cut off that does not end its body', async () => {
    assert.match(
      await told(`${head()}Content-Length: 10\r\n\r\nhalf`),
      /^HTTP\/1\.1 408 [\s\S]*did not arrive in time/,
    );
  });

  it('is cut off that asks for nothing more', async () => {
    assert.match(await told(`${head()}Content-Length: 0\r\n\r\n`), /^HTTP\/1\.1 200 [\s\S]*"ok"$/);
  });
});
