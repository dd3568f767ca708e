import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../base/durable-folder.ts';

/** Work that nobody has touched for so long was left by a process that was killed. No fetch takes so long. */
const ABANDONED_MS = 3_600_000;
const WORK_ENDING = '.part';

const running = new Map<string, Promise<void>>();

/**
 * Makes the folder `place` by `fill`, once: there it is whole or not at all, whoever is killed when. Several processes
 * may try at once; the first to finish wins and the others take its folder. Rejects with what `fill` throws.
 */
export async function cachedFolder(place: string, fill: (work: string) => Promise<void>): Promise<void> {
  if (existsSync(place)) return;
  let making = running.get(place);
  if (!making) {
    making = make(place, fill).finally(() => running.delete(place));
    running.set(place, making);
  }
  await making;
}

async function make(place: string, fill: (work: string) => Promise<void>): Promise<void> {
  const parent = dirname(place);
  await makeFolder(parent);
  await removeAbandoned(parent);
  const work = join(parent, `${basename(place)}.${randomUUID()}${WORK_ENDING}`);
  try {
    await makeFolder(work);
    await fill(work);
    await openToReaders(work);
    await rename(work, place).catch((error: unknown) => {
      // Another process has made it meanwhile: then its folder stays.
      if (!existsSync(place)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  const oldest = Date.now() - ABANDONED_MS;
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (!name.endsWith(WORK_ENDING)) continue;
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < oldest) await rm(path, { recursive: true, force: true });
  }
}

/** Sandboxes have users of their own: what they share is readable for everybody, whatever the umask was. */
async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToReaders(path);
    else if (entry.isFile()) {
      const { mode } = await stat(path);
      const wanted = mode | (mode & 0o100 ? 0o555 : 0o444);
      if (wanted !== mode) await chmod(path, wanted);
    }
  }
}
