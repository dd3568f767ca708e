import { type Deferred, deferred } from '../../base/deferred.ts';
import type { ProcessExit, SandboxSpec } from '../../environments/sandbox.ts';
import { DATAGRAM_PORT } from '../../environments/trace-datagrams.ts';
import type { SandboxGroup } from './cgroups.ts';
import type { Built, Launcher } from './launcher.ts';
import type { NetworkPlan, SandboxNetwork } from './network.ts';
import { SANDBOX_UID, type SetupOptions, setupStrings, TASKS_MAX } from './sandbox-setup.ts';
import type { ScratchTemplates } from './scratch-templates.ts';
import type { Standby } from './standby.ts';
import type { Standing } from './standing.ts';

/** A sandbox that stands, without a function: what its launcher has made, and how to reach it. */
export interface BareSandbox {
  readonly launcher: Launcher;
  readonly group: SandboxGroup;
  readonly built: Built;
  readonly network: NetworkPlan;
  /** How often the network had changed when it was planned. */
  readonly plannedAt: number;
  readonly running: Running;
  /** As processes inside see it. */
  readonly userId: number;
  /** Who takes the datagrams of its processes from now on. */
  giveDatagrams(take: (datagram: Buffer) => void): void;
}

export interface BuilderOptions extends SetupOptions {
  readonly network: SandboxNetwork;
  /** Disks for /tmp, and the template of the usual size; undefined where they cannot be had: then it is in memory. */
  readonly scratch: { readonly templates: ScratchTemplates; readonly usual: string } | undefined;
}

/** Host uids for sandboxes when the server is root: one each, so that they cannot touch each other's processes. */
const HOST_UID_FIRST = 2_015_000;
const HOST_UID_COUNT = 50_000;
/** The launcher's own two in the same group. */
const LAUNCHER_TASKS = 2;

/** Builds sandboxes with launchers that stand by. */
export class SandboxBuilder {
  readonly #options: BuilderOptions;
  readonly #standby: Standby;
  readonly #standing: Standing;
  readonly #isRoot = process.getuid?.() === 0;
  #nextHostId: number;

  constructor(options: BuilderOptions, standby: Standby, standing: Standing, identity: string) {
    this.#options = options;
    this.#standby = standby;
    this.#standing = standing;
    // Servers of one machine seldom begin at the same.
    this.#nextHostId = Number.parseInt(identity, 16) % HOST_UID_COUNT;
  }

  /** `taken` is told of the group that its processes will be in. Rejects when this machine cannot make one. */
  async build(
    spec: Pick<SandboxSpec, 'mounts' | 'tmpBytes' | 'prestart' | 'datagrams'>,
    taken: (group: SandboxGroup) => void,
    gate: readonly string[] = [],
  ): Promise<BareSandbox> {
    const { network, scratch: disks } = this.#options;
    const hostId = this.#isRoot ? HOST_UID_FIRST + (this.#nextHostId++ % HOST_UID_COUNT) : 0;
    const scratch = await disks?.templates.get(spec.tmpBytes);
    await network.ready();
    const { launcher, group } = this.#standby.take();
    this.#standing.addLauncher(launcher, group);
    const running = new Running();
    try {
      taken(group);
      group.tasks?.limit(TASKS_MAX + LAUNCHER_TASKS);
      const plan = network.plan();
      const plannedAt = this.#standing.changes;
      let take: ((datagram: Buffer) => void) | undefined;
      const built = await launcher.set(
        {
          setup: [...setupStrings(this.#options, spec, hostId, scratch), ...datagramSetup(spec, plan), ...gate],
          network: plan,
          peerUid: network.tellsPeers ? hostId : undefined,
          datagrams: (datagram) => take?.(datagram),
        },
        { exited: (id, exit) => running.exited(id, exit), gone: () => running.gone() },
      );
      const giveDatagrams = (taker: (datagram: Buffer) => void) => {
        take = taker;
      };
      const userId = hostId > 0 ? hostId : SANDBOX_UID;
      return { launcher, group, built, network: plan, plannedAt, running, userId, giveDatagrams };
    } catch (error) {
      await launcher.end();
      await group.remove();
      throw error;
    }
  }
}

/** On a network that is shared the port is a free one, as the Runtime API's is. */
function datagramSetup({ datagrams }: Pick<SandboxSpec, 'datagrams'>, { runtimeApi }: NetworkPlan): readonly string[] {
  return datagrams === undefined ? [] : ['datagrams', String(runtimeApi.port === 0 ? 0 : DATAGRAM_PORT)];
}

/** Ends a sandbox that no environment has. */
export async function endBare({ launcher, group, built }: BareSandbox): Promise<void> {
  await launcher.end();
  for (const pipe of Object.values(built.pipes)) pipe.destroy();
  await group.remove();
}

/** The processes that were started and have not ended. */
export class Running {
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
