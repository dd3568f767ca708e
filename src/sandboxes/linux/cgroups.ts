import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CpuControl, FreezerControl, MemoryControl, TasksControl } from './cgroup-controls.ts';
import { type Controller, findPlace, type Place, read, write } from './cgroup-places.ts';
import * as v1 from './cgroup-v1.ts';
import * as v2 from './cgroup-v2.ts';

/**
 * Control groups: version 1, version 2, or some controllers of each (hybrid), nested under the server's own group.
 *
 * Everything made here is named `lambdad-IDENTITY-…`, where the identity is that of the data folder, of which one server
 * lives at a time; nothing else is ever touched, the groups of other servers beside this one included. But those of a killed
 * server whose data folder was deleted after it have nobody who comes back for them: what is named so and has been there for
 * long without a process is removed by whoever starts.
 */

/** Removing a group whose processes just died may answer EBUSY for a moment. */
const REMOVE_TRIES_MAX = 100;
const REMOVE_WAIT_MS_FIRST = 1;
const REMOVE_WAIT_MS_MAX = 50;
/** A sandbox's, of whatever data folder; the group that a server itself is in has no identity in its name. */
const ANY_SANDBOX = /^lambdad-[0-9a-z]+-/;
/** A group has its launcher's process a moment after it is made, for as long as it is somebody's. */
const ABANDONED_MS = 3_600_000;
const TRIAL_BYTES = 67_108_864;
const CONTROLLERS: readonly Controller[] = ['memory', 'cpu', 'pids', 'freezer'];

/** One sandbox's group: in each hierarchy that has one of the controllers. Those that cannot be had are undefined. */
export interface SandboxGroup {
  /** Directories whose cgroup.procs a process writes itself into. */
  readonly directories: readonly string[];
  readonly memory: MemoryControl | undefined;
  readonly cpu: CpuControl | undefined;
  readonly tasks: TasksControl | undefined;
  readonly freezer: FreezerControl | undefined;
  /** Resolves when it is gone, or when the kernel does not let it go within a bounded time. */
  remove(): Promise<void>;
}

export interface SandboxGroups {
  /** Which version of the groups holds sandboxes to what; without an entry nothing does. */
  readonly versions: Readonly<Partial<Record<Controller, 1 | 2>>>;
  create(id: string): SandboxGroup;
  /**
   * Ends and removes what a server of this identity that was killed has left, frozen or not, and removes what others have
   * left empty an hour ago or earlier.
   */
  reconcile(): Promise<void>;
}

export type Places = Partial<Record<Controller, Place>>;

function controlsOf(places: Places, name: string) {
  const there = (controller: Controller) => {
    const place = places[controller];
    return place && { kind: place.version === 1 ? v1 : v2, directory: join(place.parent, name) };
  };
  const [memory, cpu, tasks, freezer] = [there('memory'), there('cpu'), there('pids'), there('freezer')];
  return {
    memory: memory?.kind.memoryControl(memory.directory),
    cpu: cpu?.kind.cpuControl(cpu.directory),
    tasks: tasks?.kind.tasksControl(tasks.directory),
    freezer: freezer?.kind.freezerControl(freezer.directory),
  };
}

function createGroup(places: Places, name: string): SandboxGroup {
  const directories = [...new Set(Object.values(places).map(({ parent }) => join(parent, name)))];
  for (const [made, directory] of directories.entries()) {
    try {
      mkdirSync(directory);
    } catch (error) {
      for (const before of directories.slice(0, made)) rmdirSync(before);
      throw error;
    }
  }
  return {
    directories,
    ...controlsOf(places, name),
    remove: async () => void (await Promise.all(directories.map(remove))),
  };
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

/** The trial of one controller: a group with a limit, made and removed. */
function works(controller: Controller, place: Place, name: string): boolean {
  let group: SandboxGroup | undefined;
  try {
    // Of a server that was killed in the middle of its trial.
    rmdirSync(join(place.parent, name));
  } catch {}
  try {
    group = createGroup({ [controller]: place }, name);
    group.memory?.limit(TRIAL_BYTES);
    group.cpu?.weigh(1);
    group.tasks?.limit(1);
    group.freezer?.thaw();
    return true;
  } catch {
    return false;
  } finally {
    for (const directory of group?.directories ?? []) rmdirSync(directory);
  }
}

function leftovers(parent: string, isOne: (name: string) => boolean): string[] {
  try {
    return readdirSync(parent)
      .filter(isOne)
      .map((name) => join(parent, name));
  } catch {
    return [];
  }
}

/** The kernel itself keeps one that has a process. */
function removeAbandoned(directory: string): void {
  try {
    if (statSync(directory).mtimeMs < Date.now() - ABANDONED_MS) rmdirSync(directory);
  } catch {}
}

/** Thaws, kills, and waits until the kernel lets the group go. */
async function end(directory: string): Promise<void> {
  // Of the two files of a freezer a group has one, or none.
  write(join(directory, 'cgroup.freeze'), '0');
  write(join(directory, 'freezer.state'), 'THAWED');
  for (const pid of read(join(directory, 'cgroup.procs')).split('\n').map(Number)) {
    try {
      // 0 stands for a process that this server cannot see, and would be itself.
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch {}
  }
  await remove(directory);
}

/** What this machine offers the server. `identity` has letters and digits only. */
export function findGroups(identity: string): SandboxGroups {
  const places: Places = {};
  for (const controller of CONTROLLERS) {
    const place = findPlace(controller);
    if (place && works(controller, place, `lambdad-${identity}-trial`)) places[controller] = place;
  }
  return groupsAt(places, identity);
}

/** The same at places that are known to work. */
export function groupsAt(places: Places, identity: string): SandboxGroups {
  const prefix = `lambdad-${identity}-`;
  return {
    versions: Object.fromEntries(Object.entries(places).map(([controller, { version }]) => [controller, version])),
    create: (id) => createGroup(places, `${prefix}${id}`),
    reconcile: async () => {
      const parents = new Set(Object.values(places).map(({ parent }) => parent));
      // All thawed and killed first: a group of one hierarchy goes when its processes do, whom another may have frozen.
      const isOwn = (name: string) => name.startsWith(prefix);
      await Promise.all([...parents].flatMap((parent) => leftovers(parent, isOwn).map(end)));
      const isSomebodys = (name: string) => ANY_SANDBOX.test(name);
      for (const parent of parents) leftovers(parent, isSomebodys).forEach(removeAbandoned);
    },
  };
}
