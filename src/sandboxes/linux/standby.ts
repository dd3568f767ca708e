import type { Ids } from '../../base/ids.ts';
import type { SandboxGroup, SandboxGroups } from './cgroups.ts';
import { Launcher } from './launcher.ts';
import type { SandboxNetwork } from './network.ts';
import type { Nursery } from './nursery.ts';

/**
 * Launchers that wait, each already in control groups of its own, with its link to the network where root makes one and a
 * disk for a /tmp of the usual size.
 *
 * Joining control groups waits for a grace period of the kernel: 10 to 25 ms after a quiet moment, half a millisecond
 * in the middle of others, so that the first of several hierarchies costs it and the rest next to nothing. Attaching a
 * disk waits for as much. A launcher that stands by has that behind it when a cold start needs it.
 */
export interface Ready {
  readonly launcher: Launcher;
  readonly group: SandboxGroup;
}

const STANDBY_COUNT = 3;
/** To make one takes milliseconds of a processor: not right behind the cold start that took the last one. */
const REFILL_DELAY_MS = 30;

export interface StandbyOptions {
  readonly nursery: Nursery;
  readonly groups: SandboxGroups;
  readonly network: SandboxNetwork;
  /** Template of the disk for a /tmp of the usual size; undefined where there are none. */
  readonly scratch: string | undefined;
  readonly ids: Ids;
}

export class Standby {
  readonly #nursery: Nursery;
  readonly #groups: SandboxGroups;
  readonly #scratch: string | undefined;
  readonly #ids: Ids;
  readonly #network: SandboxNetwork;
  readonly #waiting: Ready[] = [];
  #refill: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ nursery, groups, network, scratch, ids }: StandbyOptions) {
    this.#nursery = nursery;
    this.#groups = groups;
    this.#network = network;
    this.#scratch = scratch;
    this.#ids = ids;
    this.#refillLater();
  }

  take(): Ready {
    this.#refillLater();
    for (let ready = this.#waiting.shift(); ready; ready = this.#waiting.shift()) {
      if (!ready.launcher.ended) return ready;
      void ready.group.remove();
    }
    return this.#spawn();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refill);
    await this.drop();
  }

  /** Ends all that wait; new ones come in their place. */
  async drop(): Promise<void> {
    this.#refillLater();
    await Promise.all(this.#waiting.splice(0).map(end));
  }

  #spawn(): Ready {
    const link = this.#network.reserve();
    if (!link) throw new Error('this machine has no network for another sandbox');
    const group = this.#groups.create(this.#ids.hex(16));
    try {
      const disk = this.#scratch === undefined ? [] : ['--scratch', this.#scratch];
      const launcher = new Launcher(this.#nursery, [...disk, ...link.arguments, ...group.directories]);
      void launcher.gone.then(link.release);
      return { launcher, group };
    } catch (error) {
      link.release();
      void group.remove();
      throw error;
    }
  }

  #refillLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => {
      if (this.#waiting.length >= STANDBY_COUNT) return;
      try {
        this.#waiting.push(this.#spawn());
        this.#refillLater();
      } catch {
        // No descriptors or memory for a spare: the next take() tries again, and says why when it fails too.
      }
    }, REFILL_DELAY_MS);
    this.#refill.unref();
  }
}

async function end({ launcher, group }: Ready): Promise<void> {
  await launcher.end();
  await group.remove();
}
