import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstVersionGroup, hasController, SERVER_LEAF, secondVersionGroup } from '../../base/own-cgroup.ts';

/**
 * Where the server's own control group is, for each controller: in a hierarchy of version 1, in that of version 2, or
 * some here and some there (hybrid). A controller belongs to one hierarchy at a time.
 */
export type Controller = 'memory' | 'cpu' | 'pids' | 'freezer';

export interface Place {
  readonly version: 1 | 2;
  /** Directory beneath which groups for sandboxes can be made. */
  readonly parent: string;
}

/** A file of every group of version 2 but the root's, whatever controllers it has. */
const FREEZE_FILE = 'cgroup.freeze';

export function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** False when the kernel takes it not. */
export function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

function version1(controller: Controller): Place | undefined {
  const parent = firstVersionGroup(controller);
  return parent === undefined ? undefined : { version: 1, parent };
}

/** Groups with controllers may hold no processes of their own: the server moves into a leaf beside the sandboxes. */
function enable(parent: string, controller: Controller): boolean {
  if (!hasController(parent, controller)) return false;
  const control = join(parent, 'cgroup.subtree_control');
  if (read(control).trim().split(' ').includes(controller) || write(control, `+${controller}`)) return true;
  const leaf = join(parent, SERVER_LEAF);
  try {
    mkdirSync(leaf, { recursive: true });
  } catch {
    return false;
  }
  if (write(join(leaf, 'cgroup.procs'), String(process.pid)) && write(control, `+${controller}`)) return true;
  // Others live in the group too: nothing is gained by having moved.
  write(join(parent, 'cgroup.procs'), String(process.pid));
  try {
    rmdirSync(leaf);
  } catch {}
  return false;
}

/** Undefined where the machine has no such controller, or none that the server may pass on. */
export function findPlace(controller: Controller): Place | undefined {
  const second = secondVersionGroup();
  if (controller === 'freezer') {
    // Version 2 first: what it has frozen dies when it is killed.
    const parent = second !== undefined && canMakeGroups(second) ? second : undefined;
    return parent === undefined ? version1(controller) : { version: 2, parent };
  }
  if (second !== undefined && enable(second, controller)) return { version: 2, parent: second };
  return version1(controller);
}

function canMakeGroups(parent: string): boolean {
  const trial = join(parent, `lambdad-trial-${process.pid}`);
  try {
    mkdirSync(trial);
  } catch {
    return false;
  }
  const freezes = existsSync(join(trial, FREEZE_FILE));
  rmdirSync(trial);
  return freezes;
}
