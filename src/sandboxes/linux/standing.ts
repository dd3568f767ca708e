import type { SandboxGroup } from './cgroups.ts';
import type { Launcher } from './launcher.ts';
import type { SandboxNetwork } from './network.ts';
import type { Standby } from './standby.ts';

/** A sandbox that ends as soon as it is at rest. */
export interface Retirable {
  retire(): void;
}

/** What runs or stands by, so that it can end when the network around it is not what it was. */
export class Standing {
  readonly #launchers = new Map<Launcher, SandboxGroup>();
  readonly #sandboxes = new Set<Retirable>();
  #changes = 0;

  constructor(network: Pick<SandboxNetwork, 'onLost' | 'onChanged'>, standby: Pick<Standby, 'drop'>) {
    network.onLost(() => {
      for (const [launcher, group] of this.#launchers) {
        // Some freezers keep even a kill waiting.
        thaw(group);
        void launcher.end();
      }
      void standby.drop();
    });
    network.onChanged(() => {
      this.#changes++;
      for (const sandbox of this.#sandboxes) sandbox.retire();
    });
  }

  /** How often the network has changed: what a plan of it is good for. */
  get changes(): number {
    return this.#changes;
  }

  /** From before a sandbox is built with it until it has ended. */
  addLauncher(launcher: Launcher, group: SandboxGroup): void {
    this.#launchers.set(launcher, group);
    void launcher.gone.then(() => this.#launchers.delete(launcher));
  }

  /** `plannedAt`: the changes when its network was planned; one that was overtaken while it was made serves once. */
  addSandbox<T extends Retirable>(sandbox: T, launcher: Pick<Launcher, 'gone'>, plannedAt: number): T {
    if (plannedAt !== this.#changes) sandbox.retire();
    this.#sandboxes.add(sandbox);
    void launcher.gone.then(() => this.#sandboxes.delete(sandbox));
    return sandbox;
  }
}

function thaw({ freezer }: SandboxGroup): void {
  try {
    freezer?.thaw();
  } catch {
    // The group has gone with its sandbox.
  }
}
