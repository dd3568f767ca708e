import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../../base/clock.ts';
import { makeFolder, syncFolder } from '../../base/durable-folder.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { isSealed, seal, unseal } from '../../base/sealed-chunks.ts';
import type { BlobRef, BlobStore } from '../../store/blobs.ts';
import { fullOr, removePartial, writeDurably } from './durable-file.ts';

/** Hashed in one go between two turns of the event loop: about a millisecond of work. */
const SLICE_BYTES = 1_048_576;

const SHA256 = /^[0-9a-f]{64}$/;
const FOLDER = /^[0-9a-f]{2}$/;
const PARTIAL = 'partial';

/**
 * Opens the blob store in `dir` (created if need be), which nobody else may have open: `<dir>/ab/<sha256>`, one file a
 * blob. Half-written files of a process that was stopped are removed.
 *
 * With `key`, 32 bytes, blobs are encrypted on disk; their names stay the digests of what was put. Plain files of a
 * time without a key are read as they are, and encrypted when they are put again.
 *
 * The time a blob was stored is the time it was last put, also when it was there already: a collector that spares
 * young blobs spares those that somebody is about to refer to again.
 */
export async function openDiskBlobs(
  dir: string,
  clock: Clock = systemClock,
  key?: Uint8Array | undefined,
): Promise<BlobStore> {
  const partialDir = join(dir, PARTIAL);
  await removePartial(partialDir).catch((error) => {
    throw fullOr(error, partialDir);
  });
  const oneAtATime = new KeyedMutex();
  const prepareFolder = folderMaker(dir);
  return {
    async put(bytes) {
      const sha256 = await digestOf(bytes);
      await oneAtATime.run(sha256, async () => {
        await prepareFolder(sha256);
        const path = pathOf(dir, sha256);
        const stored = await readStored(path, sha256, key);
        if (stored && (stored.sealed || key === undefined)) await syncFolder(folderOf(dir, sha256));
        else await writeDurably(path, key === undefined ? bytes : seal(key, purposeOf(sha256), bytes), partialDir);
        const storedAtS = clock.now() / 1000;
        await utimes(path, storedAtS, storedAtS);
      });
      return { sha256, sizeBytes: bytes.byteLength } satisfies BlobRef;
    },
    async get(sha256) {
      return (await readStored(pathOf(dir, sha256), sha256, key))?.bytes;
    },
    async has(sha256) {
      return (await unlessAbsent(stat(pathOf(dir, sha256)))) !== undefined;
    },
    async delete(sha256) {
      const path = pathOf(dir, sha256);
      await oneAtATime.run(sha256, () => rm(path, { force: true }));
    },
    list: () => listBlobs(dir),
  };
}

/** Refuses what is no digest: a name from outside must not become a path. */
function pathOf(dir: string, sha256: string): string {
  if (!SHA256.test(sha256)) throw new Error(`${JSON.stringify(sha256)} is no SHA-256 digest`);
  return join(folderOf(dir, sha256), sha256);
}

function folderOf(dir: string, sha256: string): string {
  return join(dir, sha256.slice(0, 2));
}

/** Each of the 256 folders is made, and its name synced, once per process before the first blob goes in. */
function folderMaker(dir: string): (sha256: string) => Promise<void> {
  const ready = new Map<string, Promise<void>>();
  return async (sha256) => {
    const folder = folderOf(dir, sha256);
    const making = ready.get(folder) ?? makeSynced(dir, folder);
    ready.set(folder, making);
    try {
      await making;
    } catch (error) {
      ready.delete(folder);
      throw fullOr(error, folder);
    }
  };
}

/** Syncs also a folder that was there: the process that made it may have been stopped before it could. */
async function makeSynced(dir: string, folder: string): Promise<void> {
  await makeFolder(folder);
  await syncFolder(dir);
}

async function* listBlobs(dir: string): AsyncIterable<{ sha256: string; storedAt: number }> {
  for (const folder of (await readdir(dir)).filter((name) => FOLDER.test(name)).sort())
    for (const sha256 of (await readdir(join(dir, folder))).sort()) {
      if (!SHA256.test(sha256) || !sha256.startsWith(folder)) continue;
      const found = await unlessAbsent(stat(join(dir, folder, sha256)));
      if (found) yield { sha256, storedAt: Math.round(found.mtimeMs) };
    }
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.byteLength; start += SLICE_BYTES) {
    if (start > 0) await nextTurn();
    hash.update(bytes.subarray(start, start + SLICE_BYTES));
  }
  return hash.digest('hex');
}

/** A blob's cipher text is of no use under another blob's name. */
function purposeOf(sha256: string): string {
  return `lambdad blob ${sha256}`;
}

interface StoredBlob {
  readonly bytes: Uint8Array;
  readonly sealed: boolean;
}

/** Undefined when there is none, or when its bytes do not fit its digest. */
async function readStored(path: string, sha256: string, key: Uint8Array | undefined): Promise<StoredBlob | undefined> {
  const bytes = await withFile(path, undefined, readSlices);
  if (bytes === undefined) return undefined;
  const plain = key !== undefined && isSealed(bytes) ? await unseal(key, purposeOf(sha256), bytes) : undefined;
  if (plain !== undefined && (await digestOf(plain)) === sha256) return { bytes: plain, sealed: true };
  return (await digestOf(bytes)) === sha256 ? { bytes, sealed: false } : undefined;
}

async function readSlices(handle: FileHandle): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafeSlow((await handle.stat()).size);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(SLICE_BYTES, bytes.length - at), at);
    if (bytesRead === 0) return undefined;
    at += bytesRead;
  }
  return bytes;
}

async function withFile<T>(path: string, absent: T, action: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await unlessAbsent(open(path, 'r'));
  if (handle === undefined) return absent;
  try {
    return await action(handle);
  } finally {
    await handle.close();
  }
}

async function unlessAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
