import { chmod, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readZip, type ZipEntry } from './zip.ts';

/** Read by every environment, whoever runs it; written by nobody. The process's umask has no say. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;

/**
 * Writes the package's files into `root`, an existing empty directory of the caller's own. Throws as readZip; after an
 * error the directory is left half full.
 */
export async function unpackZip(zip: Uint8Array, unzippedBytesMax: number, root: string): Promise<void> {
  await chmod(root, DIRECTORY_MODE);
  const made = new Set<string>(['.']);
  await readZip(zip, unzippedBytesMax, (entry) => write(entry, root, made));
}

async function write(entry: ZipEntry, root: string, made: Set<string>): Promise<void> {
  if (entry.kind === 'directory') return makeDirectory(entry.path, root, made);
  await makeDirectory(dirname(entry.path), root, made);
  // Links come last and lie under no other link, so that nothing is ever written through one.
  if (entry.kind === 'link') return symlink(entry.target, join(root, entry.path));
  const mode = entry.executable ? EXECUTABLE_MODE : FILE_MODE;
  await using file = await open(join(root, entry.path), 'wx', mode);
  for await (const chunk of entry.content) await writeAll(file, chunk);
  await file.chmod(mode);
}

async function makeDirectory(path: string, root: string, made: Set<string>): Promise<void> {
  if (made.has(path)) return;
  await makeDirectory(dirname(path), root, made);
  const full = join(root, path);
  await mkdir(full);
  await chmod(full, DIRECTORY_MODE);
  made.add(path);
}

async function writeAll(file: { write(chunk: Uint8Array): Promise<{ bytesWritten: number }> }, chunk: Uint8Array) {
  for (let rest = chunk; rest.byteLength > 0; ) {
    const { bytesWritten } = await file.write(rest);
    rest = rest.subarray(bytesWritten);
  }
}
