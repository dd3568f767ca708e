import { existsSync } from 'node:fs';
import { release } from 'node:os';
import type { Mount, Prestart, SandboxSpec } from '../../environments/sandbox.ts';
import { INODES_PER_MB } from './scratch-templates.ts';

/** What the launcher is told of a sandbox: its root, its user, its limits. */

/** AWS's own name and numbers for the user that functions run as (runtime-facts 3). */
export const SANDBOX_UID = 993;
const SANDBOX_GID = 990;
const MEGABYTE = 1_048_576;
/** Processes and threads of a function, as AWS limits them. */
export const TASKS_MAX = 1024;

/** What a runtime needs of the host, read-only. Absent ones are left out. */
const SYSTEM_PATHS = ['/usr', '/lib', '/lib64', '/lib32', '/bin', '/sbin'];
/** What people put beside their system; a function has no business there, and Lambda has nothing there either. */
const HIDDEN_PATHS = ['/usr/local', '/usr/src'];
const SYSTEM_FILES = [
  '/etc/ssl',
  '/etc/pki',
  '/etc/ca-certificates',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/alternatives',
  '/etc/mime.types',
  '/etc/localtime',
  '/etc/services',
  '/etc/protocols',
];

export interface SetupOptions {
  /** An empty directory of ours: the mount point of every sandbox's root, each in its own namespace. */
  readonly runDir: string;
  /** Stays empty: covers what is to be hidden. */
  readonly emptyDir: string;
  /** Path of the bubblewrap that makes the namespaces; undefined where the launcher itself can. */
  readonly bubblewrap: string | undefined;
}

export function setupStrings(
  options: SetupOptions,
  spec: Pick<SandboxSpec, 'mounts' | 'tmpBytes' | 'prestart'>,
  hostId: number,
  scratch?: string,
): string[] {
  const setup = ['root', options.runDir, 'uid', String(SANDBOX_UID), 'gid', String(SANDBOX_GID)];
  if (options.bubblewrap !== undefined) setup.push('bubblewrap', options.bubblewrap);
  if (hostId > 0) setup.push('hostuid', String(hostId), 'hostgid', String(hostId));
  for (const path of SYSTEM_PATHS) setup.push('bind', path, path, 'ro?');
  for (const path of HIDDEN_PATHS) if (existsSync(path)) setup.push('bind', options.emptyDir, path, 'ro');
  for (const path of SYSTEM_FILES) setup.push('bind', path, path, 'ro?');
  setup.push('file', '/etc/nsswitch.conf', '0644', 'passwd: files\ngroup: files\nhosts: files dns\n');
  // Whether or not there is something for them.
  setup.push('dir', '/opt', 'dir', '/var/cache');
  for (const mount of spec.mounts) setup.push('bind', mount.source, mount.target, modeOf(mount, spec.prestart));
  const inodes = Math.ceil(spec.tmpBytes / MEGABYTE) * INODES_PER_MB;
  setup.push(...(scratch === undefined ? ['tmp', String(spec.tmpBytes), String(inodes)] : ['scratch', scratch]));
  setup.push(
    'hostname',
    'localhost',
    'nofile',
    '1024',
    ...(hostId > 0 ? ['nproc', String(TASKS_MAX)] : countsByNamespace() ? ['nproc', String(TASKS_MAX + 1)] : []),
  );
  return setup;
}

/** What a process that waits is given last comes last everywhere, so that the order of the mounts does not tell. */
function modeOf(mount: Mount, prestart: Prestart | undefined): string {
  if (mount.writable) return 'owner';
  return isLate(mount, prestart) ? 'late' : 'ro';
}

/** Whether a mount is the function's, of a sandbox whose process may have been there before. */
export function isLate(mount: Mount, prestart: Prestart | undefined): boolean {
  return prestart !== undefined && !prestart.mounts.includes(mount);
}

/**
 * A second wall behind the control group, or the only one. The user is the sandbox's own where the server is root.
 * Otherwise it is the person's, whose processes outside a kernel before 5.14 counts too; later ones count in each user
 * namespace, pid 1 of the sandbox included.
 */
function countsByNamespace(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}
