import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDiskBlobs } from '../../src/databases/disk/blobs.ts';
import { blobsContract, listed, sha256 } from './blobs.ts';

blobsContract('disk', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-blobs-'));
  return { open: (clock) => openDiskBlobs(dir, clock), remove: () => rm(dir, { recursive: true }) };
});

describe('blob store: disk alone', { timeout: 20_000 }, () => {
  const bytes = Buffer.alloc(10_000, 'package');
  const digest = sha256(bytes);

  async function withBlobs(test: (dir: string, path: string) => Promise<void>): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'lambdad-blobs-'));
    try {
      await test(dir, join(dir, digest.slice(0, 2), digest));
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  it('keeps a blob in a file of its own that only the owner reads', () =>
    withBlobs(async (dir, path) => {
      await (await openDiskBlobs(dir)).put(bytes);
      const { mode, size } = await stat(path);
      assert.equal(mode & 0o777, 0o600);
      assert.equal(size, bytes.length);
      assert.deepEqual(await readdir(join(dir, 'partial')), []);
    }));

  it('counts bytes that do not fit their digest as none, and mends them with the next put', () =>
    withBlobs(async (dir, path) => {
      const store = await openDiskBlobs(dir);
      await store.put(bytes);
      for (const spoil of [() => truncate(path, 100), () => writeFile(path, Buffer.alloc(10_000, 'x'))]) {
        await spoil();
        assert.equal(await store.get(digest), undefined);
        await store.put(bytes);
        assert.ok(bytes.equals((await store.get(digest)) as Uint8Array));
      }
    }));

  it('removes at opening what a stopped process left half-written, and lists no strangers', () =>
    withBlobs(async (dir) => {
      await mkdir(join(dir, 'partial', 'deep'), { recursive: true });
      await writeFile(join(dir, 'partial', `1-1-${digest}`), 'half');
      await mkdir(join(dir, 'ab'));
      await writeFile(join(dir, 'ab', digest), 'in the wrong folder');
      await writeFile(join(dir, 'ab', 'note.txt'), 'a stranger');
      const store = await openDiskBlobs(dir);
      assert.deepEqual(await readdir(join(dir, 'partial')), []);
      assert.equal((await listed(store)).size, 0);
    }));
});
