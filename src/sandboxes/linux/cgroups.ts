import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Memory limits by control groups: version 1, version 2, or both at once (hybrid), nested under the server's own group.
 *
 * Everything made here is named `lambdad-…` and stands below the server's own group; nothing else is ever touched.
 */

const ROOT = '/sys/fs/cgroup';
/** Removing a group whose processes just died may answer EBUSY for a moment. */
const REMOVE_TRIES_MAX = 100;
const REMOVE_WAIT_MS_FIRST = 1;
const REMOVE_WAIT_MS_MAX = 50;
const PROBE_LIMIT_BYTES = 67_108_864;

/** One sandbox's group. */
export interface MemoryGroup {
  /** Directories whose cgroup.procs a process writes itself into. */
  readonly directories: readonly string[];
  limit(memoryBytes: number): void;
  peakBytes(): number;
  resetPeak(): void;
  /** Processes of this group that the kernel killed for want of memory, since it was made. */
  oomKills(): number;
  remove(): Promise<void>;
}

export interface MemoryGroups {
  readonly version: 1 | 2;
  create(id: string): MemoryGroup;
  /** Removes the empty groups that servers which are gone left behind. */
  reconcile(): void;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

function counter(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(text);
  return match ? Number(match[1]) : 0;
}

async function remove(directory: string): Promise<void> {
  for (let attempt = 0; attempt < REMOVE_TRIES_MAX; attempt++) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      const waitMs = Math.min(REMOVE_WAIT_MS_FIRST * 2 ** attempt, REMOVE_WAIT_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

/** Path of the group that the server is in, for a v1 controller or (controller "") for v2; undefined when in none. */
function ownGroup(controller: string): string | undefined {
  for (const line of read('/proc/self/cgroup').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path !== '' && controllers.split(',').includes(controller)) return path;
  }
  return undefined;
}

function removeLeftovers(parent: string): void {
  let names: string[];
  try {
    names = readdirSync(parent).filter((name) => name.startsWith('lambdad-'));
  } catch {
    return;
  }
  for (const name of names) {
    try {
      // Only an empty group can be removed: one that is in use stays.
      rmdirSync(join(parent, name));
    } catch {}
  }
}

function version1(): MemoryGroups | undefined {
  const own = ownGroup('memory');
  const parent = own === undefined ? undefined : join(ROOT, 'memory', own);
  if (parent === undefined || !existsSync(join(parent, 'memory.limit_in_bytes'))) return undefined;
  return {
    version: 1,
    create: (id) => {
      const directory = join(parent, `lambdad-${id}`);
      mkdirSync(directory);
      const peak = join(directory, 'memory.max_usage_in_bytes');
      return {
        directories: [directory],
        limit: (memoryBytes) => {
          writeFileSync(join(directory, 'memory.limit_in_bytes'), String(memoryBytes));
          // Memory and swap together, where swap is accounted: without it swapping would stretch the limit.
          write(join(directory, 'memory.memsw.limit_in_bytes'), String(memoryBytes));
        },
        peakBytes: () => Number(read(peak)),
        resetPeak: () => void write(peak, '0'),
        oomKills: () => counter(read(join(directory, 'memory.oom_control')), 'oom_kill'),
        remove: () => remove(directory),
      };
    },
    reconcile: () => removeLeftovers(parent),
  };
}

function version2(): MemoryGroups | undefined {
  const own = ownGroup('');
  const mount = existsSync(join(ROOT, 'cgroup.controllers')) ? ROOT : join(ROOT, 'unified');
  const parent = own === undefined ? undefined : join(mount, own);
  if (parent === undefined || !/\bmemory\b/.test(read(join(parent, 'cgroup.controllers')))) return undefined;
  if (!enableMemory(parent)) return undefined;
  return {
    version: 2,
    create: (id) => {
      const directory = join(parent, `lambdad-${id}`);
      mkdirSync(directory);
      return {
        directories: [directory],
        limit: (memoryBytes) => {
          writeFileSync(join(directory, 'memory.max'), String(memoryBytes));
          write(join(directory, 'memory.swap.max'), '0');
        },
        peakBytes: () => Number(read(join(directory, 'memory.peak')) || read(join(directory, 'memory.current'))),
        resetPeak: () => undefined,
        oomKills: () => counter(read(join(directory, 'memory.events')), 'oom_kill'),
        remove: () => remove(directory),
      };
    },
    reconcile: () => removeLeftovers(parent),
  };
}

/** Groups with controllers may hold no processes of their own: the server moves into a leaf beside the sandboxes. */
function enableMemory(parent: string): boolean {
  const control = join(parent, 'cgroup.subtree_control');
  if (/\bmemory\b/.test(read(control)) || write(control, '+memory')) return true;
  const leaf = join(parent, 'lambdad-server');
  try {
    mkdirSync(leaf, { recursive: true });
  } catch {
    return false;
  }
  if (!write(join(leaf, 'cgroup.procs'), String(process.pid))) return false;
  return write(control, '+memory');
}

/** What this machine offers the server, or undefined: then memory is watched instead of limited. */
export function findMemoryGroups(): MemoryGroups | undefined {
  const groups = version1() ?? version2();
  if (!groups) return undefined;
  try {
    const trial = groups.create(`probe-${process.pid}`);
    trial.limit(PROBE_LIMIT_BYTES);
    for (const directory of trial.directories) rmdirSync(directory);
    return groups;
  } catch {
    return undefined;
  }
}
