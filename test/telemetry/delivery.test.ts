import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  consumer,
  eventsIn,
  httpConsumer,
  httpTo,
  line,
  NOON,
  OK,
  SECOND,
  summary,
  telemetryWorld,
} from './telemetry-world.ts';

describe('HTTP', () => {
  test('a batch is one POST with a JSON array of events, after the time that was asked for', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, clock, dialled, telemetry } = telemetryWorld();
    subscribe(httpTo(receiver.port, { types: ['function'], buffering: { timeoutMs: 100 } }));
    line(log, 'one');
    clock.advance(99);
    assert.deepEqual(dialled, []);
    line(log, 'two ü');
    clock.advance(1);
    const request = await receiver.next();
    const body = [
      { time: NOON, type: 'function', record: 'one\n' },
      { time: NOON.replace('.000', '.099'), type: 'function', record: 'two ü\n' },
    ];
    const text = JSON.stringify(body);
    assert.equal(
      request,
      `POST / HTTP/1.1\r\nHost: sandbox.localdomain:${receiver.port}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
    telemetry.reset();
  });

  test('path, query and method are those of the destination', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    const URI = `http://sandbox:${receiver.port}/a/b?c=d#e`;
    subscribe(httpTo(receiver.port, { destination: { protocol: 'HTTP', URI, method: 'PUT' } }));
    line(log, 'one');
    const flushed = telemetry.flush(SECOND);
    assert.match(await receiver.next(), new RegExp(`^PUT /a/b\\?c=d HTTP/1.1\r\nHost: sandbox:${receiver.port}\r\n`));
    await flushed;
    telemetry.reset();
  });

  test('a batch goes as soon as it has as many events, or as many bytes, as were asked for', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    subscribe(httpTo(receiver.port, { types: ['function'], buffering: { maxItems: 1000 } }));
    for (let n = 0; n < 1000; n += 1) line(log, String(n));
    assert.equal(eventsIn(await receiver.next()).length, 1000);
    for (let n = 0; n < 3; n += 1) line(log, 'x'.repeat(90_000));
    const events = eventsIn(await receiver.next());
    assert.equal(events.length, 2);
    assert.ok(JSON.stringify(events).length < 262_144);
    await telemetry.flush(SECOND);
    assert.equal(eventsIn(await receiver.next()).length, 1);
    telemetry.reset();
  });

  test('a connection that the subscriber keeps is used again, one that it closed is replaced', async () => {
    await using receiver = await httpConsumer((_, count) => (count === 3 ? OK.replace('200', '204') : OK));
    const { subscribe, log, telemetry } = telemetryWorld();
    subscribe(httpTo(receiver.port, { types: ['function'] }));
    for (const text of ['one', 'two']) {
      line(log, text);
      await telemetry.flush(SECOND);
      assert.deepEqual(summary(await receiver.next()), [`${text}\n`]);
    }
    assert.equal(receiver.sockets.length, 1);
    receiver.sockets[0]?.destroy();
    line(log, 'three');
    await telemetry.flush(SECOND);
    assert.deepEqual(summary(await receiver.next()), ['three\n']);
    assert.equal(receiver.sockets.length, 2);
    telemetry.reset();
  });

  test('one connection serves for many batches and leaves nothing behind on it', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    subscribe(httpTo(receiver.port, { types: ['function'] }));
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    for (let n = 0; n < 30; n += 1) {
      line(log, String(n));
      await telemetry.flush(SECOND);
      assert.deepEqual(summary(await receiver.next()), [`${n}\n`]);
    }
    // A warning is given out in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    assert.deepEqual([receiver.sockets.length, warnings], [1, []]);
    telemetry.reset();
  });

  const answers = {
    'of HTTP/1.0 that end with the connection': 'HTTP/1.0 200 OK\r\n\r\n',
    'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n',
    'whose body is still to come': 'HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n',
    'after a 100 Continue': `HTTP/1.1 100 Continue\r\n\r\n${OK}`,
    'of a redirection': 'HTTP/1.1 301 Moved Permanently\r\nConnection: close\r\nLocation: /\r\n\r\n',
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(`answers ${name} are answers`, async () => {
      await using receiver = await httpConsumer(() => answer);
      const { subscribe, log, telemetry } = telemetryWorld();
      subscribe(httpTo(receiver.port, { types: ['function'] }));
      for (const text of ['one', 'two']) {
        line(log, text);
        await telemetry.flush(SECOND);
        assert.deepEqual(summary(await receiver.next()), [`${text}\n`]);
      }
      telemetry.reset();
    });
  }
});

describe('TCP', () => {
  test('events are lines of JSON on one connection', async () => {
    await using receiver = await consumer((socket, handOn) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          handOn(text.slice(0, end));
          text = text.slice(end + 1);
        }
      });
    });
    const { subscribe, log, clock, telemetry } = telemetryWorld({ format: 'JSON', group: 'g' });
    const destination = { protocol: 'TCP', port: receiver.port };
    subscribe(httpTo(receiver.port, { types: ['function', 'extension'], destination }));
    log.stdout(Buffer.from('one\n'));
    clock.advance(SECOND);
    assert.equal(await receiver.next(), `{"time":"${NOON}","type":"function","record":"one\\n"}`);
    log.extension(Buffer.from('{"a":1}\n'));
    await telemetry.flush(SECOND);
    const later = NOON.replace('00.000', '01.000');
    assert.equal(await receiver.next(), `{"time":"${later}","type":"extension","record":{"a":1}}`);
    assert.equal(receiver.sockets.length, 1);
    receiver.sockets[0]?.destroy();
    log.stdout(Buffer.from('two\n'));
    log.stdout(Buffer.from('three\n'));
    // Whether the first connection takes it or is known to be gone is the system's affair; the second one takes what follows.
    await telemetry.flush(SECOND);
    log.stdout(Buffer.from('four\n'));
    await telemetry.flush(SECOND);
    for (let text = ''; !text.includes('four'); ) text = await receiver.next();
    assert.equal(receiver.sockets.length, 2);
    telemetry.reset();
  });
});

test('an extension that logs what it gets is fed back once a period, not at once', async () => {
  await using receiver = await httpConsumer();
  const { subscribe, log, clock, dialled, telemetry } = telemetryWorld();
  subscribe(httpTo(receiver.port, { types: ['extension'], buffering: { timeoutMs: 25 } }));
  telemetry.closeSubscriptions();
  log.extension(Buffer.from('got 0\n'));
  for (let round = 1; round <= 3; round += 1) {
    const armed = clock.armed(25);
    clock.advance(25);
    const got = eventsIn(await receiver.next()).length;
    assert.equal(got, 1);
    log.extension(Buffer.from(`got ${round}\n`));
    await armed;
  }
  assert.ok(dialled.length <= 3);
  telemetry.reset();
});

test('a thousand records a second arrive whole and in order', async () => {
  await using receiver = await httpConsumer();
  const { subscribe, log, clock, telemetry } = telemetryWorld();
  subscribe(httpTo(receiver.port, { types: ['function'], buffering: { timeoutMs: 100 } }));
  telemetry.closeSubscriptions();
  const SECONDS = 10;
  const got: unknown[] = [];
  for (let n = 0; n < SECONDS * 1000; n += 1) {
    line(log, String(n));
    clock.advance(1);
    if (n % 100 === 99) got.push(...summary(await receiver.next()));
  }
  await telemetry.flush(SECOND);
  while (got.length < SECONDS * 1000) got.push(...summary(await receiver.next()));
  assert.deepEqual(
    got,
    Array.from({ length: SECONDS * 1000 }, (_, n) => `${n}\n`),
  );
  telemetry.reset();
});

test('while the environment is frozen nothing new is sent, and what fell due goes when it thaws', async () => {
  await using receiver = await httpConsumer();
  const { subscribe, log, clock, dialled, telemetry } = telemetryWorld();
  subscribe(httpTo(receiver.port, { types: ['function'] }));
  line(log, 'one');
  telemetry.pause();
  clock.advance(600 * SECOND);
  assert.deepEqual(dialled, []);
  telemetry.resume();
  assert.deepEqual(summary(await receiver.next()), ['one\n']);
  telemetry.reset();
});
