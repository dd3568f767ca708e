import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import type { StreamedBody } from '../protocol/streamed-body.ts';
import { sendStream } from './streamed-answer.ts';

const PIECE = Buffer.alloc(1_048_576);

/** A body that the test hands out, and how often it was cancelled. */
function bodyOf(next: () => Promise<readonly Uint8Array[] | undefined>) {
  const body = { cancelled: 0, next, cancel: () => void body.cancelled++ };
  return body;
}

/** Answers one request with the body; `sent` resolves when sendStream has returned. */
async function serve(test: TestContext, stream: StreamedBody, clock: FakeClock) {
  const sent = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<ServerResponse>();
  const server = createServer((_request, response) => {
    answering.resolve(response);
    const answer = { status: 200, headers: ['X-Own', 'yes'], stream };
    sendStream(response, 'the-id', answer, { close: false, clock, stalledMsMax: 1000 }).then(sent.resolve, sent.reject);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { answer, response: await answering.promise, sent: sent.promise };
}

test('a client that takes nothing is cut off when its time is over', async (test) => {
  const clock = new FakeClock();
  let given = 0;
  const stream = bodyOf(async () => {
    given++;
    return [PIECE];
  });
  const { answer, response, sent } = await serve(test, stream, clock);
  answer.pause().on('error', () => {});
  while (!response.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
  const before = given;
  clock.advance(999);
  assert.equal(response.destroyed, false);
  clock.advance(1);
  await sent;
  assert.deepEqual([response.destroyed, given, stream.cancelled], [true, before, 1]);
});

test('a body that breaks off breaks the connection', async (test) => {
  const pieces = [[Buffer.from('part')]];
  const stream = bodyOf(async () => pieces.shift() ?? Promise.reject(new Error('broken')));
  const { answer, sent } = await serve(test, stream, new FakeClock());
  assert.equal(answer.headers['x-own'], 'yes');
  let text = '';
  answer.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [error] = (await once(answer, 'error').catch((thrown: Error) => [thrown])) as [Error];
  await sent;
  assert.equal(text, 'part');
  assert.match(error.message, /aborted/);
});
