import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { randomIds } from '../../src/base/ids.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { openSqliteQueue, ROW_PAYLOAD_BYTES_MAX } from '../../src/databases/sqlite/event-queue.ts';
import { queueSteps } from '../../src/databases/sqlite/queue-table.ts';
import type { NewItem } from '../../src/store/event-queue.ts';
import { eventQueueContract } from './event-queue.ts';

const NOW = 1_700_000_000_000;
const OWNER = { account: '123456789012', region: 'eu-central-1', functionName: 'f' };

async function makeHome() {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-queue-'));
  const path = join(dir, 'events.db');
  const folder = join(dir, 'events');
  const open = async () => openSqliteQueue({ path, payloads: await openEventPayloads(folder, randomIds) });
  return { path, folder, open, remove: () => rm(dir, { recursive: true }) };
}

eventQueueContract('sqlite', makeHome);

function item(payload: Uint8Array): NewItem {
  return { ...OWNER, lane: 'event', bornMs: NOW, dueMs: NOW, detail: {}, payload };
}

const files = (folder: string) => readdirSync(folder).filter((name) => name !== 'partial');

describe('event queue: sqlite alone', { timeout: 60_000 }, () => {
  it('syncs to a write-ahead log, marks its schema, and refuses a newer one', async () => {
    const home = await makeHome();
    const queue = await home.open();
    await queue.accept(item(Buffer.from('1')));
    await queue.close();
    assert.equal((await stat(home.path)).mode & 0o777, 0o600);
    const database = new DatabaseSync(home.path);
    assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
    assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], queueSteps.length);
    database.exec(`PRAGMA user_version = ${queueSteps.length + 1}`);
    database.close();
    await assert.rejects(home.open(), /^Error: event queue \S+: its schema is version \d+, newer than the \d+ [^\n]*$/);
    await home.remove();
  });

  it('keeps large payloads in files that go with their item, and removes those without one at start', async () => {
    const home = await makeHome();
    const queue = await home.open();
    await queue.accept(item(Buffer.alloc(ROW_PAYLOAD_BYTES_MAX)));
    assert.deepEqual(files(home.folder), []);
    await queue.accept(item(Buffer.alloc(ROW_PAYLOAD_BYTES_MAX + 1)));
    const [name = ''] = files(home.folder);
    const lost = '00000000-0000-4000-8000-000000000000';
    writeFileSync(join(home.folder, lost), 'never accepted');
    writeFileSync(join(home.folder, 'partial', 'half'), 'half');
    await queue.close();
    const again = await home.open();
    assert.deepEqual(files(home.folder), [name]);
    assert.deepEqual(readdirSync(join(home.folder, 'partial')), []);
    const { items } = await again.due('event', OWNER, NOW, 10, new Set());
    for (const one of items) await again.end(one, []);
    await again.close();
    assert.deepEqual(files(home.folder), []);
    await home.remove();
  });

  it('goes on when the disk has lost a payload', async () => {
    const home = await makeHome();
    const queue = await home.open();
    await queue.accept(item(Buffer.alloc(ROW_PAYLOAD_BYTES_MAX + 1)));
    await rm(join(home.folder, files(home.folder)[0] as string));
    const { items } = await queue.due('event', OWNER, NOW, 10, new Set());
    assert.equal(await queue.payload(items[0] as (typeof items)[0]), undefined);
    await queue.close();
    await home.remove();
  });

  it('opens after the end of its log was torn off, with all that was synced before', async () => {
    const home = await makeHome();
    // A copy of the files while they are in use is what a machine finds that lost its power.
    const queue = await home.open();
    for (let at = 0; at < 20; at++) await queue.accept(item(Buffer.from(`${at}`)));
    const torn = `${home.path}.torn`;
    for (const end of ['', '-wal']) copyFileSync(`${home.path}${end}`, `${torn}${end}`);
    await queue.close();
    truncateSync(`${torn}-wal`, (await stat(`${torn}-wal`)).size - 100);
    const payloads = await openEventPayloads(home.folder, randomIds);
    const again = await openSqliteQueue({ path: torn, payloads });
    const { items } = await again.due('event', OWNER, NOW, 100, new Set());
    assert.equal(items.length, 19);
    await again.accept(item(Buffer.from('20')));
    await again.close();
    await home.remove();
  });
});
