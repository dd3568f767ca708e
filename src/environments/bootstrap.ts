import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from './sandbox.ts';

/** e_machine of the ELF header, for the architectures that Lambda has. */
const elfMachines: Readonly<Record<number, NodeJS.Architecture>> = { 62: 'x64', 183: 'arm64' };
const ELF_MAGIC = 0x7f454c46;
const HEADER_BYTES = 20;

export interface FoundBootstrap {
  /** Path inside, by the mount's target: the first of the places that has one, or the first of all. */
  readonly path: string;
  /** What keeps it from running here: there is none, or it is a program for another processor. */
  readonly problem?: string;
}

/**
 * Finds the bootstrap that a function or its layers bring along; `places` are looked at in their order, `show` tells
 * how a path is called inside. Anything else that is wrong with it shows when it is started. Source of the first text:
 * runtime-facts 3, "Bootstrap lookup".
 */
export async function findBootstrap(
  places: readonly string[],
  mounts: readonly Mount[],
  show: (path: string) => string,
): Promise<FoundBootstrap> {
  for (const path of places) {
    const header = await readHeader(path, mounts);
    if (!header) continue;
    if (header.length < HEADER_BYTES || header.readUInt32BE(0) !== ELF_MAGIC) return { path };
    const machine = elfMachines[header.readUInt16LE(18)];
    if (machine === undefined || machine === process.arch) return { path };
    const problem = `fork/exec ${show(path)}: exec format error (bootstrap is a program for ${machine}, this machine is ${process.arch})`;
    return { path, problem };
  }
  return { path: places[0] ?? '', problem: `Couldn't find valid bootstrap(s): [${places.map(show).join(' ')}]` };
}

async function readHeader(path: string, mounts: readonly Mount[]): Promise<Buffer | undefined> {
  const mount = mounts.find(({ target }) => path.startsWith(`${target}/`));
  if (!mount) return undefined;
  try {
    await using file = await open(join(mount.source, path.slice(mount.target.length)));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    // One that may not be read may still be run; the start will tell.
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? Buffer.alloc(0) : undefined;
  }
}
