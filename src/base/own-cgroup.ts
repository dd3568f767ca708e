import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

/** Where this process's own control groups are. */

/** Where the server itself goes when version 2 wants no processes beside its sandboxes. */
export const SERVER_LEAF = 'lambdad-server';

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    // Not Linux.
    return [];
  }
}

/** Directory of the own group in one of the hierarchies: that of a controller of version 1, or ('') that of version 2. */
function ownDirectory(controller: string): string | undefined {
  const own = lines('/proc/self/cgroup')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .find((match) => match?.[1]?.split(',').includes(controller))?.[2];
  if (own === undefined) return undefined;
  for (const line of lines('/proc/self/mountinfo')) {
    const [place = '', filesystem = ''] = line.split(' - ');
    const [, , , root = '/', mount = ''] = place.split(' ');
    const [type, , options = ''] = filesystem.split(' ');
    const isIt = controller === '' ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller);
    if (!isIt) continue;
    // In a container the mount may begin at the container's group, or the path may be one of the host's.
    const below = relative(root, own);
    const directory = below.startsWith('..') ? mount : join(mount, below);
    return existsSync(directory) ? directory : mount;
  }
  return undefined;
}

/** The group beneath which sandboxes would be in the hierarchy of a controller of version 1; undefined without one. */
export function firstVersionGroup(controller: string): string | undefined {
  return ownDirectory(controller);
}

/** The same in the hierarchy of version 2, from a server in its leaf too. */
export function secondVersionGroup(): string | undefined {
  const own = ownDirectory('');
  return own !== undefined && basename(own) === SERVER_LEAF ? dirname(own) : own;
}

/** Whether version 2 has the controller in this group. */
export function hasController(group: string, controller: string): boolean {
  return lines(join(group, 'cgroup.controllers')).join(' ').split(' ').includes(controller);
}
