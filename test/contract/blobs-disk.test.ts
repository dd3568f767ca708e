import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDiskBlobs } from '../../src/databases/disk/blobs.ts';
import { blobsContract, listed, sha256 } from './blobs.ts';

const KEY = Buffer.alloc(32, 7);

blobsContract('disk', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-blobs-'));
  return { open: (clock) => openDiskBlobs(dir, clock), remove: () => rm(dir, { recursive: true }) };
});

blobsContract('disk, encrypted', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-blobs-'));
  return { open: (clock) => openDiskBlobs(dir, clock, KEY), remove: () => rm(dir, { recursive: true }) };
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

  it('leaves nothing readable on disk when it has a key, and opens nothing with another', () =>
    withBlobs(async (dir, path) => {
      await (await openDiskBlobs(dir, undefined, KEY)).put(bytes);
      assert.equal((await readFile(path)).includes('package'), false);
      const { get } = await openDiskBlobs(dir, undefined, KEY);
      assert.ok(bytes.equals((await get(digest)) as Uint8Array));
      assert.equal(await (await openDiskBlobs(dir, undefined, Buffer.alloc(32, 8))).get(digest), undefined);
      assert.equal(await (await openDiskBlobs(dir)).get(digest), undefined);
    }));

  it('reads plain blobs of a time without a key, and encrypts them with the next put', () =>
    withBlobs(async (dir, path) => {
      await (await openDiskBlobs(dir)).put(bytes);
      const store = await openDiskBlobs(dir, undefined, KEY);
      assert.ok(bytes.equals((await store.get(digest)) as Uint8Array));
      await store.put(bytes);
      assert.equal((await readFile(path)).includes('package'), false);
      assert.ok(bytes.equals((await store.get(digest)) as Uint8Array));
    }));

  it('counts encrypted bytes that were changed, cut off or put under another name as none', () =>
    withBlobs(async (dir, path) => {
      const store = await openDiskBlobs(dir, undefined, KEY);
      const large = Buffer.alloc(3_000_000, 'large');
      const { sha256: largeDigest } = await store.put(large);
      const largePath = join(dir, largeDigest.slice(0, 2), largeDigest);
      assert.ok(large.equals((await store.get(largeDigest)) as Uint8Array));
      const sealed = await readFile(largePath);
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(2_000_000) ^ 1, 2_000_000);
      for (const spoilt of [flipped, sealed.subarray(0, 32 + 1_048_592), sealed.subarray(0, 40), Buffer.alloc(0)]) {
        await writeFile(largePath, spoilt);
        assert.equal(await store.get(largeDigest), undefined);
      }
      await store.put(bytes);
      await writeFile(path, sealed);
      assert.equal(await store.get(digest), undefined);
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
