// What callers make, set and delete in a store on disk, and how long events are kept.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { DiskLogStore, type DiskLogStoreParts } from '../../src/logs/disk-log-store.ts';
import { encodeName } from '../../src/logs/log-file-name.ts';
import {
  defaultSettings,
  type LogGroupSettings,
  type LogStore,
  LogStoreUnavailable,
} from '../../src/logs/log-store.ts';

const NOW_MS = Date.UTC(2026, 0, 20, 12);
const DAY_MS = 86_400_000;
const GROUP = { account: '000000000000', region: 'us-east-1', group: '/made/by/hand' };
const STREAM = { ...GROUP, stream: 's' };

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-log-groups-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function openStore(directory: string, parts: Partial<DiskLogStoreParts> = {}) {
  const clock = new FakeClock(NOW_MS);
  const troubles: string[] = [];
  const onTrouble = (message: string) => void troubles.push(message);
  return { store: new DiskLogStore({ directory, totalBytesMax: 1e9, clock, onTrouble, ...parts }), clock, troubles };
}

/** The directory as a kill leaves it: nothing is flushed or closed. */
async function afterKill(t: TestContext, directory: string): Promise<LogStore> {
  const copy = join(await directoryFor(t), 'logs');
  await cp(directory, copy, { recursive: true });
  return openStore(copy, { clock: new FakeClock(NOW_MS + 5000) }).store;
}

async function messages(store: LogStore, key = GROUP): Promise<string[] | undefined> {
  return (await store.read({ ...key, limit: 10_000 }))?.map(({ message }) => message);
}

function settings(more: Partial<LogGroupSettings>): LogGroupSettings {
  return { ...defaultSettings, ...more };
}

test('what was acknowledged is there after a kill, empty or not', async (t) => {
  const directory = await directoryFor(t);
  const { store, clock } = openStore(directory);
  const made = settings({ logClass: 'INFREQUENT_ACCESS', tags: { a: '1', ['__proto__']: 'x' } });
  assert.equal(await store.createGroup(GROUP, made), 'created');
  const again = await afterKill(t, directory);
  assert.deepEqual(await again.group(GROUP), { group: GROUP.group, createdAt: NOW_MS, storedBytes: 0, ...made });

  clock.advance(1000);
  assert.equal(await store.createStream(STREAM), 'created');
  const long = { ...STREAM, stream: 'L'.repeat(512) };
  assert.equal(await store.createStream(long), 'created');
  assert.equal(await store.put(STREAM, [{ timestamp: NOW_MS, message: 'put' }]), 'kept');
  await store.changeGroup(GROUP, (now) => ({ ...now, retentionDays: 7, tags: { ...now.tags, b: '2' } }));
  const third = await afterKill(t, directory);
  const streams = await third.streams(GROUP);
  assert.deepEqual(streams?.map(({ stream, createdAt }) => [stream, createdAt]).sort(), [
    [long.stream, NOW_MS + 1000],
    ['s', NOW_MS + 1000],
  ]);
  assert.deepEqual(await messages(third), ['put']);
  const view = await third.group(GROUP);
  assert.deepEqual([view?.createdAt, view?.retentionDays], [NOW_MS, 7]);
  assert.deepEqual(Object.entries(view?.tags ?? {}).sort(), Object.entries({ ...made.tags, b: '2' }).sort());
  await store.close();
});

test('what was deleted does not come back after a kill', async (t) => {
  const directory = await directoryFor(t);
  const { store } = openStore(directory);
  for (const group of ['kept', 'gone', 'N'.repeat(512)]) {
    await store.createGroup({ ...GROUP, group }, settings({}));
    for (const stream of ['a', 'b']) {
      await store.createStream({ ...GROUP, group, stream });
      await store.put({ ...GROUP, group, stream }, [{ timestamp: NOW_MS, message: stream }]);
    }
  }
  for (const group of ['gone', 'N'.repeat(512)]) assert.equal(await store.deleteGroup({ ...GROUP, group }), 'deleted');
  assert.equal(await store.deleteStream({ ...GROUP, group: 'kept', stream: 'a' }), 'deleted');
  assert.equal(await store.deleteStream({ ...GROUP, group: 'kept', stream: 'a' }), 'no stream');
  const again = await afterKill(t, directory);
  const groups = await again.groups(GROUP.account, GROUP.region);
  assert.deepEqual(
    groups.map(({ group }) => group),
    ['kept'],
  );
  assert.deepEqual(await messages(again, { ...GROUP, group: 'kept' }), ['b']);
  // Made anew, it has nothing of the old one.
  assert.equal(await store.createGroup({ ...GROUP, group: 'gone' }, settings({})), 'created');
  assert.deepEqual(await store.streams({ ...GROUP, group: 'gone' }), []);
  await store.close();
});

test('a deletion that a kill cut short is finished at the next start', async (t) => {
  const directory = await directoryFor(t);
  const region = join(directory, GROUP.account, GROUP.region);
  const trash = join(region, `${encodeName(GROUP.group)}.17.deleted`);
  await mkdir(trash, { recursive: true });
  await writeFile(join(trash, `s.1.${NOW_MS}.log`), `[${NOW_MS},${NOW_MS},1,"old"]\n`);
  const { store } = openStore(directory);
  assert.deepEqual(await store.groups(GROUP.account, GROUP.region), []);
  assert.deepEqual(await readdir(region), []);
});

test('a record that cannot be read costs the settings and not the events', async (t) => {
  const directory = await directoryFor(t);
  const first = openStore(directory).store;
  await first.createGroup(GROUP, settings({ retentionDays: 1 }));
  await first.createStream(STREAM);
  await first.put(STREAM, [{ timestamp: NOW_MS, message: 'kept' }]);
  await first.close();
  const folder = join(directory, GROUP.account, GROUP.region, encodeName(GROUP.group));
  for (const text of ['', '{', 'null', '{"createdAt":"x"}', '[]']) {
    await writeFile(join(folder, 'group.json'), text);
    const { store } = openStore(directory);
    assert.deepEqual(await messages(store), ['kept'], text);
    assert.equal((await store.group(GROUP))?.retentionDays, undefined);
  }
});

test('groups, streams and names that are taken, missing or protected are told apart', async (t) => {
  const { store } = openStore(await directoryFor(t));
  assert.equal(await store.createStream(STREAM), 'no group');
  assert.equal(await store.put(STREAM, []), 'no group');
  assert.equal(await store.changeGroup(GROUP, (now) => now), 'no group');
  assert.equal(await store.deleteStream(STREAM), 'no group');
  // A function has begun this one.
  store.append(STREAM, [{ timestamp: NOW_MS, message: 'by a function' }]);
  assert.equal(await store.createGroup(GROUP, settings({})), 'exists');
  assert.equal(await store.createStream(STREAM), 'exists');
  assert.equal(await store.put({ ...GROUP, stream: 'none' }, []), 'no stream');
  assert.equal(await store.changeGroup(GROUP, (now) => ({ ...now, isProtected: true })), 'changed');
  assert.equal(await store.deleteGroup(GROUP), 'protected');
  assert.equal(await store.deleteStream(STREAM), 'protected');
  const wrong = new Error('no');
  const refusing = store.changeGroup(GROUP, () => {
    throw wrong;
  });
  await assert.rejects(refusing, wrong);
  assert.deepEqual(await messages(store), ['by a function']);
  await store.close();
});

test('expired events are not read, and go from the disk while newer ones stay', async (t) => {
  const directory = await directoryFor(t);
  const { store, clock } = openStore(directory);
  const at = (days: number) => ({ timestamp: NOW_MS + days * DAY_MS, message: `day ${days}` });
  await store.createGroup(GROUP, settings({ retentionDays: 3 }));
  await store.createStream(STREAM);
  store.append({ ...GROUP, stream: 'by a function' }, [at(0)]);
  for (let day = 0; day < 6; day += 1) {
    await store.put(STREAM, [at(day)]);
    clock.advance(DAY_MS);
  }
  await store.flush();
  // It is day 6: what is from day 3 on is kept.
  assert.deepEqual(await messages(store), ['day 3', 'day 4', 'day 5']);
  const backwards = await store.read({ ...GROUP, backwards: true, limit: 10 });
  assert.deepEqual(backwards?.length, 3);
  const folder = join(directory, GROUP.account, GROUP.region, encodeName(GROUP.group));
  const segments = async () => (await readdir(folder)).filter((file) => file.endsWith('.log'));
  // At most two days are in one file, so that nothing stays for the sake of what came much later.
  const left = await segments();
  assert.ok(left.every((file) => file.startsWith('s.')));
  const texts = await Promise.all(left.map((file) => readFile(join(folder, file), 'utf8')));
  assert.match(texts.join(), /day 5/);
  assert.doesNotMatch(texts.join(), /day [01]/);
  clock.advance(9 * DAY_MS);
  await store.flush();
  assert.deepEqual(await messages(store), []);
  assert.deepEqual(await segments(), []);
  // The stream that was made stays, the other went with its events.
  assert.deepEqual(
    (await store.streams(GROUP))?.map(({ stream }) => stream),
    ['s'],
  );
  assert.equal((await store.group(GROUP))?.storedBytes, 0);
  await store.close();
});

test('without retention, and in other groups, events stay; DELIVERY keeps them a day', async (t) => {
  const { store, clock } = openStore(await directoryFor(t));
  const delivery = { ...GROUP, group: 'delivery' };
  await store.createGroup(GROUP, settings({}));
  await store.createGroup(delivery, settings({ logClass: 'DELIVERY' }));
  for (const key of [GROUP, delivery]) {
    await store.createStream({ ...key, stream: 's' });
    await store.put({ ...key, stream: 's' }, [{ timestamp: NOW_MS, message: 'm' }]);
  }
  clock.advance(DAY_MS + 1);
  assert.deepEqual(await messages(store), ['m']);
  assert.deepEqual(await messages(store, delivery), []);
  await store.changeGroup(GROUP, (now) => ({ ...now, retentionDays: 1 }));
  assert.deepEqual(await messages(store), []);
  await store.close();
});

test('more expired files than one step removes all go', async (t) => {
  const directory = await directoryFor(t);
  const folder = join(directory, GROUP.account, GROUP.region, encodeName(GROUP.group));
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < 950; n += 1) {
    await writeFile(join(folder, `s${n}.${n}.${NOW_MS}.log`), `[${NOW_MS},${NOW_MS},${n},"${n}"]\n`);
  }
  // What an earlier process wrote is dated by its file's change: now, by the machine's clock.
  const clock = new FakeClock(Math.max(NOW_MS, Date.now()));
  const { store } = openStore(directory, { clock });
  await store.changeGroup(GROUP, (now) => ({ ...now, retentionDays: 1 }));
  clock.advance(2 * DAY_MS);
  for (let turn = 0; turn < 10; turn += 1) await store.flush();
  assert.deepEqual(await store.streams(GROUP), []);
  assert.deepEqual(await readdir(folder), ['group.json']);
  await store.close();
});

test('callers make only so much', async (t) => {
  const limits = {
    groupsMax: 4,
    groupsOfNamespaceMax: 3,
    streamsMax: 4,
    streamsOfNamespaceMax: 3,
    settingsCharactersMax: 100,
  };
  const { store } = openStore(await directoryFor(t), { limits });
  const create = (group: string, region = 'us-east-1', tags = {}) =>
    store.createGroup({ ...GROUP, group, region }, settings({ tags }));
  assert.deepEqual([await create('a'), await create('b'), await create('c')], ['created', 'created', 'created']);
  assert.equal(await create('d'), 'full');
  assert.deepEqual([await create('a', 'eu-west-1'), await create('b', 'eu-west-1')], ['created', 'full']);
  assert.equal(await store.deleteGroup({ ...GROUP, group: 'c' }), 'deleted');
  assert.equal(await create('c', 'us-east-1', { k: 'v'.repeat(100) }), 'full');
  assert.equal(await create('c', 'us-east-1', { k: 'v'.repeat(50) }), 'created');
  const tag = (group: string, length: number) =>
    store.changeGroup({ ...GROUP, group }, (now) => ({ ...now, tags: { k: 'v'.repeat(length) } }));
  assert.equal(await tag('a', 49), 'full');
  assert.equal(await tag('a', 48), 'changed');
  assert.equal(await tag('c', 40), 'changed');

  const stream = (name: string, region = 'us-east-1') =>
    store.createStream({ ...GROUP, group: 'a', region, stream: name });
  assert.deepEqual([await stream('1'), await stream('2'), await stream('3')], ['created', 'created', 'created']);
  assert.equal(await stream('4'), 'full');
  assert.deepEqual([await stream('1', 'eu-west-1'), await stream('2', 'eu-west-1')], ['created', 'full']);
  assert.equal(await store.deleteStream({ ...GROUP, group: 'a', stream: '3' }), 'deleted');
  assert.equal(await stream('4'), 'created');
  // Functions go on.
  store.append({ ...GROUP, group: 'begun', stream: 's' }, [{ timestamp: NOW_MS, message: 'm' }]);
  assert.deepEqual(await messages(store, { ...GROUP, group: 'begun' }), ['m']);
  await store.close();
});

test('want of room costs a stream that was made its events, and not itself', async (t) => {
  const directory = await directoryFor(t);
  const { store, clock } = openStore(directory, { totalBytesMax: 64 * 1024 });
  const kept = () => store.streams(GROUP).then((streams) => streams?.map(({ stream }) => stream).sort());
  await store.createGroup(GROUP, settings({}));
  await store.createStream(STREAM);
  await store.put(STREAM, [{ timestamp: NOW_MS, message: 'x'.repeat(40_000) }]);
  store.append({ ...GROUP, stream: 'begun' }, [{ timestamp: NOW_MS, message: 'y'.repeat(10_000) }]);
  await store.flush();
  clock.advance(120_000);
  await store.createStream({ ...GROUP, stream: 'next' });
  await store.put({ ...GROUP, stream: 'next' }, [{ timestamp: clock.now(), message: 'z'.repeat(60_000) }]);
  assert.deepEqual(
    (await messages(store))?.map((message) => message.charAt(0)),
    ['z'],
  );
  assert.deepEqual(await kept(), ['next', 's']);
  await store.close();
  const again = openStore(directory).store;
  assert.deepEqual((await again.streams(GROUP))?.map(({ stream }) => stream).sort(), ['next', 's']);
  // It can be written on.
  assert.equal(await again.put(STREAM, [{ timestamp: NOW_MS, message: 'w' }]), 'kept');
});

test('what the disk refuses is not acknowledged, and not there', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, GROUP.account), 'a file where the directory should be');
  const { store, troubles } = openStore(directory);
  await assert.rejects(store.createGroup(GROUP, settings({})), LogStoreUnavailable);
  assert.equal(await store.group(GROUP), undefined);
  assert.match(troubles[0] ?? '', /^A log was not changed: /);
  await rm(join(directory, GROUP.account));
  assert.equal(await store.createGroup(GROUP, settings({})), 'created');
  await store.createStream(STREAM);
  await rm(join(directory, GROUP.account), { recursive: true });
  await writeFile(join(directory, GROUP.account), 'again');
  await assert.rejects(store.put(STREAM, [{ timestamp: NOW_MS, message: 'm' }]), LogStoreUnavailable);
  assert.deepEqual(await messages(store), []);
  await rm(join(directory, GROUP.account));
  // The next attempt makes the directory again.
  assert.equal(await store.put(STREAM, [{ timestamp: NOW_MS, message: 'm' }]), 'kept');
  assert.deepEqual(await messages(store), ['m']);
  await store.close();
});
