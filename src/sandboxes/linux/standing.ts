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

  constructor(network: SandboxNetwork, standby: Standby) {
    network.onLost(() => {
      for (const [launcher, group] of this.#launchers) {
        // Some freezers keep even a kill waiting.
        thaw(group);
        void launcher.end();
      }
      void standby.drop();
    });
    network.onChanged(() => {
      for (const sandbox of this.#sandboxes) sandbox.retire();
    });
  }

  /** From before a sandbox is built with it until it has ended. */
  addLauncher(launcher: Launcher, group: SandboxGroup): void {
    this.#launchers.set(launcher, group);
    void launcher.gone.then(() => this.#launchers.delete(launcher));
  }

  addSandbox<T extends Retirable>(sandbox: T, launcher: Launcher): T {
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
