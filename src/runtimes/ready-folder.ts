import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, cp, link, mkdir, readdir, readlink, stat, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CacheUse } from './cache-use.ts';
import { cachedFolder } from './cached-folder.ts';
import { fillTemplate, type RuntimeFamily, type RuntimeMatch } from './description.ts';
import type { Interpreter } from './interpreter.ts';

/**
 * The folder that appears as /var/runtime: the family's own, or below the cache folder a copy of it that holds the
 * artefacts as well and is readied for one interpreter (Python: byte code), which is done once. The package itself may
 * not be writable.
 */
const PREPARE_MS_MAX = 60_000;
/** A folder that no server has begun to use for so long is of an older lambdad, or of an interpreter that is gone. */
const STALE_MS = 14 * 86_400_000;

export interface ReadyParts {
  readonly match: RuntimeMatch;
  readonly interpreter: Interpreter;
  /** Folders of the artefacts that are there, and their places below the runtime's folder. */
  readonly artefacts: readonly { readonly folder: string; readonly place: string }[];
  readonly cacheDir: string;
  /** Called with the folder before it is looked at. */
  readonly uses?: (place: string) => void;
}

/** Where the readied folder lies, or undefined when the family's own is used as it is. */
export function readyPlace({ match, interpreter, artefacts, cacheDir }: ReadyParts): string | undefined {
  const { family, version } = match;
  if (family.description.prepare.length === 0 && artefacts.length === 0) return undefined;
  const { hostPath, path } = interpreter;
  const identity = `${hostPath} ${path} ${statSync(hostPath).mtimeMs}`;
  const digest = fingerprint(family.directory, identity, ...artefacts.map(({ folder }) => folder));
  return join(cacheDir, 'runtimes', `${family.name}${version}-${digest}`);
}

/**
 * The folder to mount as /var/runtime. Rejects when the artefacts cannot be brought there; a preparation that fails only
 * costs the time that it would have saved.
 */
export async function readyFolder(parts: ReadyParts): Promise<string> {
  const { family } = parts.match;
  const place = readyPlace(parts);
  if (place === undefined) return family.directory;
  parts.uses?.(place);
  try {
    if (!existsSync(place)) {
      await cachedFolder(place, (work) => fill(work, parts));
      await removeStale(parts);
    }
    await noteUse(place);
    return place;
  } catch (error) {
    if (existsSync(place)) return place;
    if (parts.artefacts.length > 0) throw error;
    return family.directory;
  }
}

/** The folders that were readied for a version, whatever for; work that is going on is not among them. */
export async function readiedFolders(cacheDir: string, family: RuntimeFamily, version: string): Promise<string[]> {
  const parent = join(cacheDir, 'runtimes');
  const start = `${family.name}${version}-`;
  const names = await readdir(parent).catch(() => []);
  const isReadied = (name: string) => name.startsWith(start) && /^[0-9a-f]+$/.test(name.slice(start.length));
  return names.filter(isReadied).map((name) => join(parent, name));
}

/** The time of a folder is that of its last use. */
async function noteUse(place: string): Promise<void> {
  const now = new Date();
  // One that belongs to another user is kept by that user.
  await utimes(place, now, now).catch(() => undefined);
}

async function removeStale({ match, cacheDir }: ReadyParts): Promise<void> {
  const oldest = Date.now() - STALE_MS;
  for (const folder of await readiedFolders(cacheDir, match.family, match.version)) {
    const found = await stat(folder).catch(() => undefined);
    // One that is in use, or that another process removes, is not ours to remove.
    if (found && found.mtimeMs < oldest) await new CacheUse(cacheDir).remove(folder).catch(() => undefined);
  }
}

async function fill(work: string, { match, interpreter, artefacts }: ReadyParts): Promise<void> {
  const { directory, description } = match.family;
  await cp(directory, work, { recursive: true });
  for (const { folder, place } of artefacts) await linkTree(folder, join(work, place));
  const values = {
    interpreter: interpreter.hostPath,
    interpreterInside: interpreter.path,
    interpreterVersion: interpreter.fullVersion,
    node: process.execPath,
    runtimeDir: work,
  };
  const [command, ...args] = description.prepare.map((part) => fillTemplate(part, values));
  if (command === undefined) return;
  await promisify(execFile)(command, args, { cwd: work, timeout: PREPARE_MS_MAX }).catch(() => undefined);
}

/** The same files under another folder, without their bytes anew where the file system has links. */
async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Digest of every file of a folder, and of what else decides whether a copy still fits. */
function fingerprint(directory: string, ...others: readonly string[]): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.endsWith('__pycache__')) continue;
    const path = join(entry.parentPath, entry.name);
    hash.update(path.slice(directory.length)).update('\0').update(readFileSync(path));
  }
  for (const other of others) hash.update(other).update('\0');
  return hash.digest('hex').slice(0, 32);
}
