import { join } from 'node:path';
import { foreignWallRemedy } from '../../base/foreign-walls.ts';
import type { Ids } from '../../base/ids.ts';
import { natRemedy } from '../../base/nat-remedy.ts';
import { findNetworkHelper, type NetworkLack } from '../../base/network-helper.ts';
import { helperNetwork } from './helper-network.ts';
import { NatNetwork } from './nat-network.ts';
import { hostNetwork, noNetwork, type SandboxNetwork } from './network.ts';
import { RulesFailed } from './rule-holder.ts';

/**
 * Which network the sandboxes of this machine get. Outbound access within walls where it can be had; where it cannot, the
 * host's own network with a warning while only this machine reaches the server, and otherwise a refusal.
 */
export interface NetworkWish {
  readonly network: 'egress' | 'host' | 'none';
  readonly allowHost: readonly number[];
  readonly loopback: boolean;
  readonly ids: Ids;
  /** The native launcher. */
  readonly binary: string;
  /** The server makes sandboxes without user namespaces. */
  readonly isRoot: boolean;
  /** A helper can reach into the sandboxes' networks: not into those that bubblewrap makes. */
  readonly hasHelpers: boolean;
  readonly runDir: string;
  readonly path: string | undefined;
}

interface Chosen {
  readonly network: SandboxNetwork;
  readonly warnings: readonly string[];
}

export type NetworkChoice = Chosen | { readonly refusal: string };

const SHARED = "functions share this machine's network: they reach what you reach there, this API included";

export async function chooseNetwork(wish: NetworkWish): Promise<NetworkChoice> {
  const { network, allowHost, isRoot, ids } = wish;
  if (network === 'none') return { network: noNetwork(isRoot, allowHost), warnings: [] };
  if (network === 'host') return { network: hostNetwork(isRoot, ids), warnings: [`${SHARED} (--network host)`] };
  const found = isRoot ? await translated(wish) : helped(wish);
  if ('network' in found) return found;
  const mend = found.commands.map((command) => `to mend that: ${command}`);
  if (!wish.loopback) {
    const instead = '--network none runs functions without a network';
    return { refusal: [`no network for functions here: ${found.reason} (${instead})`, ...mend].join('\n') };
  }
  return { network: hostNetwork(isRoot, ids), warnings: [`${SHARED}: ${found.reason}`, ...mend] };
}

async function translated(wish: NetworkWish): Promise<Chosen | NetworkLack> {
  const { binary, runDir, allowHost } = wish;
  try {
    const network = await NatNetwork.start({ binary, allowHost, stateFile: join(runDir, 'forwarding.json') });
    const walls = network.walls.map(foreignWallRemedy);
    return {
      network,
      warnings: walls.flatMap(({ reason, commands }) => [
        reason,
        ...commands.map((command) => `to mend that: ${command}`),
      ]),
    };
  } catch (error) {
    if (!(error instanceof RulesFailed)) throw error;
    return natRemedy(error);
  }
}

function helped({ allowHost, path, hasHelpers }: NetworkWish): Chosen | NetworkLack {
  if (!hasHelpers) return { reason: 'bubblewrap gives sandboxes no way out of their own', commands: [] };
  const helper = findNetworkHelper(path);
  return 'reason' in helper ? helper : { network: helperNetwork(helper, allowHost), warnings: [] };
}
