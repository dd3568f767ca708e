import { readdirSync, readFileSync } from 'node:fs';

/**
 * Memory of a sandbox where no control group can be had (an ordinary user without delegation): the processes are looked
 * at several times a second, and killed once their private memory together goes over the limit.
 */

const LOOK_MS = 100;
const PROCESSES_MAX = 4096;

export interface MemoryWatch {
  peakBytes(): number;
  resetPeak(): void;
  /** Looks no more until resume(): what is frozen needs no more memory. */
  pause(): void;
  resume(): void;
  stop(): void;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Anonymous and shared memory of a process in bytes; pages of files are the machine's, not the function's. */
function privateBytes(pid: string): number {
  const status = read(`/proc/${pid}/status`);
  let kilobytes = 0;
  for (const name of ['RssAnon', 'RssShmem'])
    kilobytes += Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return kilobytes * 1024;
}

function children(pid: string): string[] {
  const found: string[] = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      found.push(
        ...read(`/proc/${pid}/task/${task}/children`)
          .split(' ')
          .filter((text) => text.trim() !== ''),
      );
  } catch {}
  return found;
}

/** The launcher's other child, beside pid 1: what stands below it leads out of the network and is not the function's. */
const WATCHER = /^Name:\tlambdad-helper$/m;

/** Private memory of a launcher and all its descendants but the network's helper. */
export function treeBytes(pid: number): number {
  const queue = children(String(pid)).filter((child) => !WATCHER.test(read(`/proc/${child}/status`)));
  let bytes = privateBytes(String(pid));
  for (let i = 0; i < queue.length && i < PROCESSES_MAX; i++) {
    const next = queue[i] as string;
    bytes += privateBytes(next);
    queue.push(...children(next));
  }
  return bytes;
}

export function watchMemory(launcherPid: number, memoryBytes: number, exceeded: () => void): MemoryWatch {
  let peak = 0;
  const look = () => {
    const bytes = treeBytes(launcherPid);
    peak = Math.max(peak, bytes);
    if (bytes > memoryBytes) exceeded();
  };
  let timer = setInterval(look, LOOK_MS).unref();
  return {
    peakBytes: () => {
      if (peak === 0) peak = treeBytes(launcherPid);
      return peak;
    },
    resetPeak: () => {
      peak = 0;
    },
    pause: () => clearInterval(timer),
    resume: () => {
      clearInterval(timer);
      timer = setInterval(look, LOOK_MS).unref();
    },
    stop: () => clearInterval(timer),
  };
}
