import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BETA,
  consumer,
  eventsIn,
  httpConsumer,
  httpTo,
  NOON,
  OK,
  summary,
  telemetryWorld,
} from './telemetry-world.ts';

const SECOND = 1000;

function line(log: { stdout(chunk: Uint8Array): void }, text: string): void {
  log.stdout(Buffer.from(`${text}\n`));
}

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

describe('the two APIs side by side', () => {
  test('each has the events and forms of its version', async () => {
    await using telemetryReceiver = await httpConsumer();
    await using logsReceiver = await httpConsumer();
    const { subscribe, log, clock, telemetry } = telemetryWorld();
    subscribe(httpTo(telemetryReceiver.port, { types: ['platform'] }));
    const logs = { schemaVersion: '2021-03-18', types: ['platform', 'function'] };
    subscribe(httpTo(logsReceiver.port, logs), { id: BETA, path: '/2020-08-15/logs' });
    telemetry.closeSubscriptions();
    const requestId = 'id-1';
    const tracing = { value: 'Root=1-2-3;Sampled=0' };
    log.platform({ type: 'start', requestId, version: '$LATEST', tracing });
    line(log, 'hello');
    const outcome = { requestId, status: 'timeout', durationMs: 3000 } as const;
    log.platform({ type: 'runtimeDone', ...outcome, producedBytes: 0, tracing });
    log.platform({ type: 'end', requestId });
    log.platform({ type: 'report', ...outcome, billedMs: 3000, memoryMb: 128, maxMemoryMb: 36, tracing });
    clock.advance(SECOND);
    const record = (request: string, at: number) => eventsIn(request)[at]?.record;
    const telemetryRequest = await telemetryReceiver.next();
    assert.deepEqual(
      eventsIn(telemetryRequest).map(({ type }) => type.replace('platform.', '')),
      ['telemetrySubscription', 'start', 'runtimeDone', 'report'],
    );
    const trace = { type: 'X-Amzn-Trace-Id', value: tracing.value };
    assert.deepEqual(record(telemetryRequest, 1), { requestId, version: '$LATEST', tracing: trace });
    const logsRequest = await logsReceiver.next();
    assert.deepEqual(eventsIn(logsRequest), [
      {
        time: NOON,
        type: 'platform.logsSubscription',
        record: { name: 'beta', state: 'Subscribed', types: ['platform', 'function'] },
      },
      { time: NOON, type: 'platform.start', record: { requestId, version: '$LATEST' } },
      { time: NOON, type: 'function', record: 'hello\n' },
      { time: NOON, type: 'platform.fault', record: `${NOON} id-1 Task timed out after 3.00 seconds` },
      { time: NOON, type: 'platform.runtimeDone', record: { requestId, status: 'timeout' } },
      { time: NOON, type: 'platform.end', record: { requestId } },
      {
        time: NOON,
        type: 'platform.report',
        record: {
          requestId,
          metrics: { durationMs: 3000, billedDurationMs: 3000, memorySizeMB: 128, maxMemoryUsedMB: 36 },
        },
      },
    ]);
    telemetry.reset();
  });

  test('a crash is a fault of the platform to the Logs API, an error of the function is none', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    const request = httpTo(receiver.port, { schemaVersion: '2020-08-15', types: ['platform'] });
    subscribe(request, { path: '/2020-08-15/logs' });
    const done = { type: 'runtimeDone', status: 'error', durationMs: 1, producedBytes: 0 } as const;
    log.platform({ ...done, requestId: 'id-1', errorType: 'Function.Unknown' });
    log.platform({ ...done, requestId: 'id-2', errorType: 'Runtime.ExitError' });
    await telemetry.flush(SECOND);
    assert.deepEqual(summary(await receiver.next()), [
      'platform.logsSubscription',
      'RequestId: id-2 Process exited before completing request',
    ]);
    telemetry.reset();
  });

  test('records are objects where the log format is JSON and the version knows them, and texts elsewhere', async () => {
    const written = '{"timestamp":"2026-01-02T12:00:00Z",\n"level":"INFO","n":12345678901234567890}';
    const forms: [schemaVersion: string, format: 'Text' | 'JSON', isObject: boolean][] = [
      ['2022-12-13', 'JSON', true],
      ['2025-01-29', 'JSON', true],
      ['2022-07-01', 'JSON', false],
      ['2022-12-13', 'Text', false],
    ];
    for (const [schemaVersion, format, isObject] of forms) {
      await using receiver = await httpConsumer();
      const { subscribe, log, telemetry } = telemetryWorld({ format, group: 'g' });
      subscribe(httpTo(receiver.port, { schemaVersion, types: ['function'] }));
      const head = Buffer.alloc(16);
      head.writeUInt32BE(0xa55a0002, 0);
      head.writeUInt32BE(Buffer.byteLength(written), 4);
      log.frames(Buffer.concat([head, Buffer.from(written)]));
      log.stdout(Buffer.from('plain\n{broken\n'));
      await telemetry.flush(SECOND);
      const text = await receiver.next();
      const record = isObject ? written.replace('\n', ' ') : JSON.stringify(written);
      assert.ok(text.includes(`"record":${record}},`), text);
      assert.deepEqual(
        eventsIn(text)
          .map((event) => event.record)
          .slice(1),
        ['plain\n', '{broken\n'],
      );
      telemetry.reset();
    }
  });
});

describe('replay', () => {
  const INIT = { initializationType: 'on-demand', phase: 'init' } as const;

  test('what init logged before the subscription comes first, as far as it was asked for', async () => {
    await using receiver = await httpConsumer();
    await using other = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    log.platform({ type: 'initStart', ...INIT, functionName: 'f', functionVersion: '$LATEST' });
    log.extension(Buffer.from('starting\n'));
    subscribe(httpTo(receiver.port));
    line(log, 'loading');
    subscribe(httpTo(other.port, { types: ['extension'] }), { id: BETA });
    telemetry.closeSubscriptions();
    log.platform({ type: 'initReport', ...INIT, status: 'success', durationMs: 5 });
    await telemetry.flush(SECOND);
    assert.deepEqual(summary(await receiver.next()), [
      'platform.initStart',
      'starting\n',
      'platform.telemetrySubscription',
      'loading\n',
      'platform.telemetrySubscription',
      'platform.initReport',
    ]);
    assert.deepEqual(summary(await other.next()), ['starting\n']);
    telemetry.reset();
  });

  test('a subscription that replaces another begins anew, and the other gets nothing more', async () => {
    await using first = await httpConsumer();
    await using second = await httpConsumer();
    const { subscribe, log, clock, dialled, telemetry } = telemetryWorld();
    line(log, 'one');
    subscribe(httpTo(first.port, { types: ['function'] }));
    subscribe(httpTo(second.port, { types: ['function'] }));
    line(log, 'two');
    clock.advance(SECOND);
    assert.deepEqual(summary(await second.next()), ['one\n', 'two\n']);
    assert.deepEqual(dialled, [second.port]);
    telemetry.reset();
  });

  test('a very long init keeps its beginning and says how much is missing', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    for (let n = 0; n < 5000; n += 1) line(log, `line ${n}`);
    subscribe(httpTo(receiver.port, { types: ['platform', 'function'], buffering: { maxItems: 10_000 } }));
    await telemetry.flush(SECOND);
    const events = eventsIn(await receiver.next());
    const lines = events.filter(({ type }) => type === 'function');
    assert.deepEqual(
      lines.slice(0, 2).map(({ record }) => record),
      ['line 0\n', 'line 1\n'],
    );
    const dropped = events.filter(({ type }) => type === 'platform.logsDropped').map(({ record }) => record);
    assert.deepEqual(
      dropped.map((record) => (record as { droppedRecords: number }).droppedRecords),
      [5000 - lines.length],
    );
    telemetry.reset();
  });

  test('after a reset nobody is subscribed, and the next init is replayed with what ended the last one', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, clock, dialled, telemetry } = telemetryWorld();
    subscribe(httpTo(receiver.port, { types: ['function'] }));
    telemetry.closeSubscriptions();
    line(log, 'lost with its subscription');
    telemetry.reset();
    line(log, 'last words');
    clock.advance(SECOND);
    assert.deepEqual(dialled, []);
    subscribe(httpTo(receiver.port, { types: ['function'] }));
    telemetry.closeSubscriptions();
    await telemetry.flush(SECOND);
    assert.deepEqual(summary(await receiver.next()), ['last words\n']);
    telemetry.reset();
  });

  test('where nobody has subscribed when init is over, nothing is kept', async () => {
    await using receiver = await httpConsumer();
    const { subscribe, log, telemetry } = telemetryWorld();
    telemetry.closeSubscriptions();
    line(log, 'nobody hears this');
    telemetry.reset();
    subscribe(httpTo(receiver.port, { types: ['function'] }));
    line(log, 'this is heard');
    await telemetry.flush(SECOND);
    assert.deepEqual(summary(await receiver.next()), ['this is heard\n']);
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
