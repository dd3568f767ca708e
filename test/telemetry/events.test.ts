import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BETA,
  eventsIn,
  httpConsumer,
  httpTo,
  line,
  NOON,
  SECOND,
  summary,
  telemetryWorld,
} from './telemetry-world.ts';

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
