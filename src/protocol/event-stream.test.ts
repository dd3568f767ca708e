/** The encoder against the decoder of AWS's SDK, which checks every length and checksum. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { EVENT_PAYLOAD_BYTES_MAX, EventKind } from './event-stream.ts';

const chunk = new EventKind('PayloadChunk', 'application/octet-stream');
const complete = new EventKind('InvokeComplete', 'application/json');

/** What the SDK makes of these bytes when a server answers them in parts of `partBytes`. */
async function decoded(bytes: Buffer, partBytes = bytes.length): Promise<unknown[]> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/vnd.amazon.eventstream' });
    for (let at = 0; at < bytes.length; at += partBytes) response.write(bytes.subarray(at, at + partBytes));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new LambdaClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const { EventStream } = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'f' }));
    const events: unknown[] = [];
    for await (const event of EventStream ?? []) events.push(event);
    return events;
  } finally {
    client.destroy();
    server.close();
  }
}

const payloadOf = (event: unknown) =>
  Buffer.from((event as { PayloadChunk: { Payload: Uint8Array } }).PayloadChunk.Payload).toString('latin1');

test('events arrive as they were made, however they are cut', async () => {
  const large = Buffer.alloc(300_000, 'é');
  const bytes = Buffer.concat([
    ...chunk.message([Buffer.from('one')]),
    ...chunk.message([Buffer.from([0, 255]), Buffer.from('two')]),
    ...chunk.message([large]),
    ...complete.message([Buffer.from('{"ErrorCode":"E","ErrorDetails":"d","LogResult":"bG9n"}')]),
  ]);
  for (const partBytes of [bytes.length, 4096, 97]) {
    const [first, second, third, last] = await decoded(bytes, partBytes);
    assert.deepEqual([payloadOf(first), payloadOf(second)], ['one', '\0\xfftwo']);
    assert.equal(payloadOf(third), large.toString('latin1'));
    assert.deepEqual(last, { InvokeComplete: { ErrorCode: 'E', ErrorDetails: 'd', LogResult: 'bG9n' } });
  }
});

test('a decoder notices a flipped bit, so that it does look at the checksums', async () => {
  for (const at of [1, 9, 40, -10, -1]) {
    const bytes = Buffer.concat(chunk.message([Buffer.from('a payload of some length')]));
    const where = at < 0 ? bytes.length + at : at;
    bytes[where] = (bytes[where] ?? 0) ^ 1;
    await assert.rejects(decoded(bytes), `byte ${where}`);
  }
});

test('a payload beyond what decoders take is refused here', () => {
  assert.throws(() => chunk.message([Buffer.alloc(EVENT_PAYLOAD_BYTES_MAX), Buffer.alloc(1)]), /too large/);
});
