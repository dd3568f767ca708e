import { createHash } from 'node:crypto';
import type { BlobStore } from '../../src/store/blobs.ts';

/** A blob store for unit tests, on the clock that the test moves. */
export function memoryBlobs(now: () => number): BlobStore {
  const blobs = new Map<string, { readonly bytes: Uint8Array; readonly storedAt: number }>();
  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (!blobs.has(sha256)) blobs.set(sha256, { bytes: Uint8Array.from(bytes), storedAt: now() });
      return { sha256, sizeBytes: bytes.byteLength };
    },
    get: async (sha256) => blobs.get(sha256)?.bytes,
    has: async (sha256) => blobs.has(sha256),
    async delete(sha256) {
      blobs.delete(sha256);
    },
    async *list() {
      for (const [sha256, { storedAt }] of [...blobs]) yield { sha256, storedAt };
    },
  };
}
