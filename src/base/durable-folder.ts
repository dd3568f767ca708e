import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing, each for the owner alone (0700), and leaves those that are there
 * as they are. Throws the system's error; ENOTDIR when there is something else of that name.
 *
 * Node's own recursive mkdir never returns where the parent exists and refuses new folders with ENOENT, as /proc does
 * (seen with Node 24.21).
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await isFolder(path))) return;
    throw error;
  }
  await syncFolder(parent).catch((error: NodeJS.ErrnoException) => {
    // One may be allowed to make folders in a place that one may not read; then its owner has to sync it.
    if (error.code !== 'EACCES') throw error;
  });
}

/** Makes names that were just created, renamed or removed in a folder outlive a crash of the machine. */
export async function syncFolder(path: string): Promise<void> {
  // Windows has no handles on folders; its file systems log name changes themselves.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' });
}
