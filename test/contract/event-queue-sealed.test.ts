import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { randomIds } from '../../src/base/ids.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { sealedQueue } from '../../src/databases/sealed-queue.ts';
import { SmallSeals } from '../../src/databases/small-seals.ts';
import { openSqliteQueue } from '../../src/databases/sqlite/event-queue.ts';
import type { EventQueue, NewItem } from '../../src/store/event-queue.ts';
import { eventQueueContract } from './event-queue.ts';

const KEY = Buffer.alloc(32, 7);
const NOW = 1_700_000_000_000;
const OWNER = { account: '123456789012', region: 'eu-central-1', functionName: 'f' };
const SECRET = 'nobody else is to read this ';

async function makeHome() {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-sealed-'));
  const path = join(dir, 'events.db');
  const folder = join(dir, 'events');
  const openPlain = async () => openSqliteQueue({ path, payloads: await openEventPayloads(folder, randomIds) });
  const open = async (key = KEY) => sealedQueue(await openPlain(), key);
  return { dir, path, folder, open, openPlain, remove: () => rm(dir, { recursive: true }) };
}

eventQueueContract('sqlite, sealed', async () => {
  const { open, remove } = await makeHome();
  return { open: () => open(), remove };
});

function item(payload: string, more: Partial<NewItem> = {}): NewItem {
  return { ...OWNER, lane: 'event', bornMs: NOW, dueMs: NOW, detail: {}, payload: Buffer.from(payload), ...more };
}

async function texts(queue: EventQueue): Promise<(string | undefined)[]> {
  const { items } = await queue.due('event', OWNER, NOW, 100, new Set());
  const payloads = await Promise.all(items.map((one) => queue.payload(one)));
  return payloads.map((payload) => payload && Buffer.from(payload).toString());
}

describe('event queue: sealed', { timeout: 60_000 }, () => {
  it('keeps nothing in clear, of small and of large payloads and of what follows', async () => {
    const home = await makeHome();
    const queue = await home.open();
    const all = [1, 100, 5000, 100_000].map((count) => SECRET.repeat(count));
    for (const payload of all) await queue.accept(item(payload));
    const { items } = await queue.due('event', OWNER, NOW, 1, new Set());
    await queue.end(items[0] as (typeof items)[0], [item(SECRET, { lane: 'delivery' })]);
    const files = readdirSync(home.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.length >= 4, 'the database, its log, two payloads');
    for (const { name, parentPath } of files)
      assert.ok(!readFileSync(join(parentPath, name)).includes(SECRET.slice(0, 12)), name);
    await queue.close();
    // Another process draws another salt.
    const again = await home.open();
    await again.accept(item('one more'));
    assert.deepEqual(await texts(again), [...all.slice(1), 'one more']);
    await again.close();
    await home.remove();
  });

  it('gives what was accepted before payloads were sealed', async () => {
    const home = await makeHome();
    const plain = await home.openPlain();
    const all = ['{"old":true}', JSON.stringify('x'.repeat(100_000))];
    for (const payload of all) await plain.accept(item(payload));
    await plain.close();
    const queue = await home.open();
    assert.deepEqual(await texts(queue), all);
    await queue.close();
    await home.remove();
  });

  it('gives nothing of payloads that the disk has damaged, of files that are torn, and under another key', async () => {
    const home = await makeHome();
    const queue = await home.open();
    for (const payload of ['small', 'y'.repeat(100_000), 'z'.repeat(200_000)]) await queue.accept(item(payload));
    await queue.close();
    const other = await home.open(Buffer.alloc(32, 8));
    assert.deepEqual(await texts(other), [undefined, undefined, undefined]);
    await other.close();
    const database = new DatabaseSync(home.path);
    const row = database.prepare('SELECT id, payload FROM item WHERE file IS NULL').get();
    const damaged = Buffer.from(row?.['payload'] as Uint8Array);
    damaged[44] = (damaged[44] as number) ^ 1;
    database.prepare('UPDATE item SET payload = ? WHERE id = ?').run(damaged, Number(row?.['id']));
    const [torn, empty] = database.prepare('SELECT file FROM item WHERE file IS NOT NULL ORDER BY id').all();
    database.close();
    truncateSync(join(home.folder, String(torn?.['file'])), 50_000);
    truncateSync(join(home.folder, String(empty?.['file'])), 0);
    const again = await home.open();
    assert.deepEqual(await texts(again), [undefined, undefined, undefined]);
    await again.close();
    await home.remove();
  });

  it('gives no function the payload of another', async () => {
    const home = await makeHome();
    const queue = await home.open();
    await queue.accept(item('mine'));
    await queue.accept(item('x'.repeat(100_000)));
    await queue.close();
    const database = new DatabaseSync(home.path);
    database.exec("UPDATE item SET function_name = 'g'");
    database.close();
    const again = await home.open();
    const { items } = await again.due('event', { ...OWNER, functionName: 'g' }, NOW, 10, new Set());
    for (const one of items) assert.equal(await again.payload(one), undefined);
    assert.equal(items.length, 2);
    await again.close();
    await home.remove();
  });
});

describe('small seals', () => {
  it('open at every length, in any order, and look like nothing twice', () => {
    const seals = new SmallSeals(KEY, 'test');
    const plain = Array.from({ length: 100 }, (_, length) => Buffer.alloc(length, 'a'));
    const sealed = plain.map((one) => seals.seal('p', one));
    const other = new SmallSeals(KEY, 'test');
    for (const at of [...plain.keys()].reverse())
      for (const opener of [seals, other]) assert.deepEqual(opener.unseal('p', sealed[at] as Buffer), plain[at]);
    const bodies = sealed.slice(30).map((one) => one.subarray(40, 70).toString('hex'));
    assert.equal(new Set(bodies).size, bodies.length);
    assert.equal(other.unseal('q', sealed[50] as Buffer), undefined);
    assert.equal(new SmallSeals(KEY, 'another').unseal('p', sealed[50] as Buffer), undefined);
  });

  it('notice each changed bit', () => {
    const seals = new SmallSeals(KEY, 'test');
    const sealed = seals.seal('p', Buffer.from('to be kept as it is'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(seals.unseal('p', changed), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < sealed.length; length++)
      assert.equal(seals.unseal('p', sealed.subarray(0, length)), undefined, `${length} bytes`);
  });
});
