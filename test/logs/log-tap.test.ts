import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { Logging } from '../../src/functions/records.ts';
import { FunctionLog } from '../../src/logs/function-log.ts';
import { BURST_BYTES } from '../../src/logs/log-budget.ts';
import type { PlatformEvent } from '../../src/logs/platform-event.ts';
import { appendedLog } from './memory-log-store.ts';

const TEXT: Logging = { format: 'Text', group: '/aws/lambda/f' };
const NOON_MS = Date.UTC(2026, 0, 2, 12);
const DONE: PlatformEvent = {
  type: 'runtimeDone',
  requestId: 'id-1',
  status: 'success',
  durationMs: 1,
  producedBytes: 2,
  spans: [{ name: 'responseLatency', startMs: NOON_MS, durationMs: 1 }],
};

function tappedLog(logging: Logging = TEXT) {
  const clock = new FakeClock(NOON_MS);
  const appended = appendedLog();
  const parts = { store: appended.store, clock, ids: randomIds, account: '000000000000', region: 'us-east-1' };
  const log = new FunctionLog({ ...parts, logging, version: '$LATEST' });
  const heard: unknown[][] = [];
  log.listen({
    platform: (event, timeMs) => heard.push([event, timeMs]),
    record: (from, message, timeMs) => heard.push([from, message, timeMs]),
  });
  const messages = () => {
    log.flush();
    return appended.events.map((event) => event.message);
  };
  return { log, clock, heard, messages };
}

function frame(message: string, { level = 0, timeMs = NOON_MS } = {}): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE((0xa55a0003 | level) >>> 0, 0);
  head.writeUInt32BE(Buffer.byteLength(message), 4);
  head.writeBigUInt64BE(BigInt(timeMs) * 1000n, 8);
  return Buffer.concat([head, Buffer.from(message)]);
}

test('who listens hears of everything in order, of events that have no line too, with their times', () => {
  const { log, clock, heard, messages } = tappedLog();
  log.platform(DONE, NOON_MS - 3);
  clock.advance(5);
  log.stdout(Buffer.from('one\ntw'));
  log.extension(Buffer.from('from an extension\n'));
  log.frames(frame('a\nb', { timeMs: NOON_MS + 2 }));
  log.platform({ type: 'end', requestId: 'id-1' });
  assert.deepEqual(heard, [
    [DONE, NOON_MS - 3],
    ['function', 'one\n', NOON_MS + 5],
    ['extension', 'from an extension\n', NOON_MS + 5],
    ['function', 'a\nb', NOON_MS + 2],
    ['function', 'tw', NOON_MS + 5],
    [{ type: 'end', requestId: 'id-1' }, NOON_MS + 5],
  ]);
  assert.deepEqual(messages(), ['one\n', 'from an extension\n', 'a\nb', 'tw', 'END RequestId: id-1\n']);
});

test('levels are for CloudWatch: who listens hears what they leave out, with no time that is no time', () => {
  const { log, heard, messages } = tappedLog({ format: 'JSON', group: 'g', applicationLevel: 'ERROR' });
  log.stdout(Buffer.from('plain\n'));
  log.frames(frame('debug', { level: 8, timeMs: Number.MAX_SAFE_INTEGER }));
  log.platform(DONE);
  assert.deepEqual(
    heard.map(([what, message]) => (typeof what === 'string' ? message : 'event')),
    ['plain\n', 'debug', 'event'],
  );
  assert.equal(heard[1]?.[2], NOON_MS);
  assert.deepEqual(messages(), []);
});

test('what the budget drops nobody hears, but everybody hears how much it was', () => {
  const { log, heard, messages } = tappedLog();
  const line = Buffer.from(`${'z'.repeat(65_535)}\n`);
  const lines = (BURST_BYTES / line.length) * 2;
  for (let i = 0; i < lines; i += 1) log.extension(line);
  log.flushLines();
  const [notice] = heard.at(-1) as [PlatformEvent];
  const kept = heard.length - 1;
  assert.equal(notice.type === 'logsDropped' && notice.droppedRecords, lines - kept);
  assert.match(messages().at(-1) ?? '', new RegExp(`^LOGS_DROPPED Records: ${lines - kept}\\t`));
});

test('an extension keeps its unfinished line beyond the invoke, until it ends', () => {
  const { log, messages } = tappedLog();
  log.extension(Buffer.from('half '));
  log.platform({ type: 'end', requestId: 'id-1' });
  log.extension(Buffer.from('line\nlast'));
  log.exited();
  assert.deepEqual(messages(), ['END RequestId: id-1\n', 'half line\n', 'last']);
});

test('output of extensions is not filtered by level and is part of the tail', () => {
  const { log, messages } = tappedLog({ format: 'JSON', group: 'g', applicationLevel: 'ERROR' });
  log.beginTail();
  log.extension(Buffer.from('{"level":"DEBUG"}\n'));
  assert.deepEqual(messages(), ['{"level":"DEBUG"}\n']);
  assert.equal(Buffer.from(log.endTail(), 'base64').toString(), '{"level":"DEBUG"}\n');
});

test('what a subscriber lost is said to CloudWatch and not to who listens', () => {
  const { log, heard, messages } = tappedLog({ format: 'JSON', group: 'g' });
  log.subscriberLost(3, 45, 'slow');
  const record = '{"droppedBytes":45,"droppedRecords":3,"reason":"slow"}';
  assert.deepEqual(messages(), [
    `{"time":"2026-01-02T12:00:00.000Z","type":"platform.logsDropped","record":${record}}\n`,
  ]);
  assert.deepEqual(heard, []);
});

test('nobody hears anything once nobody is to listen', () => {
  const { log, heard } = tappedLog();
  log.listen(undefined);
  log.stdout(Buffer.from('line\n'));
  log.platform(DONE);
  assert.deepEqual(heard, []);
});
