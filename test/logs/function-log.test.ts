import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { Logging } from '../../src/functions/records.ts';
import { FunctionLog } from '../../src/logs/function-log.ts';
import { BURST_BYTES } from '../../src/logs/log-budget.ts';
import { EVENT_BYTES_MAX } from '../../src/logs/log-lines.ts';
import type { PlatformEvent } from '../../src/logs/platform-event.ts';
import { appendedLog } from './memory-log-store.ts';

const TEXT: Logging = { format: 'Text', group: '/aws/lambda/f' };
const NOON_MS = Date.UTC(2026, 0, 2, 12);
const START: PlatformEvent = { type: 'start', requestId: 'id-1', version: '$LATEST' };
const END: PlatformEvent = { type: 'end', requestId: 'id-1' };
const REPORT: PlatformEvent = {
  type: 'report',
  requestId: 'id-1',
  status: 'success',
  durationMs: 1,
  billedMs: 1,
  memoryMb: 128,
  maxMemoryMb: 36,
};
const REPORT_LINE =
  'REPORT RequestId: id-1\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n';
const INIT_START: PlatformEvent = {
  type: 'initStart',
  initializationType: 'on-demand',
  phase: 'init',
  runtimeVersion: 'nodejs:24.v1',
  runtimeVersionArn: 'arn',
  functionName: 'f',
  functionVersion: '$LATEST',
};
const INIT_REPORT: PlatformEvent = {
  type: 'initReport',
  initializationType: 'on-demand',
  phase: 'init',
  status: 'timeout',
  durationMs: 10_000,
};

function functionLog(logging: Logging = TEXT) {
  const clock = new FakeClock(NOON_MS);
  const appended = appendedLog();
  const ids = { ...randomIds, hex: (digits: number) => 'ab'.repeat(digits / 2) };
  const parts = { store: appended.store, clock, ids, account: '000000000000', region: 'us-east-1' };
  const log = new FunctionLog({ ...parts, logging, version: '$LATEST' });
  const messages = () => {
    log.flush();
    return appended.events.map((event) => event.message);
  };
  return { log, clock, appended, messages };
}

function frame(message: string | Buffer, { level = 0, json = false, timeMs = NOON_MS, length = -1 } = {}): Buffer {
  const body = Buffer.from(message as string);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(((json ? 0xa55a0002 : 0xa55a0003) | level) >>> 0, 0);
  head.writeUInt32BE(length < 0 ? body.length : length, 4);
  head.writeBigUInt64BE(BigInt(timeMs) * 1000n, 8);
  return Buffer.concat([head, body]);
}

function decoded(tail: string): string {
  return Buffer.from(tail, 'base64').toString();
}

test('a stream is named after day, version and 32 digits, in the group that was set', () => {
  const { log, appended } = functionLog({ format: 'Text', group: 'my/group' });
  assert.equal(log.stream, `2026/01/02/[$LATEST]${'ab'.repeat(16)}`);
  log.platform(START);
  log.flush();
  const key = { account: '000000000000', region: 'us-east-1', group: 'my/group', stream: log.stream };
  assert.deepEqual(appended.keys, [key]);
});

test('one invoke is handed over at once, in order, a little later', () => {
  const { log, clock, appended } = functionLog();
  log.platform(START);
  log.stdout(Buffer.from('one\r\ntwo\n'));
  log.stderr(Buffer.from('three\n'));
  log.platform(END);
  log.platform(REPORT);
  assert.equal(appended.keys.length, 0);
  clock.advance(10);
  assert.equal(appended.keys.length, 1);
  const messages = appended.events.map((event) => event.message);
  const invoke = ['START RequestId: id-1 Version: $LATEST\n', 'one\r\n', 'two\n', 'three\n', 'END RequestId: id-1\n'];
  assert.deepEqual(messages, [...invoke, REPORT_LINE]);
});

test('an unfinished line waits for its rest, and ends with the invoke or the process', () => {
  const { log, messages } = functionLog();
  const bytes = Buffer.from('grüße\nnext');
  for (const byte of bytes) log.stdout(Buffer.from([byte]));
  assert.deepEqual(messages(), ['grüße\n']);
  log.platform(END);
  assert.deepEqual(messages().slice(1), ['next', 'END RequestId: id-1\n']);
  log.stderr(Buffer.from('Segmentation fault'));
  log.exited();
  assert.equal(messages().at(-1), 'Segmentation fault');
});

test('a line longer than an event is cut between characters', () => {
  const { log, messages } = functionLog();
  const line = `x${'é'.repeat(EVENT_BYTES_MAX / 2)}tail\n`;
  for (let at = 0; at < line.length; at += 50_000) log.stdout(Buffer.from(line.slice(at, at + 50_000)));
  const [first, second, ...others] = messages();
  assert.equal(`${first}${second}`, line);
  assert.equal(Buffer.byteLength(first ?? ''), EVENT_BYTES_MAX - 1);
  assert.deepEqual(others, []);
});

test('frames keep their newlines and their own time, wherever the chunks are cut', () => {
  const { log, clock, messages, appended } = functionLog();
  clock.advance(50);
  const bytes = Buffer.concat([frame('a\nb\n', { level: 0x0c, timeMs: NOON_MS + 7 }), frame('{}', { json: true })]);
  for (const byte of bytes) log.frames(Buffer.from([byte]));
  assert.deepEqual(messages(), ['a\nb\n', '{}']);
  assert.deepEqual(
    appended.events.map((event) => event.timestamp - NOON_MS),
    [7, 7],
  );
});

test('a time in the future or before the environment does not count', () => {
  const { log, clock, messages, appended } = functionLog();
  clock.advance(5);
  log.frames(frame('past', { timeMs: 0 }));
  log.frames(frame('future', { timeMs: NOON_MS * 2 }));
  messages();
  assert.deepEqual(
    appended.events.map((event) => event.timestamp - NOON_MS),
    [0, 5],
  );
});

test('bytes that are no frame are skipped and said, and the frames behind them are read', () => {
  const { log, messages } = functionLog();
  const garbage = Buffer.concat([Buffer.from('garbage \xa5\x5a\x00\xa5\x5a', 'latin1'), Buffer.alloc(40, 0xa5)]);
  const bytes = Buffer.concat([garbage, frame('after'), frame('', { length: 0xffffffff }), frame('again')]);
  for (let at = 0; at < bytes.length; at += 7) log.frames(bytes.subarray(at, at + 7));
  log.exited();
  const notices = messages().filter((message) => message.startsWith('LOGS_DROPPED'));
  assert.deepEqual(
    messages().filter((message) => !notices.includes(message)),
    ['after', 'again'],
  );
  const skippedBytes = notices.map((notice) => Number(/Bytes: (\d+)/.exec(notice)?.[1]));
  assert.equal(
    skippedBytes.reduce((sum, bytes) => sum + bytes, 0),
    garbage.length + 16,
  );
});

test('a frame longer than an event comes in pieces; one cut off by the end of its process comes as far as it got', () => {
  const { log, messages } = functionLog();
  const long = 'y'.repeat(EVENT_BYTES_MAX + 10);
  log.frames(frame(long));
  assert.deepEqual(
    messages().map((message) => message.length),
    [EVENT_BYTES_MAX, 10],
  );
  log.frames(frame('half', { length: 1000 }));
  log.exited();
  assert.equal(messages().at(-1), 'half');
  log.frames(frame('new process'));
  assert.equal(messages().at(-1), 'new process');
});

test('the application level filters JSON records, frames by their level and other lines as INFO', () => {
  const { log, messages } = functionLog({ format: 'JSON', group: 'g', applicationLevel: 'WARN' });
  const record = (level: string) => `{"timestamp":"2026-01-02T12:00:00Z","level":"${level}","message":"m"}\n`;
  log.stdout(Buffer.from(record('INFO') + record('WARN') + record('ERROR')));
  log.stdout(Buffer.from('plain\n{"level":"ERROR"}\n{broken\n'));
  log.frames(Buffer.concat([frame('debug', { level: 8 }), frame('fatal', { level: 0x18 })]));
  log.frames(frame(record('ERROR'), { json: true }));
  assert.deepEqual(messages(), [record('WARN'), record('ERROR'), 'fatal', record('ERROR')]);
});

test('at the default level plain lines pass as they are and DEBUG records do not', () => {
  const { log, messages } = functionLog({ format: 'JSON', group: 'g' });
  log.stdout(Buffer.from('plain\n{"timestamp":"2026-01-02T12:00:00Z","level":"debug"}\n'));
  log.platform(START);
  assert.equal(messages()[0], 'plain\n');
  assert.equal(JSON.parse(messages()[1] ?? '').type, 'platform.start');
  assert.equal(messages().length, 2);
});

test('a JSON record without a valid timestamp gets one and counts as INFO, as on AWS', () => {
  const at = '"timestamp":"2026-01-02T12:00:00.000Z"';
  const lines = ['{"level":"DEBUG", "n":1.0}\n', '{ }\n', '{"timestamp":"noon","n":2}\n', '{"timestamp":12}\n'];
  const kept = [`{${at},"level":"DEBUG", "n":1.0}\n`, `{${at}}\n`, `{${at},"n":2}\n`, `{${at}}\n`];
  for (const applicationLevel of ['TRACE', 'INFO'] as const) {
    const { log, messages } = functionLog({ format: 'JSON', group: 'g', applicationLevel });
    log.stdout(Buffer.from(lines.join('')));
    assert.deepEqual(messages(), kept);
  }
  const { log, messages } = functionLog();
  log.stdout(Buffer.from(lines.join('')));
  assert.deepEqual(messages(), lines);
});

test('the text format filters nothing', () => {
  const { log, messages } = functionLog();
  log.frames(frame('trace', { level: 4 }));
  assert.deepEqual(messages(), ['trace']);
});

test('a flood is bounded, and what was dropped is said before END', () => {
  const { log, clock, messages, appended } = functionLog();
  log.platform(START);
  const line = Buffer.from(`${'z'.repeat(65_535)}\n`);
  const lines = (BURST_BYTES / line.length) * 2;
  for (let i = 0; i < lines; i += 1) log.stdout(line);
  log.platform(END);
  const [notice, end] = messages().slice(-2);
  const kept = appended.events.length - 3;
  assert.ok(kept * line.length <= BURST_BYTES);
  const dropped = `Records: ${lines - kept}\tBytes: ${(lines - kept) * line.length}`;
  assert.equal(
    notice,
    `LOGS_DROPPED ${dropped}\tReason: The output came faster than lambdad keeps it, or was no log frame\n`,
  );
  assert.equal(end, 'END RequestId: id-1\n');
  clock.advance(1000);
  log.stdout(line);
  assert.equal(messages().at(-1), line.toString());
});

test('after a flood logging goes on with a whole line, and every lost line is counted', () => {
  const { log, clock, messages, appended } = functionLog();
  const chunk = Buffer.from('f\n'.repeat(100_000));
  for (let i = 0; i < 10; i += 1) log.stdout(chunk);
  log.stdout(Buffer.from('f\ncut'));
  clock.advance(5000);
  log.stdout(Buffer.from(' off\nwhole\n'));
  log.exited();
  const all = messages();
  assert.ok(all.includes('whole\n') && !all.some((message) => message.includes('off')));
  const notices = all.filter((message) => message.startsWith('LOGS_DROPPED'));
  const lost = notices.reduce((sum, notice) => sum + Number(/Records: (\d+)/.exec(notice)?.[1]), 0);
  assert.equal(lost + appended.events.length - notices.length, 10 * 100_000 + 3);
});

test('the tail has START to REPORT of this invoke, and nothing when it was not asked for', () => {
  const { log } = functionLog();
  assert.equal(log.endTail(), '');
  log.platform(START);
  log.platform(REPORT);
  log.stdout(Buffer.from('between\n'));
  log.beginTail();
  log.platform(START);
  log.stdout(Buffer.from('no newline'));
  log.platform(END);
  log.platform(REPORT);
  const expected = `START RequestId: id-1 Version: $LATEST\nno newlineEND RequestId: id-1\n${REPORT_LINE}`;
  assert.equal(decoded(log.endTail()), expected);
  assert.equal(log.endTail(), '');
});

test('the tail of a cold start begins with what init wrote and a failed INIT_REPORT, without INIT_START', () => {
  const { log } = functionLog();
  log.platform(INIT_START);
  log.stdout(Buffer.from('loading\n'));
  log.platform(INIT_REPORT);
  log.beginTail();
  log.platform(INIT_START);
  log.stdout(Buffer.from('loading again\n'));
  log.platform(START);
  const init = 'INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n';
  const expected = `loading\n${init}loading again\nSTART RequestId: id-1 Version: $LATEST\n`;
  assert.equal(decoded(log.endTail()), expected);
});

test('the tail is the last 4,096 bytes', () => {
  const { log } = functionLog();
  log.beginTail();
  const written: string[] = [];
  for (let i = 0; i < 3000; i += 1) written.push(`line ${i} ü\n`);
  log.stdout(Buffer.from(written.join('')));
  const expected = Buffer.from(written.join('')).subarray(-4096);
  assert.equal(log.endTail(), expected.toString('base64'));
  log.beginTail();
  log.stdout(Buffer.from(`${'w'.repeat(100_000)}\n`));
  assert.equal(decoded(log.endTail()), `${'w'.repeat(4095)}\n`);
});

test('the tail of the JSON format has whole records', () => {
  const { log } = functionLog({ format: 'JSON', group: 'g' });
  log.beginTail();
  const record = (n: number) => JSON.stringify({ timestamp: '2026-01-02T12:00:00Z', level: 'INFO', n });
  for (let n = 0; n < 200; n += 1) log.frames(frame(record(n), { json: true, level: 0x0c }));
  const lines = decoded(log.endTail()).trimEnd().split('\n');
  assert.equal(JSON.parse(lines[0] ?? '').n, 200 - lines.length);
  assert.ok(lines.length > 50 && lines.length * (record(100).length + 1) <= 4096);
});
