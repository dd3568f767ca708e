import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../../base/clock.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { BlobRef, BlobStore } from '../../store/blobs.ts';
import { fullOr, removePartial, writeDurably } from './durable-file.ts';
import { makeFolder, syncFolder } from './durable-folder.ts';

/** Hashed in one go between two turns of the event loop: about a millisecond of work. */
const SLICE_BYTES = 1_048_576;

const SHA256 = /^[0-9a-f]{64}$/;
const FOLDER = /^[0-9a-f]{2}$/;
const PARTIAL = 'partial';

/**
 * Opens the blob store in `dir` (created if need be), which nobody else may have open: `<dir>/ab/<sha256>`, one plain
 * file a blob. Half-written files of a process that was stopped are removed.
 *
 * The time a blob was stored is the time it was last put, also when it was there already: a collector that spares
 * young blobs spares those that somebody is about to refer to again.
 */
export async function openDiskBlobs(dir: string, clock: Clock = systemClock): Promise<BlobStore> {
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
        if (await isWhole(path, sha256)) await syncFolder(folderOf(dir, sha256));
        else await writeDurably(path, bytes, partialDir);
        const storedAtS = clock.now() / 1000;
        await utimes(path, storedAtS, storedAtS);
      });
      return { sha256, sizeBytes: bytes.byteLength } satisfies BlobRef;
    },
    async get(sha256) {
      return await readWhole(pathOf(dir, sha256), sha256);
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

async function isWhole(path: string, sha256: string): Promise<boolean> {
  return await withFile(path, false, async (handle) => {
    const slice = Buffer.allocUnsafe(SLICE_BYTES);
    const hash = createHash('sha256');
    for (let at = 0; ; ) {
      const { bytesRead } = await handle.read(slice, 0, SLICE_BYTES, at);
      if (bytesRead === 0) return hash.digest('hex') === sha256;
      hash.update(slice.subarray(0, bytesRead));
      at += bytesRead;
    }
  });
}

async function readWhole(path: string, sha256: string): Promise<Uint8Array | undefined> {
  return await withFile(path, undefined, async (handle) => {
    const bytes = Buffer.allocUnsafeSlow((await handle.stat()).size);
    const hash = createHash('sha256');
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(SLICE_BYTES, bytes.length - at), at);
      if (bytesRead === 0) return undefined;
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
    return hash.digest('hex') === sha256 ? bytes : undefined;
  });
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
