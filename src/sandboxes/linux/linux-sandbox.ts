import { existsSync, mkdirSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type Deferred, deferred } from '../../base/deferred.ts';
import type { Ids } from '../../base/ids.ts';
import { launchErrorText } from '../../environments/fault.ts';
import type {
  ProcessExit,
  ProcessSpec,
  Sandbox,
  SandboxKind,
  SandboxProcess,
  SandboxSpec,
} from '../../environments/sandbox.ts';
import { findMemoryGroups, type MemoryGroup } from './cgroups.ts';
import type { Launcher, SandboxPipes } from './launcher.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { Standby } from './standby.ts';

/**
 * Sandboxes of Linux namespaces, made by the native launcher: own mounts on a read-only root, own processes, network,
 * IPC and host name, no capabilities, a system-call filter, and memory limits by control group where there are any.
 */

const RUNTIME_API_PORT = 9001;
/** AWS's own name and numbers for the user that functions run as (runtime-facts 3). */
const SANDBOX_UID = 993;
const SANDBOX_GID = 990;
/** Host uids for sandboxes when the server is root: one each, so that they cannot touch each other's processes. */
const HOST_UID_FIRST = 2_015_000;
const HOST_UID_COUNT = 50_000;
/** Files that a function may create in /tmp for each MB of it. */
const INODES_PER_MB = 1000;
const MEGABYTE = 1_048_576;

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

export interface LinuxSandboxOptions {
  /** The native launcher. */
  readonly binary: string;
  /** An empty directory of ours: the mount point of every sandbox's root, each in its own namespace. */
  readonly runDir: string;
  /** Stays empty: covers what is to be hidden. */
  readonly emptyDir: string;
  readonly ids: Ids;
  readonly network: 'none' | 'host';
}

class LinuxSandbox implements Sandbox {
  readonly runtimeApiAddress: string;
  readonly listener: Server;
  readonly #spec: SandboxSpec;
  readonly #launcher: Launcher;
  readonly #pipes: SandboxPipes;
  readonly #group: MemoryGroup | undefined;
  readonly #watch: MemoryWatch | undefined;
  readonly #running: Running;
  #oomBefore = 0;
  #exceeded = false;

  constructor(parts: LinuxSandboxParts) {
    this.#spec = parts.spec;
    this.#launcher = parts.launcher;
    this.listener = parts.server;
    this.runtimeApiAddress = `127.0.0.1:${parts.port}`;
    this.#pipes = parts.pipes;
    this.#group = parts.group;
    this.#running = parts.running;
    if (!parts.group)
      this.#watch = watchMemory(parts.launcher.pid, parts.spec.memoryBytes, () => {
        this.#exceeded = true;
        void this.#launcher.killAll();
      });
  }

  get gone(): Promise<void> {
    return this.#launcher.gone;
  }

  path(target: string): string {
    return target;
  }

  async start(process: ProcessSpec): Promise<SandboxProcess> {
    if (process.role === 'runtime') {
      this.#oomBefore = this.#group?.oomKills() ?? 0;
      this.#exceeded = false;
    }
    const { id, exited } = this.#running.begin();
    const report = await this.#launcher.startProcess(id, process);
    if (report.failed !== undefined) {
      const code = getSystemErrorName(-(report.errno ?? 0));
      this.#running.exited(id, { launchError: launchErrorText(process.argv[0] ?? '', code) });
    }
    const signal = (name: 'SIGTERM' | 'SIGKILL') => this.#launcher.signal(id, name);
    const { stdout, stderr, log, extension } = this.#pipes;
    return process.role === 'extension'
      ? { stdout: extension, stderr: extension, exited, signal }
      : { stdout, stderr, log, exited, signal };
  }

  dial(port: number): Promise<Socket> {
    return this.#launcher.dial(port);
  }

  killAll(): Promise<void> {
    return this.#launcher.killAll();
  }

  memoryPeakBytes(): number {
    const peak = this.#group?.peakBytes() ?? this.#watch?.peakBytes() ?? 0;
    return Math.min(peak, this.#spec.memoryBytes);
  }

  resetMemoryPeak(): void {
    this.#group?.resetPeak();
    this.#watch?.resetPeak();
  }

  outOfMemory(): boolean {
    return this.#exceeded || (this.#group?.oomKills() ?? 0) > this.#oomBefore;
  }

  freeze(): void {}

  thaw(): void {}

  limitCpu(): void {}

  async destroy(): Promise<void> {
    this.#watch?.stop();
    await this.#launcher.end();
    for (const pipe of Object.values(this.#pipes)) pipe.destroy();
    await this.#group?.remove();
  }
}

interface LinuxSandboxParts {
  readonly spec: SandboxSpec;
  readonly launcher: Launcher;
  readonly server: Server;
  readonly port: number;
  readonly pipes: SandboxPipes;
  readonly group: MemoryGroup | undefined;
  readonly running: Running;
}

/** The processes that were started and have not ended. */
class Running {
  #count = 0;
  readonly #exits = new Map<string, Deferred<ProcessExit>>();

  begin(): { id: string; exited: Promise<ProcessExit> } {
    const id = String(++this.#count);
    const exit = deferred<ProcessExit>();
    this.#exits.set(id, exit);
    return { id, exited: exit.promise };
  }

  exited(id: string, exit: ProcessExit): void {
    this.#exits.get(id)?.resolve(exit);
    this.#exits.delete(id);
  }

  gone(): void {
    for (const id of [...this.#exits.keys()]) this.exited(id, { signal: 'SIGKILL' });
  }
}

function setupStrings(options: LinuxSandboxOptions, spec: SandboxSpec, hostId: number): string[] {
  const setup = ['root', options.runDir, 'uid', String(SANDBOX_UID), 'gid', String(SANDBOX_GID)];
  if (hostId > 0) setup.push('hostuid', String(hostId), 'hostgid', String(hostId));
  for (const path of SYSTEM_PATHS) setup.push('bind', path, path, 'ro?');
  for (const path of HIDDEN_PATHS) if (existsSync(path)) setup.push('bind', options.emptyDir, path, 'ro');
  for (const path of SYSTEM_FILES) setup.push('bind', path, path, 'ro?');
  setup.push('file', '/etc/hosts', '0644', '127.0.0.1 localhost\n127.0.0.1 sandbox.localdomain\n::1 localhost\n');
  setup.push('file', '/etc/nsswitch.conf', '0644', 'passwd: files\ngroup: files\nhosts: files dns\n');
  if (options.network === 'host') setup.push('bind', '/etc/resolv.conf', '/etc/resolv.conf', 'ro?');
  setup.push('dir', '/opt');
  for (const mount of spec.mounts) setup.push('bind', mount.source, mount.target, 'ro');
  const inodes = Math.ceil(spec.tmpBytes / MEGABYTE) * INODES_PER_MB;
  setup.push('tmp', String(spec.tmpBytes), String(inodes));
  setup.push(
    'network',
    options.network,
    'listen',
    // On the host's network every sandbox needs a port of its own.
    String(options.network === 'host' ? 0 : RUNTIME_API_PORT),
    'hostname',
    'localhost',
    'nofile',
    '1024',
    // The user is the sandbox's own where the server is root; otherwise the limit would count the person's processes too.
    ...(hostId > 0 ? ['nproc', '1024'] : []),
    'end',
  );
  return setup;
}

/** Sandboxes of this kind; that this machine can make them has been tried before. */
export function linuxSandboxes(options: LinuxSandboxOptions): SandboxKind {
  const groups = findMemoryGroups();
  const standby = new Standby(options.binary, groups, options.ids);
  const isRoot = process.getuid?.() === 0;
  let nextHostId = 0;
  const limits = groups ? `memory limits by cgroup v${groups.version}` : 'memory watched (no cgroup of our own)';
  const network = options.network === 'none' ? 'no network but the Runtime API' : "the host's network";
  for (const directory of [options.runDir, options.emptyDir]) mkdirSync(directory, { recursive: true });
  return {
    description: `linux namespaces${isRoot ? '' : ', unprivileged'}; ${limits}; ${network}`,
    create: async (spec) => {
      const hostId = isRoot ? HOST_UID_FIRST + (nextHostId++ % HOST_UID_COUNT) : 0;
      const { launcher, group } = standby.take();
      const running = new Running();
      try {
        group?.limit(spec.memoryBytes);
        const set = await launcher.set(setupStrings(options, spec, hostId), {
          exited: (id, exit) => running.exited(id, exit),
          gone: () => running.gone(),
        });
        return new LinuxSandbox({ spec, launcher, ...set, group, running });
      } catch (error) {
        await launcher.end();
        await group?.remove();
        throw error;
      }
    },
    // Mounts went with the processes of a killed server; only its groups are left.
    reconcile: async () => groups?.reconcile(),
    close: () => standby.close(),
  };
}
