/**
 * The child of full-disk.test.ts, run where a small file system is mounted: `full-disk-writer.ts SCENARIO DIR`.
 * Fails by its exit code; the assertion is on stderr.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomIds } from '../../src/base/ids.ts';
import { openDiskBlobs } from '../../src/databases/disk/blobs.ts';
import { DataFolderError, openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { openSqliteQueue } from '../../src/databases/sqlite/event-queue.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { DUE_LIMIT_MAX, type EventQueue, type WaitingItem } from '../../src/store/event-queue.ts';
import { type Change, type MetadataStore, type RecordKey, StoreFull } from '../../src/store/metadata.ts';
import { listed } from './blobs.ts';

/** More than fit; a loop that goes on beyond them is a failure. */
const RECORDS_MAX = 2000;

const SPARE_BYTES = 1_048_576;

const text = 'x'.repeat(20_000);

function key(id: string): RecordKey {
  return { account: '123456789012', region: 'eu-central-1', kind: 'function', id };
}

function put(id: string): Change {
  return { type: 'put', key: key(id), body: { id, text } };
}

/** Commits pairs of records until there is no room, and returns how many pairs were acknowledged. */
async function fill(store: MetadataStore, prefix: string): Promise<number> {
  for (let n = 0; n < RECORDS_MAX; n++) {
    try {
      await store.commit([put(`${prefix}left-${n}`), put(`${prefix}right-${n}`)]);
    } catch (error) {
      assert.ok(error instanceof StoreFull, String(error));
      return n;
    }
  }
  throw new Error('the disk never filled');
}

async function checkPairs(store: MetadataStore, prefix: string, pairs: number): Promise<void> {
  for (let n = 0; n <= pairs; n++)
    for (const id of [`${prefix}left-${n}`, `${prefix}right-${n}`])
      assert.equal((await store.get(key(id))) !== undefined, n < pairs, id);
}

/** Takes all the room there is, and gives back the function that frees it. */
async function takeRoom(dir: string): Promise<() => Promise<void>> {
  const filler = join(dir, 'filler');
  await writeFile(filler, Buffer.alloc(64 * 1_048_576)).then(
    () => assert.fail('the file system is too large'),
    (error: NodeJS.ErrnoException) => assert.equal(error.code, 'ENOSPC'),
  );
  return () => rm(filler);
}

const OWNER = { account: '123456789012', region: 'eu-central-1', functionName: 'f' };

/** Accepts events, every other one too large for a row, until there is no room; returns how many were accepted. */
async function fillQueue(queue: EventQueue): Promise<number> {
  for (let n = 0; n < RECORDS_MAX; n++) {
    const payload = Buffer.alloc(n % 2 === 0 ? 20_000 : 40_000, 'x');
    try {
      await queue.accept({ ...OWNER, lane: 'event', bornMs: 0, dueMs: 0, detail: {}, payload });
    } catch (error) {
      assert.ok(error instanceof StoreFull, String(error));
      return n;
    }
  }
  throw new Error('the disk never filled');
}

async function waiting(queue: EventQueue): Promise<readonly WaitingItem[]> {
  return (await queue.due('event', OWNER, 0, DUE_LIMIT_MAX, new Set())).items;
}

const scenarios: Record<string, (dir: string) => Promise<void>> = {
  async metadata(dir) {
    const path = join(dir, 'metadata.db');
    const store = await openSqliteMetadata({ path });
    const spare = join(dir, 'spare');
    await writeFile(spare, Buffer.alloc(SPARE_BYTES));
    const pairs = await fill(store, 'a');
    assert.ok(pairs > 10, `only ${pairs} pairs fit`);
    await checkPairs(store, 'a', pairs);
    assert.equal(await fill(store, 'b'), 0, 'still full');

    // Small commits beside one that still cannot fit. Without the spare room the deletions might be refused too: they
    // need some in the log before they give any back.
    await rm(spare);
    const deletions = Array.from({ length: pairs / 2 }, (_, n) => n * 2).map((n) =>
      store.commit([
        { type: 'delete', key: key(`aleft-${n}`) },
        { type: 'delete', key: key(`aright-${n}`) },
      ]),
    );
    const huge = store.commit(Array.from({ length: 900 }, (_, n) => put(`huge-${n}`)));
    await assert.rejects(huge, StoreFull);
    await Promise.all(deletions);
    assert.equal(await store.get(key('huge-0')), undefined);

    assert.ok((await fill(store, 'c')) > 0, 'what was deleted is room again');
    await store.close();
    await checkWhole(path, pairs);
  },

  async 'more room'(dir) {
    const store = await openSqliteMetadata({ path: join(dir, 'metadata.db') });
    const free = await takeRoom(dir);
    const before = await fill(store, 'a');
    await checkPairs(store, 'a', before);
    await free();
    const after = await fill(store, 'b');
    assert.ok(after > 10, `only ${after} pairs fit after room was made`);
    await checkPairs(store, 'a', before);
    await checkPairs(store, 'b', after);
    await store.close();
  },

  async blobs(dir) {
    const store = await openDiskBlobs(join(dir, 'blobs'));
    const small = await store.put(Buffer.from('small'));
    await assert.rejects(store.put(Buffer.alloc(64 * 1_048_576, 'large')), StoreFull);
    assert.deepEqual(await readdir(join(dir, 'blobs', 'partial')), []);
    assert.deepEqual([...(await listed(store)).keys()], [small.sha256]);
    const free = await takeRoom(dir);
    await assert.rejects(store.put(Buffer.alloc(100_000, 'another')), StoreFull);
    assert.equal(Buffer.from((await store.get(small.sha256)) as Uint8Array).toString(), 'small');
    await free();
    const { sha256 } = await store.put(Buffer.alloc(100_000, 'another'));
    assert.ok(await store.get(sha256));
  },

  async events(dir) {
    const folder = join(dir, 'events');
    const open = async () =>
      openSqliteQueue({ path: join(dir, 'events.db'), payloads: await openEventPayloads(folder, randomIds) });
    let queue = await open();
    const spare = join(dir, 'spare');
    await writeFile(spare, Buffer.alloc(SPARE_BYTES));
    const accepted = await fillQueue(queue);
    assert.ok(accepted > 10, `only ${accepted} events fit`);
    assert.equal(await fillQueue(queue), 0, 'still full');
    assert.deepEqual(await readdir(join(folder, 'partial')), []);
    assert.equal((await waiting(queue)).length, accepted);

    await rm(spare);
    for (const item of (await waiting(queue)).slice(0, accepted / 2)) await queue.end(item, []);
    const more = await fillQueue(queue);
    assert.ok(more > 0, 'what has ended is room again');
    await queue.close();
    queue = await open();
    const left = await waiting(queue);
    assert.equal(left.length, accepted - Math.floor(accepted / 2) + more);
    for (const item of left) assert.ok(await queue.payload(item));
    await queue.close();
  },

  async opening(dir) {
    const free = await takeRoom(dir);
    await assert.rejects(openDataFolder(dir, randomIds), (error) => {
      assert.ok(error instanceof StoreFull, String(error));
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
    await assert.rejects(openSqliteMetadata({ path: join(dir, 'metadata.db') }), StoreFull);
    await rm(join(dir, 'metadata.db'), { force: true });
    await free();
    const folder = await openDataFolder(dir, randomIds);
    await (await openSqliteMetadata({ path: folder.paths.database })).close();
    await folder.close();
  },

  async 'read-only'(dir) {
    await assert.rejects(openDataFolder(dir, randomIds), (error) => {
      assert.ok(error instanceof DataFolderError);
      assert.match(error.message, /cannot be used: the file system is read-only$/);
      return true;
    });
    await assert.rejects(mkdir(join(dir, 'probe')), { code: 'EROFS' });
  },
};

async function checkWhole(path: string, pairs: number): Promise<void> {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
  database.close();
  const again = await openSqliteMetadata({ path });
  for (let n = 0; n < pairs; n++)
    assert.equal((await again.get(key(`aright-${n}`))) !== undefined, n % 2 === 1 || n >= pairs - (pairs % 2), `${n}`);
  await again.close();
}

const [, , scenario = '', dir = ''] = process.argv;
const run = scenarios[scenario];
assert.ok(run, `no scenario ${scenario}`);
await run(dir);
