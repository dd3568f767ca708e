import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { recordSteps as schemaSteps } from '../../src/databases/sqlite/schema.ts';
import { WAITING_MAX } from '../../src/databases/sqlite/worker-link.ts';
import { cachedMetadata } from '../../src/store/cached-metadata.ts';
import { metadataContract } from './metadata.ts';

async function makeHome() {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-metadata-'));
  const path = join(dir, 'metadata.db');
  return { path, open: () => openSqliteMetadata({ path }), remove: () => rm(dir, { recursive: true }) };
}

metadataContract('sqlite', makeHome);

metadataContract('sqlite behind the cache', async () => {
  const home = await makeHome();
  return { ...home, open: async () => cachedMetadata(await home.open(), 8) };
});

const KEY = { account: '123456789012', region: 'eu-central-1', kind: 'function', id: 'one' } as const;

describe('metadata store: sqlite alone', { timeout: 20_000 }, () => {
  it('syncs each commit to a write-ahead log and marks the schema', async () => {
    const home = await makeHome();
    const store = await home.open();
    await store.commit([{ type: 'put', key: KEY, body: 1 }]);
    await store.close();
    const database = new DatabaseSync(home.path);
    assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
    assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], schemaSteps.length);
    database.close();
    await home.remove();
  });

  it('refuses a schema newer than it knows, in one line, and leaves it alone', async () => {
    const home = await makeHome();
    await (await home.open()).close();
    const database = new DatabaseSync(home.path);
    database.exec(`PRAGMA user_version = ${schemaSteps.length + 1}`);
    await assert.rejects(home.open(), /locked/, 'while somebody else has it open');
    database.close();
    await assert.rejects(
      home.open(),
      /^Error: metadata store \S+: its schema is version \d+, newer than the \d+ [^\n]*$/,
    );
    const again = new DatabaseSync(home.path);
    assert.equal(again.prepare('PRAGMA user_version').get()?.['user_version'], schemaSteps.length + 1);
    again.close();
    await home.remove();
  });

  it('refuses a file that is no database, in one line', async () => {
    const home = await makeHome();
    await writeFile(home.path, 'not a database at all, but long enough to be looked at\n'.repeat(100));
    await assert.rejects(home.open(), /^Error: metadata store \S+: file is not a database$/);
    await home.remove();
  });

  it('rejects what waits and what comes when its thread dies', async () => {
    const home = await makeHome();
    let worker: Worker | undefined;
    const store = await openSqliteMetadata({
      path: home.path,
      startWorker(settings) {
        const url = new URL('../../src/databases/sqlite/worker.ts', import.meta.url);
        worker = new Worker(url, { workerData: settings });
        return worker;
      },
    });
    void worker?.terminate();
    const waiting = Array.from({ length: 10 }, (_, body) => store.commit([{ type: 'put', key: KEY, body }]));
    for (const asked of waiting) await assert.rejects(asked, /the thread of the metadata store .* ended/);
    await assert.rejects(store.get(KEY), /the thread of the metadata store .* ended/);
    await store.close();
    const again = await home.open();
    await again.commit([{ type: 'put', key: KEY, body: 1 }]);
    await again.close();
    await home.remove();
  });

  it('refuses one request more than may wait, and works on', async () => {
    const home = await makeHome();
    const store = await home.open();
    const asked = Array.from({ length: WAITING_MAX + 1 }, () => store.get(KEY));
    const settled = await Promise.allSettled(asked);
    assert.equal(settled.filter(({ status }) => status === 'rejected').length, 1);
    assert.equal(settled.at(-1)?.status, 'rejected');
    assert.equal(await store.get(KEY), undefined);
    await store.close();
    await home.remove();
  });
});
