import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import {
  BETA,
  type Consumer,
  consumer,
  eventsIn,
  httpConsumer,
  httpTo,
  line,
  OK,
  SECOND,
  summary,
  type TelemetryWorld,
  telemetryWorld,
} from './telemetry-world.ts';

const ANSWER_MS = 30_000;
/** The pauses before the five attempts that follow a refused one. */
const PAUSES_MS = [100, 200, 400, 800, 1600];
const REASON = 'Some logs were dropped because the downstream consumer is slower than the logs production rate';

/** Lets every further attempt at one batch happen, as each is due. */
async function throughAttempts({ clock }: TelemetryWorld): Promise<void> {
  let armed = clock.armed(PAUSES_MS[0] as number);
  for (const [at, pauseMs] of PAUSES_MS.entries()) {
    await armed;
    armed = clock.armed(PAUSES_MS[at + 1] ?? 0);
    clock.advance(pauseMs);
  }
}

const refusals: Record<string, (socket: Consumer['sockets'][number]) => void> = {
  'closes without a word': (socket) => socket.end(),
  'resets the connection': (socket) => socket.resetAndDestroy(),
  'answers 500': (socket) => socket.write('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n'),
  'answers garbage': (socket) => socket.write('\u0000\u0001garbage\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
  'answers half a head': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
  'answers endless headers': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(`X-Y: ${'z'.repeat(1000)}\r\n`));
    };
    socket.on('drain', more);
    more();
  },
  'answers 100 for ever': (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)));
    };
    socket.on('drain', more);
    more();
  },
};

describe('a subscriber that', () => {
  for (const [name, refuse] of Object.entries(refusals)) {
    test(`${name} is tried six times, and told what it lost when it is well`, async () => {
      let isWell = false;
      await using receiver = await consumer((socket, handOn) => {
        socket.once('data', (chunk) => {
          if (!isWell) refuse(socket);
          else socket.write(OK);
          handOn(chunk.toString());
        });
      });
      const world = telemetryWorld();
      world.subscribe(httpTo(receiver.port));
      line(world.log, 'lost');
      const attempts = throughAttempts(world);
      await world.telemetry.flush(SECOND * 10);
      await attempts;
      assert.equal(world.dialled.length, 6);
      isWell = true;
      line(world.log, 'found');
      await world.telemetry.flush(SECOND);
      const requests = await Promise.all(Array.from({ length: 7 }, () => receiver.next()));
      const [dropped, found, ...more] = eventsIn(requests[6] ?? '');
      const lostBytes = eventsIn(requests[0] ?? '').reduce((sum, event) => sum + JSON.stringify(event).length, 0);
      assert.deepEqual(dropped?.record, { droppedBytes: lostBytes, droppedRecords: 2, reason: REASON });
      assert.deepEqual([found?.record, more], ['found\n', []]);
      const notice = `LOGS_DROPPED Records: 2\tBytes: ${lostBytes}\tReason: ${REASON}\n`;
      assert.deepEqual(
        world.messages().filter((message) => message.startsWith('LOGS_DROPPED')),
        [notice],
      );
      world.telemetry.reset();
    });
  }

  test('listens only later gets all', async () => {
    const early = createServer().listen(0, '127.0.0.1');
    await once(early, 'listening');
    const { port } = early.address() as { port: number };
    await new Promise((resolve) => early.close(resolve));
    const world = telemetryWorld();
    world.subscribe(httpTo(port, { types: ['function'] }));
    line(world.log, 'patience');
    const armed = world.clock.armed(100);
    const flushed = world.telemetry.flush(SECOND);
    await armed;
    let body = '';
    const late = createServer((socket) =>
      socket.once('data', (chunk) => {
        body = chunk.toString();
        socket.end(OK);
      }),
    ).listen(port, '127.0.0.1');
    await once(late, 'listening');
    world.clock.advance(100);
    await flushed;
    assert.deepEqual(summary(body), ['patience\n']);
    world.telemetry.reset();
    await new Promise((resolve) => late.close(resolve));
  });

  test('never answers holds one batch for thirty seconds and two more, and loses the rest', async () => {
    let isWell = false;
    await using receiver = await httpConsumer(() => (isWell ? OK : undefined));
    const world = telemetryWorld();
    const { clock, telemetry } = world;
    world.subscribe(httpTo(receiver.port, { types: ['platform', 'function'] }));
    const hung = telemetry.flush(SECOND);
    for (let n = 0; n < 3500; n += 1) line(world.log, String(n));
    assert.equal(world.dialled.length, 1);
    clock.advance(SECOND);
    await hung;
    assert.equal(world.messages().filter((message) => message.startsWith('LOGS_DROPPED')).length, 1);
    assert.deepEqual(summary(await receiver.next()), ['platform.telemetrySubscription']);
    isWell = true;
    clock.advance(ANSWER_MS);
    const first = summary(await receiver.next());
    const second = summary(await receiver.next());
    assert.deepEqual([first[0], first.length, second.length], ['0\n', 1000, 1000]);
    const [dropped, ...more] = eventsIn(await receiver.next());
    // The 1,500 that found no room and the batch that was never answered.
    assert.equal((dropped?.record as { droppedRecords: number } | undefined)?.droppedRecords, 1501);
    assert.deepEqual(more, []);
    telemetry.reset();
  });

  test('never reads is given up, and its connection closed', async () => {
    await using receiver = await consumer((socket, handOn) => {
      socket.pause();
      socket.on('close', () => handOn('closed'));
      handOn('open');
    });
    const world = telemetryWorld();
    const destination = { protocol: 'TCP', port: receiver.port };
    world.subscribe(httpTo(receiver.port, { types: ['function'], destination, buffering: { maxBytes: 1_048_576 } }));
    line(world.log, 'first');
    await world.telemetry.flush(SECOND);
    assert.equal(await receiver.next(), 'open');
    // Thirty megabytes are more than the kernel keeps for one connection.
    for (let n = 0; n < 200; n += 1) {
      line(world.log, 'x'.repeat(150_000));
      world.clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    world.clock.advance(ANSWER_MS);
    assert.ok(world.messages().some((message) => message.startsWith('LOGS_DROPPED')));
    receiver.sockets[0]?.resume();
    while ((await receiver.next()) !== 'closed');
    world.telemetry.reset();
  });

  test('says too much on TCP loses that connection and gets the next batch on another', async () => {
    await using receiver = await consumer((socket, handOn) => {
      socket.on('close', () => handOn('closed'));
      socket.once('data', () => socket.write(Buffer.alloc(1_000_000)));
      socket.on('data', (chunk) => handOn(chunk.toString()));
    });
    const world = telemetryWorld();
    const destination = { protocol: 'TCP', port: receiver.port };
    world.subscribe(httpTo(receiver.port, { types: ['function'], destination }));
    line(world.log, 'one');
    await world.telemetry.flush(SECOND);
    assert.match(await receiver.next(), /one/);
    assert.equal(await receiver.next(), 'closed');
    line(world.log, 'two');
    await world.telemetry.flush(SECOND);
    assert.match(await receiver.next(), /two/);
    world.telemetry.reset();
  });

  test('answers well and then endlessly is closed, and gets the next batch on a new connection', async () => {
    await using receiver = await consumer((socket, handOn) => {
      socket.on('close', () => handOn('closed'));
      socket.once('data', (chunk) => {
        handOn(chunk.toString());
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(10_000)));
        };
        socket.on('drain', more);
        more();
      });
    });
    const world = telemetryWorld();
    world.subscribe(httpTo(receiver.port, { types: ['function'] }));
    for (const text of ['one', 'two']) {
      line(world.log, text);
      await world.telemetry.flush(SECOND);
      assert.deepEqual(summary(await receiver.next()), [`${text}\n`]);
      assert.equal(await receiver.next(), 'closed');
    }
    world.telemetry.reset();
  });

  test('hangs does not delay another', async () => {
    await using hanging = await httpConsumer(() => undefined);
    await using receiver = await httpConsumer();
    const world = telemetryWorld();
    world.subscribe(httpTo(hanging.port, { types: ['function'] }));
    world.subscribe(httpTo(receiver.port, { types: ['function'] }), { id: BETA });
    for (const text of ['one', 'two']) {
      line(world.log, text);
      world.clock.advance(SECOND);
      assert.deepEqual(summary(await receiver.next()), [`${text}\n`]);
    }
    world.telemetry.reset();
  });
});

test('a reset ends connections and waiting at once', async () => {
  await using receiver = await consumer((socket, handOn) => {
    socket.on('data', () => handOn('data'));
    socket.on('close', () => handOn('closed'));
  });
  const world = telemetryWorld();
  world.subscribe(httpTo(receiver.port));
  const flushed = world.telemetry.flush(SECOND);
  assert.equal(await receiver.next(), 'data');
  world.telemetry.reset();
  await flushed;
  assert.equal(await receiver.next(), 'closed');
});

test('what waits for all subscribers of an environment is bounded', async () => {
  await using hanging = await httpConsumer(() => undefined);
  const names = Array.from({ length: 10 }, (_, n) => `0000000${n}-2222-3333-4444-555555555555`);
  const world = telemetryWorld({ format: 'Text', group: 'g' }, new Map(names.map((name) => [name, name])));
  for (const id of names) {
    const changes = { types: ['function'], buffering: { maxBytes: 1_048_576 } };
    assert.equal(world.subscribe(httpTo(hanging.port, changes), { id }).status, '200 OK');
  }
  for (let n = 0; n < 100; n += 1) {
    line(world.log, 'x'.repeat(100_000));
    world.clock.advance(50);
  }
  world.clock.advance(SECOND);
  const notices = world.messages().filter((message) => message.startsWith('LOGS_DROPPED'));
  const lostBytes = notices.reduce((sum, notice) => sum + Number(/Bytes: (\d+)/.exec(notice)?.[1]), 0);
  assert.ok(lostBytes > 10 * 100 * 100_000 - 9 * 1024 * 1024, String(lostBytes));
  world.telemetry.reset();
});
