import { constants, readFileSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Config } from '../config.ts';
import { sizeText } from './code-files.ts';
import { type Finding, lack, note, ok } from './finding.ts';

/** Each execution environment costs some ten descriptors in the server. */
const OPEN_FILES_MIN = 4096;
const PROCESSES_MIN = 1024;
/** Room for one small function beyond the reserve. */
const MEMORY_BYTES_MIN = 128 * 1_048_576;
const DISK_BYTES_LOW = 1_073_741_824;
const DISK_BYTES_MIN = 104_857_600;

/** Memory, processors, open files, processes. */
export function examineLimits(config: Config): Finding[] {
  const found: Finding[] = [ok('limits', 'processors', String(availableParallelism()))];
  const free = availableBytes();
  const left = free - config.memoryReserveBytes;
  const memory = `${sizeText(free)} of ${sizeText(totalmem())} available, ${sizeText(config.memoryReserveBytes)} of it kept in reserve`;
  if (left >= MEMORY_BYTES_MIN) found.push(ok('limits', 'memory', memory));
  else
    found.push(lack('limits', 'memory', `${memory}: no room for functions`, ['lambdad start --memory-reserve-mb 64']));
  const limits = ulimits();
  const { files, processes } = limits;
  if (files !== undefined && files < OPEN_FILES_MIN)
    found.push(lack('limits', 'open files', `only ${files}`, ['ulimit -n 65536']));
  else if (files !== undefined) found.push(ok('limits', 'open files', limitText(files)));
  if (processes !== undefined && processes < PROCESSES_MIN)
    found.push(note('limits', 'processes', `only ${processes} of this user`, ['ulimit -u 8192']));
  else if (processes !== undefined) found.push(ok('limits', 'processes', limitText(processes)));
  return found;
}

function limitText(limit: number): string {
  return Number.isFinite(limit) ? String(limit) : 'unlimited';
}

/** Memory that programs could get without swapping, in bytes. */
function availableBytes(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text('/proc/meminfo'))?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}

/** Node raises its soft limit of open files to the hard one, so that counts; of processes the soft one does. */
function ulimits(): { files: number | undefined; processes: number | undefined } {
  const limits = text('/proc/self/limits');
  const number = (name: string, column: 1 | 2) => {
    const found = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(limits)?.[column];
    return found === undefined ? undefined : found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found);
  };
  return { files: number('Max open files', 2), processes: number('Max processes', 1) };
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux.
    return '';
  }
}

/** Whether the data folder and the cache can be written and have room. */
export async function examineDisk(config: Config): Promise<Finding[]> {
  return Promise.all([
    examineFolder('data folder', config.dataDir, '--data'),
    examineFolder('cache folder', config.cacheDir, '--cache'),
  ]);
}

async function examineFolder(name: string, folder: string, option: string): Promise<Finding> {
  const elsewhere = [`lambdad start ${option} DIR   # a folder elsewhere`];
  const there = await nearestExisting(folder);
  try {
    if (!(await stat(there)).isDirectory()) return lack('disk', name, `${there} is not a folder`, elsewhere);
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    return lack('disk', name, `${there} cannot be written`, elsewhere);
  }
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const says = `${folder}, ${sizeText(free)} free`;
  if (free < DISK_BYTES_MIN) return lack('disk', name, says, elsewhere);
  return free < DISK_BYTES_LOW ? note('disk', name, `${says}: not much`, elsewhere) : ok('disk', name, says);
}

async function nearestExisting(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined);
  return there || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}
