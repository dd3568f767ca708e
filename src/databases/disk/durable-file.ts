import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDiskFull } from '../../base/disk-full.ts';
import { makeFolder, syncFolder } from '../../base/durable-folder.ts';
import { StoreFull } from '../../store/metadata.ts';

let lastNumber = 0;

/**
 * Writes a file so that it is there whole or not at all, whenever the machine stops: into a new name in `partialDir`
 * (same file system; emptied by `removePartial` at the next start), synced, renamed, directory synced. Throws
 * StoreFull without room and leaves nothing behind then.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
  partialDir: string,
  mode = 0o600,
): Promise<void> {
  const partial = join(partialDir, `${process.pid}-${++lastNumber}-${basename(path)}`);
  try {
    const handle = await open(partial, 'wx', mode);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw fullOr(error, path);
  }
}

/** Creates the folder of half-written files, or empties it: what a stopped process left there is of no use. */
export async function removePartial(partialDir: string): Promise<void> {
  await makeFolder(partialDir);
  for (const name of await readdir(partialDir)) await rm(join(partialDir, name), { force: true, recursive: true });
}

/** The error as it is, or as StoreFull when it says that there is no room. */
export function fullOr(error: unknown, path: string): unknown {
  return isDiskFull(error) ? new StoreFull(`no room to write ${path}: ${(error as Error).message}`) : error;
}
