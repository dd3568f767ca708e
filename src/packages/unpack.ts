import { chmod, mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readZip, type ZipEntry } from './zip.ts';

/** Read by every environment, whoever runs it; written by nobody. The process's umask has no say. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;

/** Small files are written beside each other while the next ones are inflated: at most so many. */
const WRITING_MAX = 16;

/**
 * Writes the package's files into `root`, an existing empty directory of the caller's own. Throws as readZip; after an
 * error the directory is left half full.
 */
export async function unpackZip(zip: Uint8Array, unzippedBytesMax: number, root: string): Promise<void> {
  await chmod(root, DIRECTORY_MODE);
  const made = new Set<string>(['.']);
  const writing = new Set<Promise<void>>();
  try {
    await readZip(zip, unzippedBytesMax, async (entry) => {
      await makeDirectory(entry.kind === 'directory' ? entry.path : dirname(entry.path), root, made);
      if (entry.kind === 'file') await writeFileEntry(entry, join(root, entry.path), writing);
      // Links come last and lie under no other link, so that nothing is ever written through one.
      if (entry.kind === 'link') await symlink(entry.target, join(root, entry.path));
    });
    await Promise.all(writing);
  } finally {
    // Nothing is written any more when the caller goes on, to clear the directory away perhaps.
    await Promise.allSettled(writing);
  }
}

type FileEntry = Extract<ZipEntry, { kind: 'file' }>;

async function writeFileEntry(entry: FileEntry, path: string, writing: Set<Promise<void>>): Promise<void> {
  const mode = entry.executable ? EXECUTABLE_MODE : FILE_MODE;
  const chunks = entry.content[Symbol.asyncIterator]();
  const first = await chunks.next();
  const second = first.done ? first : await chunks.next();
  if (!second.done) return writeChunks([first.value, second.value], chunks, path, mode);
  if (writing.size >= WRITING_MAX) await Promise.race(writing);
  const write = writeSmall(first.done ? new Uint8Array() : first.value, path, mode);
  writing.add(write);
  // A write that fails stays in the set, where the end of the unpacking meets it.
  write.then(
    () => writing.delete(write),
    () => {},
  );
}

async function writeSmall(content: Uint8Array, path: string, mode: number): Promise<void> {
  await writeFile(path, content, { flag: 'wx', mode });
  if (isMasked(mode)) await chmod(path, mode);
}

async function writeChunks(
  begun: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  path: string,
  mode: number,
): Promise<void> {
  await using file = await open(path, 'wx', mode);
  for (const chunk of begun) await file.writeFile(chunk);
  for (let next = await rest.next(); !next.done; next = await rest.next()) await file.writeFile(next.value);
  if (isMasked(mode)) await file.chmod(mode);
}

async function makeDirectory(path: string, root: string, made: Set<string>): Promise<void> {
  if (made.has(path)) return;
  await makeDirectory(dirname(path), root, made);
  const full = join(root, path);
  await mkdir(full, DIRECTORY_MODE);
  if (isMasked(DIRECTORY_MODE)) await chmod(full, DIRECTORY_MODE);
  made.add(path);
}

/** True when the process's umask takes some of these bits from what it creates. */
function isMasked(mode: number): boolean {
  return (process.umask() & mode) !== 0;
}
