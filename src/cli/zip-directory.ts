import { once } from 'node:events';
import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { join, posix, relative, resolve, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { type CodeFiles, type CodePackage, SOURCE_BYTES_MAX, UNZIPPED_BYTES_MAX } from './code-files.ts';
import { CommandFailure } from './failure.ts';

/** Never part of a function: what tools keep beside the code. */
const SKIPPED = new Set(['.git', 'node_modules/.cache']);
const ENTRIES_MAX = 200_000;
/** Links to folders outside are followed; a chain of them that leads nowhere ends here. */
const DEPTH_MAX = 64;

type Entry =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly source: string;
      readonly mode: number;
      readonly size: number;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'folder'; readonly path: string };

/**
 * Zips a folder, deterministically: sorted, one time for all, permissions kept. A link to a place inside stays a link; what
 * a link outside leads to is put in its place. Throws CommandFailure with AWS's text when it is too large unzipped.
 */
export async function zipDirectory(directory: string): Promise<CodePackage> {
  const root = await realpath(directory);
  const found: Entry[] = [];
  await walk({ root, found, bytes: 0 }, root, '', 0);
  const entries = found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  if (!entries.some(({ kind }) => kind !== 'folder')) throw new CommandFailure(`${directory} holds no file`);
  return { zip: await zip(entries), files: codeFiles(directory, entries), notes: notesOn(entries) };
}

interface Walk {
  readonly root: string;
  readonly found: Entry[];
  bytes: number;
}

async function walk(state: Walk, folder: string, prefix: string, depth: number): Promise<void> {
  if (depth > DEPTH_MAX)
    throw new CommandFailure(`${prefix}: more than ${DEPTH_MAX} folders deep, or a circle of links`);
  const names = await readdir(folder);
  if (names.length === 0 && prefix !== '') state.found.push({ kind: 'folder', path: prefix.slice(0, -1) });
  for (const name of names) {
    const path = `${prefix}${name}`;
    if (SKIPPED.has(name) || SKIPPED.has(path)) continue;
    if (state.found.length >= ENTRIES_MAX)
      throw new CommandFailure(`${state.root} holds more than ${ENTRIES_MAX} files`);
    await add(state, join(folder, name), path, depth);
  }
}

async function add(state: Walk, source: string, path: string, depth: number): Promise<void> {
  const info = await lstat(source);
  if (!info.isSymbolicLink()) return addPlain(state, source, path, info, depth);
  const place = resolve(source, '..', await readlink(source));
  const real = await realpath(source).catch(() => undefined);
  if (real === undefined)
    throw new CommandFailure(`${path} is a link to ${await readlink(source)}, which is not there`);
  if (isInside(state.root, place) && isInside(state.root, real)) {
    const target =
      relative(join(state.root, path, '..'), place)
        .split(sep)
        .join('/') || '.';
    state.found.push({ kind: 'link', path, target });
    return;
  }
  await addPlain(state, real, path, await stat(real), depth);
}

async function addPlain(state: Walk, source: string, path: string, info: Stats, depth: number): Promise<void> {
  if (info.isDirectory()) return walk(state, source, `${path}/`, depth + 1);
  if (!info.isFile()) throw new CommandFailure(`${path} is neither a file nor a folder nor a link`);
  state.bytes += info.size;
  if (state.bytes > UNZIPPED_BYTES_MAX)
    throw new CommandFailure(`Unzipped size must be smaller than ${UNZIPPED_BYTES_MAX} bytes`);
  state.found.push({ kind: 'file', path, source, mode: info.mode & 0o777, size: info.size });
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !posix.isAbsolute(way);
}

async function zip(entries: readonly Entry[]): Promise<Buffer> {
  const file = new ZipFile();
  // One time for every file, so that the same files give the same bytes and the same CodeSha256. A zip holds local time:
  // made of local parts, it is the same in every time zone.
  const options = { mtime: new Date(2000, 0, 1), forceDosTimestamp: true };
  for (const entry of entries) {
    if (entry.kind === 'file') file.addFile(entry.source, entry.path, { ...options, mode: 0o100000 | entry.mode });
    else if (entry.kind === 'folder') file.addEmptyDirectory(entry.path, { ...options, mode: 0o040755 });
    else file.addBuffer(Buffer.from(entry.target), entry.path, { ...options, mode: 0o120777, compress: false });
  }
  const failed = once(file, 'error').then(([error]) => Promise.reject(error));
  file.end();
  return Promise.race([buffer(file.outputStream), failed]);
}

function codeFiles(origin: string, entries: readonly Entry[]): CodeFiles {
  const files = new Map(entries.filter((entry) => entry.kind === 'file').map((entry) => [entry.path, entry]));
  return {
    origin,
    paths: [...files.keys()],
    isExecutable: (path) => ((files.get(path)?.mode ?? 0) & 0o111) !== 0,
    async read(path) {
      const entry = files.get(path);
      return entry && entry.size <= SOURCE_BYTES_MAX ? readFile(entry.source, 'utf8') : undefined;
    },
  };
}

function notesOn(entries: readonly Entry[]): string[] {
  const closed = entries.filter((entry) => entry.kind === 'file' && (entry.mode & 0o004) === 0).map(({ path }) => path);
  if (closed.length === 0) return [];
  const which = closed.length === 1 ? `${closed[0]} is` : `${closed[0]} and ${closed.length - 1} more are`;
  return [`${which} not readable by other users, and a function runs as another user: chmod -R a+rX on the folder`];
}
