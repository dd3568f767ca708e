import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Somebody holds the lock; `pid` when the holder left it and that process is alive. */
export class FolderInUse extends Error {
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super('in use');
    this.pid = pid;
  }
}

export interface FolderLock {
  /** Leaves this process's id for the message of whoever comes second. */
  sign(): Promise<void>;
  release(): void;
}

/** Primary result code of a lock that another connection holds. */
const SQLITE_BUSY = 5;

const PRIMARY_CODE_MASK = 0xff;

/**
 * Locks a folder for this process. Node has no file locks of its own, so the lock is an exclusive transaction on an
 * empty database: the kernel gives it up when the process ends, kill -9 included, no child process inherits it, and a
 * second lock within this process is refused too. Nothing is ever written to that database, so a full disk locks as well.
 *
 * Throws FolderInUse, or the system's or SQLite's own error when the folder or the lock file cannot be written.
 */
export function lockFolder(root: string): FolderLock {
  const pidFile = join(root, 'lock.pid');
  const file = join(root, 'lock.db');
  accessSync(root, constants.W_OK | constants.X_OK);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // A journal on disk would be the one thing to be written.
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    // On a file that is read-only for us SQLite would begin without a lock and say nothing.
    accessSync(file, constants.W_OK);
  } catch (error) {
    database.close();
    const code = Number((error as { errcode?: unknown }).errcode) & PRIMARY_CODE_MASK;
    throw code === SQLITE_BUSY ? new FolderInUse(holderIn(pidFile)) : error;
  }
  return {
    sign: () => writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 }),
    release() {
      if (!database.isOpen) return;
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

/** The process that signed the lock; undefined when none did, or when it is gone and the holder is yet to sign. */
function holderIn(pidFile: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
