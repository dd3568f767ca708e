import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
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
import { type BareSandbox, type BuilderOptions, SandboxBuilder } from './bare-sandbox.ts';
import { INIT_WEIGHT, processorsOf, weightOf } from './cgroup-controls.ts';
import { findGroups, type SandboxGroup } from './cgroups.ts';
import { describeMeasures } from './describe-measures.ts';
import { type Launcher, SandboxFailed, type SandboxPipes } from './launcher.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { Nursery } from './nursery.ts';
import { assignmentText, prestartedSandboxes, type WaitingProcess } from './prestarted-sandbox.ts';
import { isLate } from './sandbox-setup.ts';
import { Standby } from './standby.ts';
import { Standing } from './standing.ts';

/**
 * Sandboxes of Linux namespaces, made by the native launcher: own mounts on a read-only root, own processes, network,
 * IPC and host name, no capabilities, a system-call filter, and limits of memory, processors and processes by control
 * groups where there are any.
 */

const IDENTITY_DIGITS = 12;

export interface LinuxSandboxOptions extends BuilderOptions {
  /** The native launcher. */
  readonly binary: string;
  readonly ids: Ids;
  readonly cpu: 'weight' | 'quota';
  /** Whether the kernel has a Landlock that the launcher uses. */
  readonly landlock: boolean;
  /** The most sandboxes of one kind that wait with their runtime's process started; 0 for none. */
  readonly prestart: number;
}

class LinuxSandbox implements Sandbox {
  readonly runtimeApiAddress: string;
  readonly listener: Server;
  readonly datagramAddress: string | undefined;
  readonly userId: number;
  readonly notes: readonly string[];
  readonly #spec: SandboxSpec;
  readonly #launcher: Launcher;
  readonly #pipes: SandboxPipes;
  readonly #group: SandboxGroup;
  /** Processors that AWS would give; undefined where they are shared by weight alone. */
  readonly #processors: number | undefined;
  readonly #watch: MemoryWatch | undefined;
  readonly #running: BareSandbox['running'];
  #waiting: WaitingProcess | undefined;
  #oomBefore = 0;
  #exceeded = false;
  #isFrozen = false;
  #isRetired = false;

  constructor({ spec, bare, processors, waiting }: LinuxSandboxParts) {
    this.#spec = spec;
    this.#launcher = bare.launcher;
    this.userId = bare.userId;
    const { server, port, datagramPort, pipes, offline } = bare.built;
    const { address } = bare.network.runtimeApi;
    this.listener = server;
    this.runtimeApiAddress = `${address}:${port}`;
    this.datagramAddress = datagramPort === undefined ? undefined : `${address}:${datagramPort}`;
    if (spec.datagrams) bare.giveDatagrams(spec.datagrams);
    this.#pipes = pipes;
    this.notes = offline === undefined ? [] : [`this environment has no network: ${offline || 'no way out came up'}`];
    this.#group = bare.group;
    this.#processors = processors;
    this.#running = bare.running;
    this.#waiting = waiting;
    if (!bare.group.memory)
      this.#watch = watchMemory(bare.launcher.pid, spec.memoryBytes, () => {
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
    const waiting = this.#waiting;
    // One that has had an out-of-memory kill waits no more.
    if (waiting && process.role === 'runtime') return this.#assign(waiting, process);
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
    return this.#started(process, id, exited);
  }

  /** What waits becomes what was asked for. */
  async #assign({ id, exited, handOver }: WaitingProcess, process: ProcessSpec): Promise<SandboxProcess> {
    this.#waiting = undefined;
    handOver();
    await this.#launcher.assign(id, assignmentText(process));
    return this.#started(process, id, exited);
  }

  #started({ role }: ProcessSpec, id: string, exited: Promise<ProcessExit>): SandboxProcess {
    const signal = (name: 'SIGTERM' | 'SIGKILL') => this.#launcher.signal(id, name);
    const { stdout, stderr, log, extension } = this.#pipes;
    return role === 'extension'
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
  readonly bare: BareSandbox;
  readonly processors: number | undefined;
  /** Its runtime's process, where that was started before. */
  readonly waiting: WaitingProcess | undefined;
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
  const nursery = new Nursery(options.binary);
  const standby = new Standby({ nursery, groups, network, scratch: disks?.usual, ids: options.ids });
  const standing = new Standing(network, standby);
  const builder = new SandboxBuilder(options, standby, standing, identity);
  const kindsFile = join(options.runDir, 'kinds.json');
  const prestarted = options.prestart > 0 ? prestartedSandboxes(builder, options.prestart, kindsFile) : undefined;
  network.onChanged(() => void prestarted?.pool.drop());
  const isRoot = process.getuid?.() === 0;
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
      const waiting = await prestarted?.pool.take(spec)?.catch(() => undefined);
      const bare = waiting?.bare ?? (await builder.build(spec, limitTo(spec)).catch(failMount(spec)));
      if (waiting) {
        // Meanwhile it is made up what it shall be.
        const late = spec.mounts.filter((mount) => isLate(mount, spec.prestart));
        bare.launcher.mount(waiting.id, late);
        limitTo(spec)(bare.group);
        bare.group.memory?.resetPeak();
      }
      const sandbox = new LinuxSandbox({ spec, bare, processors: processorsFor(spec), waiting });
      return standing.addSandbox(sandbox, bare.launcher, bare.plannedAt);
    },
    expect: (spec) => prestarted?.pool.expect(spec),
    // Mounts went with the processes of a killed server; only its groups are left.
    reconcile: async () => {
      await groups.reconcile();
      prestarted?.recall();
    },
    close: async () => {
      await prestarted?.pool.close();
      await standby.close();
      await nursery.close();
      await network.close();
    },
  };
}

function limitTo({ memoryBytes }: SandboxSpec): (group: SandboxGroup) => void {
  return (group) => group.memory?.limit(memoryBytes);
}

function failMount(spec: SandboxSpec): (error: unknown) => never {
  return (error) => {
    throw mountFailure(error, spec) ?? error;
  };
}

/** The step of the launcher that is about a writable mount; its text names the source. */
const OWNER_STEP = 'owner';

function mountFailure(error: unknown, { mounts }: SandboxSpec): MountFailed | undefined {
  if (!(error instanceof SandboxFailed) || error.step !== OWNER_STEP) return undefined;
  const failed = mounts.find(({ source, writable }) => writable && error.message.includes(source));
  return new MountFailed(failed?.target ?? '', error.message);
}
