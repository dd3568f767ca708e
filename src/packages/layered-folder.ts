/** Layers laid over each other: one folder that shows the content of several, what comes later over what comes before. */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { chmod, copyFile, link, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const DIRECTORY_MODE = 0o755;

/** Entries of one folder that are placed at the same time. */
const PLACING_MAX = 16;

const PREFIX = 'layers-';
const NAME = /^layers-[0-9a-f]{64}$/;

/** Name of the folder for packages in this order, by their digests: the same for every function that has this list. */
export function layeredName(digests: readonly string[]): string {
  return `${PREFIX}${createHash('sha256').update(digests.join('\n')).digest('hex')}`;
}

export function isLayeredName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Fills `root`, an existing empty directory, with the content of `layers`, directories that nobody changes. Files are
 * shared with them, not copied, where the file system can. Directories of the same name are one; of anything else the
 * later one stays. Nothing is ever written through a link.
 */
export async function layOver(layers: readonly string[], root: string): Promise<void> {
  await chmod(root, DIRECTORY_MODE);
  for (const layer of layers) await merge(layer, root);
}

async function merge(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { withFileTypes: true });
  for (let start = 0; start < entries.length; start += PLACING_MAX)
    await Promise.all(entries.slice(start, start + PLACING_MAX).map((entry) => place(entry, source, target)));
}

async function place(entry: Dirent, sourceFolder: string, targetFolder: string): Promise<void> {
  const source = join(sourceFolder, entry.name);
  const target = join(targetFolder, entry.name);
  if (entry.isDirectory()) {
    await makeDirectory(target);
    return merge(source, target);
  }
  const put = entry.isSymbolicLink()
    ? async () => symlink(await readlink(source), target)
    : () => shareFile(source, target);
  await overEarlier(target, put);
}

async function makeDirectory(target: string): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  if (there?.isDirectory()) return;
  if (there) await rm(target);
  await mkdir(target);
  await chmod(target, DIRECTORY_MODE);
}

/** Takes away what an earlier layer has put there, when it has. */
async function overEarlier(target: string, put: () => Promise<void>): Promise<void> {
  try {
    await put();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await rm(target, { recursive: true });
    await put();
  }
}

async function shareFile(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // A file system without hard links, or a file with as many as it can have.
    await copyFile(source, target);
  }
}
