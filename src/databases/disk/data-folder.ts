import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDiskFull } from '../../base/disk-full.ts';
import { makeFolder, syncFolder } from '../../base/durable-folder.ts';
import type { Ids } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import { StoreFull } from '../../store/metadata.ts';
import { removePartial, writeDurably } from './durable-file.ts';
import { FolderInUse, type FolderLock, lockFolder } from './folder-lock.ts';

/** Absolute paths within the data folder. */
export interface DataPaths {
  readonly root: string;
  /** The file of the metadata database. */
  readonly database: string;
  /** The file of the event queue's database. */
  readonly eventDatabase: string;
  /** Payloads of queued events that are too large for the database. */
  readonly events: string;
  /** Code packages by digest. */
  readonly blobs: string;
  /** Code packages unpacked; can be made again from the blobs. */
  readonly unpacked: string;
  /** Compiled code of functions; can be made again. */
  readonly compiled: string;
  readonly logs: string;
  /** Sockets and scratch of the running server; worthless once it has ended. */
  readonly run: string;
  /** Secrets of this server; 0700. */
  readonly keys: string;
}

export interface DataFolder {
  readonly paths: DataPaths;
  /**
   * 32 random bytes that stay the same for the life of the data folder, made on the first call for the name. The name
   * is lower-case letters, digits and hyphens.
   */
  secret(name: string): Promise<Uint8Array>;
  /** Gives up the lock. */
  close(): Promise<void>;
}

/** The folder cannot be used; the message is one line for the person who started the server. */
export class DataFolderError extends Error {}

const FORMAT = 'format';
const FORMAT_LINE = /^lambdad data folder, format (\d{1,9})\n$/;
const PARTIAL = 'partial';
const SECRET_BYTES = 32;
const SECRET_NAME = /^[a-z][a-z0-9-]{0,63}$/;

/**
 * Step n leads from format n to n + 1; a fresh folder has format 0. Each can be run again after it was interrupted: the
 * format file is written when all are done. A step that was ever released is never edited.
 */
const steps: readonly ((paths: DataPaths) => Promise<void>)[] = [
  async ({ blobs, unpacked, logs, run, keys }) => {
    for (const folder of [blobs, unpacked, logs, run, keys]) await makeFolder(folder);
  },
  // Variables and packages are sealed from here on, and older ones are read as they are. Nothing is to be done but to
  // keep the lambdad of before away: it would give functions the sealed text for their variables.
  async () => {},
  // Accepted events lie here from now on: a lambdad of before would leave them lying.
  async ({ events }) => makeFolder(events),
];

/**
 * Opens the data folder for this process alone: creates it (0700), locks it, brings it to the newest format. The lock
 * ends with the process, however it ends. Rejects with DataFolderError when another server has it, when it cannot be
 * written, was written by a newer lambdad, or is somebody else's folder; with StoreFull without room.
 */
export async function openDataFolder(dir: string, ids: Ids): Promise<DataFolder> {
  const paths = pathsIn(resolve(dir));
  let lock: FolderLock | undefined;
  try {
    await makeFolder(paths.root);
    lock = lockFolder(paths.root);
    await bringUp(paths);
    await lock.sign();
  } catch (error) {
    lock?.release();
    throw explained(error, paths.root);
  }
  const held = lock;
  const oneAtATime = new KeyedMutex();
  return {
    paths,
    secret: (name) => oneAtATime.run(name, () => readOrMakeSecret(paths, name, ids)),
    close: async () => held.release(),
  };
}

function pathsIn(root: string): DataPaths {
  return {
    root,
    database: join(root, 'metadata.db'),
    eventDatabase: join(root, 'events.db'),
    events: join(root, 'events'),
    blobs: join(root, 'blobs'),
    unpacked: join(root, 'unpacked'),
    compiled: join(root, 'compiled'),
    logs: join(root, 'logs'),
    run: join(root, 'run'),
    keys: join(root, 'keys'),
  };
}

async function bringUp(paths: DataPaths): Promise<void> {
  const format = await readFormat(paths);
  if (format > steps.length)
    throw new DataFolderError(
      `data folder ${paths.root} has format ${format}, newer than the ${steps.length} that this lambdad knows`,
    );
  await removePartial(join(paths.root, PARTIAL));
  if (format === steps.length) return;
  for (const step of steps.slice(format)) await step(paths);
  await syncFolder(paths.root);
  const line = Buffer.from(`lambdad data folder, format ${steps.length}\n`);
  await writeDurably(join(paths.root, FORMAT), line, join(paths.root, PARTIAL));
}

/** The format of the folder; 0 when it is fresh. A folder that holds things under our names, but no format, is not ours. */
async function readFormat(paths: DataPaths): Promise<number> {
  const file = join(paths.root, FORMAT);
  if (existsSync(file)) {
    const format = FORMAT_LINE.exec(await readFile(file, 'latin1'))?.[1];
    if (format === undefined) throw new DataFolderError(`${file} is not the format file of a lambdad data folder`);
    return Number(format);
  }
  const { blobs, unpacked, logs, run, keys, database } = paths;
  for (const path of [blobs, unpacked, logs, run, keys, database])
    if (existsSync(path) && (path === database || (await readdir(path)).length > 0))
      throw new DataFolderError(`${paths.root} is not a lambdad data folder: it holds ${path}, but no format file`);
  return 0;
}

async function readOrMakeSecret(paths: DataPaths, name: string, ids: Ids): Promise<Uint8Array> {
  if (!SECRET_NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name for a secret`);
  const path = join(paths.keys, name);
  if (!existsSync(path))
    await writeDurably(path, Buffer.from(ids.hex(SECRET_BYTES * 2), 'hex'), join(paths.root, PARTIAL));
  const bytes = await readFile(path);
  if (bytes.length !== SECRET_BYTES) throw new Error(`${path} has ${bytes.length} bytes and not ${SECRET_BYTES}`);
  return bytes;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it, or a part of its path, is not a directory',
  ENOENT: 'it cannot be created there',
  EIO: 'input/output error',
};

function explained(error: unknown, root: string): unknown {
  if (error instanceof FolderInUse) {
    const holder = error.pid === undefined ? '' : ` (process ${error.pid})`;
    return new DataFolderError(`data folder ${root} is in use by another lambdad${holder}`);
  }
  if (error instanceof DataFolderError || error instanceof StoreFull) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (isDiskFull(error)) return new StoreFull(`data folder ${root}: no room on its disk`);
  return new DataFolderError(`data folder ${root} cannot be used: ${REASONS[code ?? ''] ?? message}`, { cause: error });
}
