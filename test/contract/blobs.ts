import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { BlobStore } from '../../src/store/blobs.ts';

/** One place for blobs, empty at first, that can be opened again. */
export interface BlobHome {
  open(clock: FakeClock): Promise<BlobStore>;
  remove(): Promise<void>;
}

type Test = (store: BlobStore, home: BlobHome, clock: FakeClock) => Promise<void>;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function listed(store: BlobStore): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const { sha256: digest, storedAt } of store.list()) found.set(digest, storedAt);
  return found;
}

/** Every adapter of the blob port passes this suite. */
export function blobsContract(name: string, makeHome: () => Promise<BlobHome>): void {
  describe(`blob store: ${name}`, () => {
    for (const [title, test] of Object.entries(tests))
      it(title, { timeout: 20_000 }, async () => {
        const home = await makeHome();
        const clock = new FakeClock();
        try {
          await test(await home.open(clock), home, clock);
        } finally {
          await home.remove();
        }
      });
  });
}

const tests: Record<string, Test> = {
  async 'a blob comes back by its digest'(store) {
    for (const bytes of [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(3_500_000, 'code')]) {
      const ref = await store.put(bytes);
      assert.deepEqual(ref, { sha256: sha256(bytes), sizeBytes: bytes.length });
      assert.ok(await store.has(ref.sha256));
      assert.ok(bytes.equals((await store.get(ref.sha256)) as Uint8Array));
    }
  },

  async 'a part of a larger buffer is stored as that part'(store) {
    const whole = new Uint8Array(Buffer.from('before|within|after'));
    const { sha256: digest } = await store.put(whole.subarray(7, 13));
    assert.equal(digest, sha256(Buffer.from('within')));
    assert.equal(Buffer.from((await store.get(digest)) as Uint8Array).toString(), 'within');
  },

  async 'what was never put, or is deleted, is not there'(store) {
    const digest = sha256(Buffer.from('a'));
    assert.equal(await store.get(digest), undefined);
    assert.equal(await store.has(digest), false);
    await store.delete(digest);
    await store.put(Buffer.from('a'));
    await store.delete(digest);
    assert.equal(await store.get(digest), undefined);
    assert.equal(await store.has(digest), false);
    assert.equal((await listed(store)).size, 0);
  },

  async 'the same bytes put many times at once are one blob'(store) {
    const bytes = Buffer.alloc(100_000, 'same');
    const refs = await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
    assert.equal(new Set(refs.map((ref) => ref.sha256)).size, 1);
    assert.deepEqual([...(await listed(store)).keys()], [sha256(bytes)]);
    assert.ok(bytes.equals((await store.get(sha256(bytes))) as Uint8Array));
  },

  async 'the list has every blob with the time it was last put'(store, home, clock) {
    const first = clock.now();
    const refs = await Promise.all(Array.from({ length: 30 }, (_, index) => store.put(Buffer.from(`blob ${index}`))));
    clock.advance(60_000);
    await store.put(Buffer.from('blob 7'));
    const again = await home.open(clock);
    const times = await listed(again);
    assert.deepEqual([...times.keys()].sort(), refs.map((ref) => ref.sha256).sort());
    for (const [digest, storedAt] of times)
      assert.equal(storedAt, digest === refs[7]?.sha256 ? first + 60_000 : first, digest);
  },

  async 'a name that is no digest is refused'(store) {
    for (const name of ['', '..', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(62)}/.`]) {
      await assert.rejects(store.get(name), /no SHA-256/);
      await assert.rejects(store.has(name), /no SHA-256/);
      await assert.rejects(store.delete(name), /no SHA-256/);
    }
  },
};
