import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Ids } from '../base/ids.ts';
import { mountTrouble } from './file-systems.ts';
import { MountFailed, type SandboxKind } from './sandbox.ts';

const TRIAL_TARGET = '/mnt/trial';
const TRIAL_TMP_BYTES = 1_048_576;
const TRIAL_MEMORY_BYTES = 67_108_864;

/** A directory cannot stand for a file system; the message is one line for whoever starts the server. */
export class MountDirectoryError extends Error {}

/**
 * Looks at each directory that is to be mounted: that it is there, and that no function comes near `closed` (the server's
 * own folders and files) through it; then mounts it once for trial. Resolves with where each really is: nobody who can
 * put a link in its place later leads a function elsewhere. Rejects with MountDirectoryError.
 */
export async function checkMountDirectories(
  mounts: ReadonlyMap<string, string>,
  closed: readonly string[],
  sandboxes: SandboxKind,
  ids: Ids,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const secret = await Promise.all(closed.map(realOf));
  for (const [arn, directory] of mounts) {
    const refuse = (why: string) => new MountDirectoryError(`--mount ${arn}: ${directory} ${why}`);
    const trouble = await mountTrouble(directory);
    if (trouble !== undefined) throw refuse(trouble);
    const real = await realpath(directory);
    const near = secret.find((path) => isWithin(path, real) || isWithin(real, path));
    if (near !== undefined) throw refuse(`and ${near} hold one another: functions would see lambdad's own files`);
    const failed = await trial(sandboxes, real, ids);
    if (failed !== undefined) throw refuse(`cannot be mounted: ${failed}`);
    found.set(arn, real);
  }
  return found;
}

async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`);
}

/** Plain processes are not tried: where they have to find the directory depends on the function. */
async function trial(sandboxes: SandboxKind, source: string, ids: Ids): Promise<string | undefined> {
  if (!sandboxes.hasOwnPaths) return undefined;
  try {
    const sandbox = await sandboxes.create({
      id: ids.hex(16),
      mounts: [{ source, target: TRIAL_TARGET, writable: true }],
      tmpBytes: TRIAL_TMP_BYTES,
      memoryBytes: TRIAL_MEMORY_BYTES,
    });
    await sandbox.destroy();
    return undefined;
  } catch (error) {
    if (error instanceof MountFailed) return error.message;
    throw error;
  }
}
