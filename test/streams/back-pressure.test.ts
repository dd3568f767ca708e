/** A stream goes no faster than its reader, takes no memory by its length, and outlives the reader who leaves. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { stream, streamingHandler } from './streamed.ts';

const MEGABYTE = 1_048_576;
const GROWTH_BYTES_MAX = 32 * MEGABYTE;

const SOURCE = `let finished = 0;\n${streamingHandler(`
  if (event.do === 'count') { stream.end(String(finished)); return; }
  const piece = Buffer.alloc(${MEGABYTE}, 'x');
  for (let left = event.megabytes; left > 0; left--) await new Promise((done) => stream.write(piece, done));
  stream.end();
  finished++;`)}`;

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'much', { files: { 'index.js': SOURCE }, Timeout: 60 });
  await createFunction(client, 'short', { files: { 'index.js': SOURCE }, Timeout: 2 });
});
after(() => server.stop());

/** Asks by hand, and reads nothing until the socket is resumed. */
async function ask(name: string, event: unknown): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify(event);
  const head = [
    `POST /2021-11-15/functions/${name}/response-streaming-invocations HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
    'X-Amz-Date: 20260101T000000Z',
    'Connection: close',
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return socket;
}

/** How many streams the function has finished, as soon as its one slot is free. */
async function countWhenFree(name: string): Promise<string> {
  const impatient = server.client({ maxAttempts: 1 });
  for (;;) {
    const counted = await stream(impatient, name, { do: 'count' }).catch((error: Error) => error);
    if (!(counted instanceof Error)) return counted.text;
    assert.equal(counted.name, 'TooManyRequestsException');
    await sleep(50);
  }
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describe('a reader who does not read', () => {
  it('stops the function: it runs into its timeout, with most of its bytes unwritten', async () => {
    assert.equal((await stream(client, 'short', { do: 'count' })).text, '0');
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'short', ReservedConcurrentExecutions: 1 }));
    const socket = await ask('short', { megabytes: 200 });
    assert.equal(await countWhenFree('short'), '0');
    let bytes = 0;
    let tail = '';
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
      tail = (tail + piece.toString('latin1')).slice(-1000);
    });
    await once(socket.resume(), 'end');
    assert.match(tail, /"ErrorCode":"Sandbox\.Timedout"/);
    assert.ok(bytes < 100 * MEGABYTE, `${bytes} bytes were on their way`);
  });
});

describe('a reader who leaves', () => {
  it('does not disturb the function, whose slot and environment are free afterwards', async () => {
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'much', ReservedConcurrentExecutions: 1 }));
    const Payload = JSON.stringify({ megabytes: 50 });
    const leaving = server.client();
    const { EventStream } = await leaving.send(new InvokeWithResponseStreamCommand({ FunctionName: 'much', Payload }));
    const events = (EventStream ?? assert.fail())[Symbol.asyncIterator]();
    assert.ok((await events.next()).value?.PayloadChunk);
    leaving.destroy();
    await events.return?.();
    assert.equal(await countWhenFree('much'), '1');
  });
});

describe('the memory of the server', { skip: skipUnless(process.platform === 'linux', 'needs /proc') }, () => {
  it('does not grow while 200 MB stream', { timeout: 120_000 }, async () => {
    const run = async (megabytes: number) => {
      let [bytes, peak] = [0, residentBytes()];
      const Payload = JSON.stringify({ megabytes });
      const { EventStream } = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'much', Payload }));
      for await (const { PayloadChunk } of EventStream ?? []) {
        bytes += PayloadChunk?.Payload?.length ?? 0;
        peak = Math.max(peak, residentBytes());
      }
      assert.equal(bytes, megabytes * MEGABYTE);
      return peak;
    };
    // What the first streams bring into memory once and for all is not what their length costs.
    const before = await run(60);
    const peak = await run(200);
    assert.ok(peak - before < GROWTH_BYTES_MAX, `${Math.round((peak - before) / MEGABYTE)} MB more`);
  });
});
