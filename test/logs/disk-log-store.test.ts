import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { DiskLogStore } from '../../src/logs/disk-log-store.ts';
import { decodeName, encodeName } from '../../src/logs/log-file-name.ts';
import type { LogQuery, LogStore } from '../../src/logs/log-store.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 12);
const GROUP = { account: '000000000000', region: 'us-east-1', group: '/aws/lambda/f' };
const STREAM = { ...GROUP, stream: '2026/01/02/[$LATEST]abc' };

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-logs-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function openStore(directory: string, { totalBytesMax = 1e9, clock = new FakeClock(NOW_MS) } = {}) {
  const troubles: string[] = [];
  const onTrouble = (message: string) => void troubles.push(message);
  const store = new DiskLogStore({ directory, totalBytesMax, clock, onTrouble });
  return { store, clock, troubles };
}

async function messages(store: LogStore, query: Partial<LogQuery> = {}): Promise<string[] | undefined> {
  const found = await store.read({ ...GROUP, limit: 10_000, ...query });
  return found?.map(({ message }) => message);
}

function numbered(from: number, to: number, startMs = NOW_MS) {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return numbers.map((n) => ({ timestamp: startMs + n, message: `${n}\n` }));
}

async function filesBelow(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
}

test('events can be read at once, and again after a restart', async (t) => {
  const directory = await directoryFor(t);
  const first = openStore(directory);
  first.store.append(STREAM, numbered(0, 3));
  assert.deepEqual(await messages(first.store), ['0\n', '1\n', '2\n']);
  await first.store.flush();
  first.store.append(STREAM, numbered(3, 5));
  assert.deepEqual(await messages(first.store), ['0\n', '1\n', '2\n', '3\n', '4\n']);
  await first.store.close();

  const second = openStore(directory, { clock: new FakeClock(NOW_MS + 1000) });
  second.store.append({ ...GROUP, stream: 'other' }, [{ timestamp: NOW_MS + 2, message: 'between\n' }]);
  assert.deepEqual(await messages(second.store), ['0\n', '1\n', '2\n', 'between\n', '3\n', '4\n']);
  assert.deepEqual(await messages(second.store, { streams: [STREAM.stream], limit: 2 }), ['0\n', '1\n']);
  const streams = await second.store.streams(GROUP);
  assert.deepEqual(streams?.map(({ stream, firstEventAt }) => [stream, firstEventAt]).sort(), [
    ['2026/01/02/[$LATEST]abc', NOW_MS],
    ['other', NOW_MS + 2],
  ]);
  await second.store.close();
});

test('writing happens by itself, shortly after', async (t) => {
  const directory = await directoryFor(t);
  const { store, clock } = openStore(directory);
  store.append(STREAM, numbered(0, 1));
  clock.advance(200);
  // Deleting another group waits for the write under way.
  store.append({ ...GROUP, group: 'other', stream: 's' }, numbered(0, 1));
  await store.deleteGroup({ ...GROUP, group: 'other' });
  assert.equal((await filesBelow(directory)).length, 1);
});

test('queries by time, limit, prefix, event id and from the end', async (t) => {
  const { store } = openStore(await directoryFor(t));
  store.append({ ...GROUP, stream: 'a-1' }, numbered(0, 5));
  store.append({ ...GROUP, stream: 'b-1' }, numbered(5, 10));
  await store.flush();
  store.append({ ...GROUP, stream: 'a-2' }, numbered(10, 12));
  assert.deepEqual(await messages(store, { startTime: NOW_MS + 4, endTime: NOW_MS + 6 }), ['4\n', '5\n']);
  assert.deepEqual(await messages(store, { streamPrefix: 'a', startTime: NOW_MS + 4 }), ['4\n', '10\n', '11\n']);
  assert.deepEqual(await messages(store, { backwards: true, limit: 3 }), ['9\n', '10\n', '11\n']);
  const all = (await store.read({ ...GROUP, limit: 100 })) ?? [];
  const eventId = all[6]?.eventId ?? '';
  assert.deepEqual(await messages(store, { afterEventId: eventId, limit: 2 }), ['7\n', '8\n']);
  assert.deepEqual(await messages(store, { beforeEventId: eventId, backwards: true, limit: 2 }), ['4\n', '5\n']);
  assert.equal(await messages(store, { bytesMax: 5 }).then((found) => found?.length), 3);
  assert.equal(await messages(store, { group: 'none' }), undefined);
  assert.equal(await messages(store, { account: '111111111111' }), undefined);
  await store.close();
});

test('equal times keep the order of writing, and late events come in their time', async (t) => {
  const { store } = openStore(await directoryFor(t));
  for (const stream of ['x', 'y', 'x', 'y']) {
    store.append({ ...GROUP, stream }, [{ timestamp: NOW_MS, message: stream }]);
    await store.flush();
  }
  store.append({ ...GROUP, stream: 'x' }, [{ timestamp: NOW_MS - 10 * 3_600_000, message: 'late' }]);
  await store.flush();
  assert.deepEqual(await messages(store), ['late', 'x', 'y', 'x', 'y']);
  assert.deepEqual(await messages(store, { limit: 2 }), ['late', 'x']);
  await store.close();
});

test('pages of a large log join without gap or repeat', async (t) => {
  const { store } = openStore(await directoryFor(t));
  for (let n = 0; n < 3000; n += 100) {
    store.append({ ...GROUP, stream: `s${n % 700}` }, numbered(n, n + 100));
    if (n % 500 === 0) await store.flush();
  }
  const seen: string[] = [];
  let afterEventId = '0'.repeat(56);
  for (let page = 0; page < 20; page += 1) {
    const found = (await store.read({ ...GROUP, afterEventId, limit: 170 })) ?? [];
    seen.push(...found.map(({ message }) => message));
    afterEventId = found.at(-1)?.eventId ?? afterEventId;
  }
  const expected = numbered(0, 3000).map(({ message }) => message);
  assert.deepEqual(seen, expected);
  await store.close();
});

test('a torn last line costs itself, and what comes later is whole', async (t) => {
  const directory = await directoryFor(t);
  const first = openStore(directory);
  first.store.append(STREAM, numbered(0, 3));
  await first.store.close();
  const [file = ''] = await filesBelow(directory);
  await truncate(file, (await stat(file)).size - 4);
  await appendFile(join(file, '..', 'README'), 'not a log');

  const second = openStore(directory);
  second.store.append(STREAM, numbered(3, 4));
  await second.store.close();
  assert.deepEqual(await messages(openStore(directory).store), ['0\n', '1\n', '3\n']);
});

test('names never leave their directory and never meet', async (t) => {
  const directory = await directoryFor(t);
  const names = [
    '../../etc',
    '..',
    '.',
    'a/b',
    'a%2fb',
    'A',
    'a',
    '^a',
    '~x',
    'ü#',
    '',
    'n'.repeat(512),
    'N'.repeat(512),
  ];
  const { store } = openStore(join(directory, 'logs'));
  for (const name of names) {
    store.append({ account: name, region: name, group: name, stream: name }, [{ timestamp: NOW_MS, message: name }]);
  }
  await store.close();
  assert.deepEqual(await readdir(directory), ['logs']);
  const encoded = names.map(encodeName);
  assert.equal(new Set(encoded.map((name) => name.toLowerCase())).size, names.length);
  for (const name of names.slice(0, -2)) assert.equal(decodeName(encodeName(name)), name);

  const again = openStore(join(directory, 'logs')).store;
  for (const name of names.slice(0, -2)) {
    const found = await again.read({ account: name, region: name, group: name, limit: 10 });
    assert.deepEqual(
      found?.map(({ stream, message }) => [stream, message]),
      [[name, name]],
    );
  }
  const long = { ...GROUP, group: 'G'.repeat(512), stream: 'S'.repeat(512) };
  again.append(long, [{ timestamp: NOW_MS, message: 'long' }]);
  await again.close();
  const third = openStore(join(directory, 'logs')).store;
  assert.deepEqual(await third.streams(long).then((streams) => streams?.map(({ stream }) => stream)), [long.stream]);
});

test('a deleted group is gone at once and for good, and can begin anew', async (t) => {
  const directory = await directoryFor(t);
  const { store } = openStore(directory);
  store.append(STREAM, numbered(0, 3));
  await store.flush();
  store.append(STREAM, numbered(3, 4));
  assert.equal(await store.deleteGroup(GROUP), 'deleted');
  assert.equal(await store.deleteGroup(GROUP), 'no group');
  assert.equal(await messages(store), undefined);
  store.append(STREAM, numbered(7, 8));
  await store.close();
  assert.deepEqual(await messages(openStore(directory).store), ['7\n']);
});

test('a group that begins anew while it is being deleted keeps what came after', async (t) => {
  const directory = await directoryFor(t);
  const { store, troubles } = openStore(directory);
  store.append(STREAM, numbered(0, 300));
  await store.flush();
  let isDeleted = false;
  const deleted = store.deleteGroup(GROUP).finally(() => {
    isDeleted = true;
  });
  let appended = 300;
  const writes: Promise<void>[] = [];
  for (; !isDeleted; appended += 1) {
    store.append(STREAM, numbered(appended, appended + 1));
    if (appended % 10 === 0) writes.push(store.flush());
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await deleted, 'deleted');
  store.append(STREAM, numbered(appended, appended + 1));
  await Promise.all(writes);
  await store.close();
  const kept = (await messages(openStore(directory).store)) ?? [];
  assert.ok(kept.length > 0 && kept.length <= appended - 300 + 1);
  const first = appended + 1 - kept.length;
  assert.deepEqual(
    kept,
    numbered(first, appended + 1).map(({ message }) => message),
  );
  assert.deepEqual(troubles, []);
});

test('the oldest idle streams of any group go first when the bound is reached', async (t) => {
  const directory = await directoryFor(t);
  const clock = new FakeClock(NOW_MS);
  const { store } = openStore(directory, { totalBytesMax: 64 * 1024, clock });
  const event = (name: string) => [{ timestamp: clock.now(), message: name.padEnd(10_000, '.') }];
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
    store.append({ ...GROUP, group: name, stream: name }, event(name));
    await store.flush();
    clock.advance(120_000);
  }
  const present: string[] = [];
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
    const found = await messages(store, { group: name });
    if (found && found.length > 0) present.push(name);
  }
  assert.deepEqual(present, ['two', 'three', 'four', 'five', 'six']);
  await store.close();
});

test('a stream that alone exceeds the bound loses its beginning, and keeps its end', async (t) => {
  const directory = await directoryFor(t);
  const { store } = openStore(directory, { totalBytesMax: 256 * 1024 });
  for (let n = 0; n < 200; n += 1) {
    store.append(STREAM, [{ timestamp: NOW_MS + n, message: `${n}`.padEnd(5000, '.') }]);
    await store.flush();
  }
  const found = (await messages(store)) ?? [];
  const numbers = found.map((message) => Number.parseInt(message, 10));
  assert.equal(numbers.at(-1), 199);
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => 200 - numbers.length + i),
  );
  assert.ok(numbers.length > 20, `${numbers.length} of 200 are left`);
  const sizes = await Promise.all((await filesBelow(directory)).map(async (file) => (await stat(file)).size));
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 256 * 1024);
  await store.close();
});

test('the bound counts what earlier processes left', async (t) => {
  const directory = await directoryFor(t);
  const first = openStore(directory).store;
  first.append({ ...GROUP, stream: 'old' }, [{ timestamp: NOW_MS, message: 'o'.repeat(100_000) }]);
  await first.close();
  const [file = ''] = await filesBelow(directory);
  await utimes(file, NOW_MS / 1000 - 3600, NOW_MS / 1000 - 3600);
  const second = openStore(directory, { totalBytesMax: 64 * 1024 }).store;
  second.append({ ...GROUP, stream: 'new' }, [{ timestamp: NOW_MS, message: 'new' }]);
  await second.flush();
  assert.deepEqual(await messages(second), ['new']);
  await second.close();
});

test('a disk that takes nothing costs the lines, counted and said, and nothing else', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, GROUP.account), 'a file where the directory should be');
  const { store, troubles } = openStore(directory);
  store.append(STREAM, numbered(0, 3));
  await store.flush();
  assert.equal(store.droppedEvents, 3);
  assert.match(troubles[0] ?? '', /^3 log lines were lost: /);
  await rm(join(directory, GROUP.account));
  store.append(STREAM, numbered(3, 4));
  await store.flush();
  assert.deepEqual(await messages(store), ['3\n']);
  assert.equal(store.droppedEvents, 3);
  await store.close();
});

test('what the disk cannot take in time is bounded in memory', async (t) => {
  const { store, troubles } = openStore(await directoryFor(t));
  const events = Array.from({ length: 200 }, () => ({ timestamp: NOW_MS, message: 'm'.repeat(250_000) }));
  store.append(STREAM, events);
  const dropped = store.droppedEvents;
  assert.ok(dropped > 50 && dropped < 100);
  assert.match(troubles[0] ?? '', /too slow/);
  await store.close();
  const told = troubles.map((trouble) => Number.parseInt(trouble, 10));
  assert.equal(
    told.reduce((sum, lines) => sum + lines, 0),
    dropped,
    'all that was lost is told, and once',
  );
  const streams = await store.streams(GROUP);
  assert.ok((streams?.[0]?.storedBytes ?? 0) > 10_000_000);
});

test('thousands of streams do not hold up the start', async (t) => {
  const directory = await directoryFor(t);
  const group = join(directory, GROUP.account, GROUP.region, encodeName(GROUP.group));
  await mkdir(group, { recursive: true });
  const lines = (n: number) => `[${NOW_MS + n},${NOW_MS},${n},"${n}"]\n`;
  for (let n = 0; n < 3000; n += 1) writeFileSync(join(group, `s${n}.0.${NOW_MS + n}.log`), lines(n));
  const { store } = openStore(directory);
  const startedAt = performance.now();
  store.append(STREAM, numbered(0, 1));
  assert.ok(performance.now() - startedAt < 50);
  assert.equal((await store.streams(GROUP))?.length, 3001);
  assert.deepEqual(await messages(store, { streams: ['s2900'] }), ['2900']);
  await store.close();
});
