import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { artefactPlace, artefactsOf } from './artefact.ts';
import { CacheUse, FolderInUse } from './cache-use.ts';
import { type RuntimeMatch, versionsOf } from './description.ts';
import { releaseOf, releasePlace } from './npm-release.ts';
import { readiedFolders } from './ready-folder.ts';

/** Folders of the cache that belong to a runtime, and are there. */
export interface CacheContents {
  /** Of this version alone: its interpreter, its readied folders. */
  readonly own: readonly string[];
  /** Artefacts, which versions of a family share. */
  readonly shared: readonly string[];
}

/** What the cache holds of a runtime. `version` is the interpreter's when another stands in. */
export async function cacheContents(cacheDir: string, match: RuntimeMatch, version?: string): Promise<CacheContents> {
  const { family } = match;
  const release =
    family.description.interpreter?.from === 'npm'
      ? releaseOf(family, family.description.interpreter, match.version)
      : undefined;
  const program = release === undefined ? [] : [releasePlace(cacheDir, family, release)];
  const artefacts = artefactsOf(family, version ?? match.version).map((each) => artefactPlace(cacheDir, family, each));
  const readied = await readiedFolders(cacheDir, family, match.version);
  return { own: [...(await existing(program)), ...readied], shared: await existing(artefacts) };
}

/** Bytes on the disk of files below these folders; a file that is there under several names counts once. */
export async function bytesOf(folders: readonly string[]): Promise<number> {
  const seen = new Set<number>();
  let bytes = 0;
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const { ino, size } = await stat(join(entry.parentPath, entry.name));
      if (!seen.has(ino)) bytes += size;
      seen.add(ino);
    }
  }
  return bytes;
}

/**
 * Removes what the cache holds of a runtime, and the artefacts that no other version of its family has taken. Resolves
 * with the folders that are gone. Rejects with FolderInUse, and then removes nothing.
 */
export async function removeFromCache(cacheDir: string, match: RuntimeMatch): Promise<readonly string[]> {
  const { own, shared } = await cacheContents(cacheDir, match);
  const others = versionsOf(match.family).filter((version) => version !== match.version);
  const readied = await Promise.all(others.map((version) => readiedFolders(cacheDir, match.family, version)));
  const folders = readied.some((found) => found.length > 0) ? own : [...own, ...shared];
  const use = new CacheUse(cacheDir);
  const pids = folders.flatMap((folder) => use.users(folder));
  if (pids.length > 0) throw new FolderInUse([...new Set(pids)]);
  for (const folder of folders) await use.remove(folder);
  return folders;
}

async function existing(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((folder) => stat(folder).catch(() => undefined)));
  return folders.filter((_folder, at) => found[at]?.isDirectory());
}
