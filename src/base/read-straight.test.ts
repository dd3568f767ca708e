import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { readStraight } from './read-straight.ts';

/** Two ends of one connection; ours is the one that is accepted, as the server's are. */
async function connection(context: { after: (clean: () => void) => void }): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [ours] = (await accepted) as [Socket];
  context.after(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });
  return { ours, theirs };
}

/** Collects what is taken, and waits until so many bytes have been. */
function collector() {
  let text = '';
  let looked = () => {};
  return {
    take: (piece: Buffer) => {
      text += piece;
      looked();
    },
    async has(expected: string) {
      while (text.length < expected.length) await new Promise<void>((resolve) => (looked = resolve));
      assert.equal(text, expected);
    },
    get text() {
      return text;
    },
  };
}

test('pieces come past the stream, and the end by it', async (context) => {
  const { ours, theirs } = await connection(context);
  const all = collector();
  const pushed: unknown[] = [];
  const push = ours.push.bind(ours);
  ours.push = (piece: unknown) => {
    pushed.push(piece);
    return push(piece);
  };
  readStraight(ours, all.take);
  theirs.write('one');
  await all.has('one');
  theirs.write('two');
  await all.has('onetwo');
  assert.deepEqual(pushed, []);
  const ended = once(ours, 'end');
  theirs.end('three');
  await ended;
  await all.has('onetwothree');
  assert.deepEqual(pushed, [null]);
});

test('a paused socket is read no further than its stream holds, and nothing of it is lost or changes places', async (context) => {
  const { ours, theirs } = await connection(context);
  const all = collector();
  readStraight(ours, all.take);
  theirs.write('first,');
  await all.has('first,');
  ours.pause();
  const much = 'x'.repeat(8_000_000);
  theirs.write(much);
  theirs.write(',last');
  // The stream is full when it wants no more.
  while (ours.readableLength < ours.readableHighWaterMark) await new Promise(setImmediate);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  assert.equal(all.text, 'first,');
  assert.ok(ours.bytesRead < much.length, `${ours.bytesRead} bytes were read`);
  ours.resume();
  await all.has(`first,${much},last`);
});

test('a socket that is given back goes on as any other', async (context) => {
  const { ours, theirs } = await connection(context);
  const before = collector();
  const after = collector();
  const undo = readStraight(ours, before.take);
  theirs.write('before');
  await before.has('before');
  undo();
  ours.on('data', after.take);
  theirs.write('after');
  await after.has('after');
  assert.equal(before.text, 'before');
});

test('who else listens to the socket is told too', async (context) => {
  const { ours, theirs } = await connection(context);
  const all = collector();
  const also = collector();
  readStraight(ours, all.take);
  theirs.write('one,');
  await all.has('one,');
  ours.on('data', also.take);
  theirs.write('two');
  await all.has('one,two');
  await also.has('two');
});
