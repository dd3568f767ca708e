import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder } from '../../base/durable-folder.ts';
import { fillTemplate, type RuntimeFamily } from './description.ts';

/**
 * Some bootstraps start faster once they are readied for their interpreter (Python: byte code). That is done once, in a
 * copy below the cache folder, because the package itself may not be writable.
 */
const PREPARE_MS_MAX = 60_000;

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

/** The folder to mount as /var/runtime for this interpreter. Falls back to the family's own when it cannot be readied. */
export async function readyFolder(family: RuntimeFamily, interpreter: string, cacheDir: string): Promise<string> {
  const { prepare } = family.description;
  if (prepare.length === 0) return family.directory;
  const identity = `${interpreter} ${statSync(interpreter).mtimeMs}`;
  const parent = join(cacheDir, 'runtimes');
  const ready = join(parent, fingerprint(family.directory, identity));
  if (existsSync(ready)) return ready;
  const work = `${ready}.${process.pid}.part`;
  try {
    await makeFolder(parent);
    cpSync(family.directory, work, { recursive: true });
    const [command = '', ...args] = prepare.map((part) => fillTemplate(part, { interpreter, runtimeDir: work }));
    await promisify(execFile)(command, args, { timeout: PREPARE_MS_MAX });
    renameSync(work, ready);
    return ready;
  } catch {
    rmSync(work, { recursive: true, force: true });
    return existsSync(ready) ? ready : family.directory;
  }
}
