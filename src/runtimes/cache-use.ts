import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * Which folders of the cache running servers use: each server has a file named for its process, with a folder a line.
 *
 * A server marks a folder before it looks whether that is there; who removes one looks for marks, moves it out of the
 * way, looks again, and moves it back when a mark has come meanwhile.
 */
const FOLDER = 'in-use';

/** The folder is in use by the servers of these process ids. */
export class FolderInUse extends Error {
  readonly pids: readonly number[];

  constructor(pids: readonly number[]) {
    super(`in use by the server with process id ${pids.join(', ')}`);
    this.pids = pids;
  }
}

export class CacheUse {
  readonly #directory: string;
  readonly #marked = new Set<string>();

  constructor(cacheDir: string) {
    this.#directory = join(cacheDir, FOLDER);
  }

  /** From now on until this process ends the folder is in use. */
  mark(place: string): void {
    if (this.#marked.has(place)) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // Those that are gone have left their files.
    if (this.#marked.size === 0) this.users(place);
    appendFileSync(join(this.#directory, processName(process.pid) ?? ''), `${basename(place)}\n`);
    this.#marked.add(place);
  }

  /** Process ids of the living servers that use the folder. */
  users(place: string): number[] {
    const pids: number[] = [];
    if (!existsSync(this.#directory)) return pids;
    for (const name of readdirSync(this.#directory)) {
      const pid = Number(name.split('-')[0]);
      const path = join(this.#directory, name);
      if (processName(pid) !== name) rmSync(path, { force: true });
      else if (linesOf(path).includes(basename(place))) pids.push(pid);
    }
    return pids;
  }

  /** Rejects with FolderInUse. */
  async remove(place: string): Promise<void> {
    const refuse = (pids: readonly number[]) => {
      if (pids.length > 0) throw new FolderInUse(pids);
    };
    refuse(this.users(place));
    const aside = `${place}.${process.pid}.part`;
    await rename(place, aside);
    try {
      refuse(this.users(place));
    } catch (error) {
      // A server that came meanwhile may have made it anew.
      await rename(aside, place).catch(() => rm(aside, { recursive: true, force: true }));
      throw error;
    }
    await rm(aside, { recursive: true, force: true });
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    // Another command has just removed it: its process was gone.
    return [];
  }
}

/** Tells a process from another that has its number later: when it was started, where the system says that. */
function processName(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  return `${pid}-${startOf(pid)}`;
}

function startOf(pid: number): string {
  try {
    // The 22nd field; the second is a name in parentheses that may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
