import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** e_machine of the ELF header, for the architectures that Lambda has. */
const elfMachines: Readonly<Record<number, NodeJS.Architecture>> = { 62: 'x64', 183: 'arm64' };
const ELF_MAGIC = 0x7f454c46;
const HEADER_BYTES = 20;

/**
 * What keeps the bootstrap of a package from running here, or undefined: there is none, or it is a program for another
 * processor. Anything else shows when it is started. Source of the first text: runtime-facts 3, "Bootstrap lookup".
 */
export async function bootstrapProblem(codeDir: string, places: readonly string[]): Promise<string | undefined> {
  const header = await readHeader(join(codeDir, 'bootstrap'));
  if (!header) return `Couldn't find valid bootstrap(s): [${places.join(' ')}]`;
  if (header.length < HEADER_BYTES || header.readUInt32BE(0) !== ELF_MAGIC) return undefined;
  const machine = elfMachines[header.readUInt16LE(18)];
  if (machine === undefined || machine === process.arch) return undefined;
  return `fork/exec ${places[0]}: exec format error (bootstrap is a program for ${machine}, this machine is ${process.arch})`;
}

async function readHeader(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    // One that may not be read may still be run; the start will tell.
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? Buffer.alloc(0) : undefined;
  }
}
