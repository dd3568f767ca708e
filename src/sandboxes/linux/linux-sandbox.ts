import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type Deferred, deferred } from '../../base/deferred.ts';
import type { Ids } from '../../base/ids.ts';
import { launchErrorText } from '../../environments/fault.ts';
import {
  MountFailed,
  type ProcessExit,
  type ProcessSpec,
  type Sandbox,
  type SandboxKind,
  type SandboxProcess,
  type SandboxSpec,
} from '../../environments/sandbox.ts';
import { DATAGRAM_PORT } from '../../environments/trace-datagrams.ts';
import { INIT_WEIGHT, processorsOf, weightOf } from './cgroup-controls.ts';
import { findGroups, type SandboxGroup } from './cgroups.ts';
import { describeMeasures } from './describe-measures.ts';
import { type Built, type Launcher, SandboxFailed, type SandboxPipes } from './launcher.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import type { NetworkPlan, SandboxNetwork } from './network.ts';
import { type SetupOptions, setupStrings, TASKS_MAX } from './sandbox-setup.ts';
import type { ScratchTemplates } from './scratch-templates.ts';
import { Standby } from './standby.ts';
import { Standing } from './standing.ts';

/**
 * Sandboxes of Linux namespaces, made by the native launcher: own mounts on a read-only root, own processes, network,
 * IPC and host name, no capabilities, a system-call filter, and limits of memory, processors and processes by control
 * groups where there are any.
 */

/** Host uids for sandboxes when the server is root: one each, so that they cannot touch each other's processes. */
const HOST_UID_FIRST = 2_015_000;
const HOST_UID_COUNT = 50_000;
/** The launcher's own two in the same group. */
const LAUNCHER_TASKS = 2;
const IDENTITY_DIGITS = 12;

export interface LinuxSandboxOptions extends SetupOptions {
  /** The native launcher. */
  readonly binary: string;
  readonly ids: Ids;
  readonly network: SandboxNetwork;
  readonly cpu: 'weight' | 'quota';
  /** Whether the kernel has a Landlock that the launcher uses. */
  readonly landlock: boolean;
  /** Disks for /tmp, and the template of the usual size; undefined where they cannot be had: then it is in memory. */
  readonly scratch: { readonly templates: ScratchTemplates; readonly usual: string } | undefined;
}

class LinuxSandbox implements Sandbox {
  readonly runtimeApiAddress: string;
  readonly listener: Server;
  readonly datagramAddress: string | undefined;
  readonly notes: readonly string[];
  readonly #spec: SandboxSpec;
  readonly #launcher: Launcher;
  readonly #pipes: SandboxPipes;
  readonly #group: SandboxGroup;
  /** Processors that AWS would give; undefined where they are shared by weight alone. */
  readonly #processors: number | undefined;
  readonly #watch: MemoryWatch | undefined;
  readonly #running: Running;
  #oomBefore = 0;
  #exceeded = false;
  #isFrozen = false;
  #isRetired = false;

  constructor(parts: LinuxSandboxParts) {
    this.#spec = parts.spec;
    this.#launcher = parts.launcher;
    const { server, port, datagramPort, pipes, offline } = parts.built;
    this.listener = server;
    this.runtimeApiAddress = `${parts.network.runtimeApi.address}:${port}`;
    this.datagramAddress =
      datagramPort === undefined ? undefined : `${parts.network.runtimeApi.address}:${datagramPort}`;
    this.#pipes = pipes;
    this.notes = offline === undefined ? [] : [`this environment has no network: ${offline || 'no way out came up'}`];
    this.#group = parts.group;
    this.#processors = parts.processors;
    this.#running = parts.running;
    if (!parts.group.memory)
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
      this.#oomBefore = this.#group.memory?.oomKills() ?? 0;
      this.#exceeded = false;
    }
    const { id, exited } = this.#running.begin();
    const report = await this.#launcher.startProcess(id, process);
    if (report.failed !== undefined) {
      const code = getSystemErrorName(-(report.errno ?? 0));
      const exit: ProcessExit =
        report.step === 'cwd'
          ? { launchError: launchErrorText(process.cwd, code, 'chdir'), launchStep: 'cwd' }
          : { launchError: launchErrorText(process.argv[0] ?? '', code) };
      this.#running.exited(id, exit);
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
    this.thaw();
    return this.#launcher.killAll();
  }

  memoryPeakBytes(): number {
    const peak = this.#group.memory?.peakBytes() ?? this.#watch?.peakBytes() ?? 0;
    return Math.min(peak, this.#spec.memoryBytes);
  }

  resetMemoryPeak(): void {
    this.#group.memory?.resetPeak();
    this.#watch?.resetPeak();
  }

  outOfMemory(): boolean {
    return this.#exceeded || (this.#group.memory?.oomKills() ?? 0) > this.#oomBefore;
  }

  /** It is to end as soon as it is at rest: its network is not what a new one's is. */
  retire(): void {
    this.#isRetired = true;
    if (!this.#isFrozen) return;
    // Some freezers keep even a kill waiting.
    this.thaw();
    void this.#launcher.end();
  }

  freeze(): void {
    if (this.#isFrozen) return;
    if (this.#isRetired) {
      void this.#launcher.end();
      return;
    }
    this.#isFrozen = true;
    this.#watch?.pause();
    this.#hold(true);
  }

  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#watch?.resume();
    this.#hold(false);
  }

  limitCpu(isLimited: boolean): void {
    const { cpu } = this.#group;
    const weight = weightOf(this.#spec.memoryBytes);
    try {
      cpu?.weigh(isLimited ? weight : Math.max(weight, INIT_WEIGHT));
      if (this.#processors !== undefined) cpu?.allow(isLimited ? this.#processors : undefined);
    } catch {
      // The group has gone with its sandbox.
    }
  }

  #hold(isHeld: boolean): void {
    const { freezer } = this.#group;
    try {
      if (!freezer) this.#launcher.stopAll(isHeld);
      else if (isHeld) freezer.freeze();
      else freezer.thaw();
    } catch {
      // The group has gone with its sandbox.
    }
  }

  async destroy(): Promise<void> {
    // Some freezers keep even a kill waiting.
    this.thaw();
    this.#watch?.stop();
    await this.#launcher.end();
    for (const pipe of Object.values(this.#pipes)) pipe.destroy();
    await this.#group.remove();
  }
}

interface LinuxSandboxParts {
  readonly spec: SandboxSpec;
  readonly launcher: Launcher;
  readonly built: Built;
  readonly network: NetworkPlan;
  readonly group: SandboxGroup;
  readonly processors: number | undefined;
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

/** The same for every server of a data folder, and for no other folder of this machine, wherever it is mounted. */
export function identityOf(runDir: string): string {
  const { dev, ino } = statSync(runDir);
  return createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, IDENTITY_DIGITS);
}

/** Sandboxes of this kind; that this machine can make them has been tried before. */
export function linuxSandboxes(options: LinuxSandboxOptions): SandboxKind {
  for (const directory of [options.runDir, options.emptyDir]) mkdirSync(directory, { recursive: true });
  const identity = identityOf(options.runDir);
  const groups = findGroups(identity);
  const { network, scratch: disks } = options;
  const standby = new Standby({ binary: options.binary, groups, network, scratch: disks?.usual, ids: options.ids });
  const standing = new Standing(network, standby);
  const isRoot = process.getuid?.() === 0;
  // Servers of one machine seldom begin at the same.
  let nextHostId = Number.parseInt(identity, 16) % HOST_UID_COUNT;
  const processorsFor = ({ memoryBytes }: SandboxSpec) =>
    options.cpu === 'quota' ? processorsOf(memoryBytes, availableParallelism()) : undefined;
  const { description } = network;
  return {
    description: [
      `linux namespaces${options.bubblewrap === undefined ? '' : ' by bubblewrap'}${isRoot ? '' : ', unprivileged'}${options.landlock ? ', Landlock' : ', no Landlock in this kernel'}`,
      describeMeasures(groups.versions),
      disks ? '/tmp on disk' : '/tmp in memory',
      description,
    ].join('; '),
    hostPorts: network.hostPorts,
    hasOwnPaths: true,
    create: async (spec) => {
      const hostId = isRoot ? HOST_UID_FIRST + (nextHostId++ % HOST_UID_COUNT) : 0;
      const scratch = await disks?.templates.get(spec.tmpBytes);
      await network.ready();
      const { launcher, group } = standby.take();
      standing.addLauncher(launcher, group);
      const running = new Running();
      try {
        group.memory?.limit(spec.memoryBytes);
        group.tasks?.limit(TASKS_MAX + LAUNCHER_TASKS);
        const plan = network.plan();
        const built = await launcher.set(
          {
            setup: [...setupStrings(options, spec, hostId, scratch), ...datagramSetup(spec, plan)],
            network: plan,
            peerUid: network.tellsPeers ? hostId : undefined,
            datagrams: spec.datagrams,
          },
          { exited: (id, exit) => running.exited(id, exit), gone: () => running.gone() },
        );
        const processors = processorsFor(spec);
        const sandbox = new LinuxSandbox({ spec, launcher, built, network: plan, group, processors, running });
        return standing.addSandbox(sandbox, launcher);
      } catch (error) {
        await launcher.end();
        await group.remove();
        throw mountFailure(error, spec) ?? error;
      }
    },
    // Mounts went with the processes of a killed server; only its groups are left.
    reconcile: () => groups.reconcile(),
    close: async () => {
      await standby.close();
      await network.close();
    },
  };
}

/** On a network that is shared the port is a free one, as the Runtime API's is. */
function datagramSetup({ datagrams }: SandboxSpec, { runtimeApi }: NetworkPlan): readonly string[] {
  return datagrams === undefined ? [] : ['datagrams', String(runtimeApi.port === 0 ? 0 : DATAGRAM_PORT)];
}

/** The step of the launcher that is about a writable mount; its text names the source. */
const OWNER_STEP = 'owner';

function mountFailure(error: unknown, { mounts }: SandboxSpec): MountFailed | undefined {
  if (!(error instanceof SandboxFailed) || error.step !== OWNER_STEP) return undefined;
  const failed = mounts.find(({ source, writable }) => writable && error.message.includes(source));
  return new MountFailed(failed?.target ?? '', error.message);
}
