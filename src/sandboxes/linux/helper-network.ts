import { networkInterfaces } from 'node:os';
import type { NetworkHelper } from '../../base/network-helper.ts';
import { type SandboxNetwork, walledPlan } from './network.ts';

/**
 * An ordinary user's way out: one helper a sandbox, a program that runs on the host and connects from there. Whatever is
 * an address of the host would lead to the host: each is closed inside by a route. Routes are set as the sandbox is made;
 * when the host gets another address, sandboxes from before end as soon as they are at rest.
 */
const LOOK_MS = 5000;

/** Every address of this machine but its loopback ones. */
function ownAddresses(interfaces: typeof networkInterfaces): string[] {
  const found = Object.values(interfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  return [...new Set(found)].sort();
}

/** `interfaces` gives the host's addresses, for tests. */
export function helperNetwork(
  { kind, path }: NetworkHelper,
  allowHost: readonly number[],
  interfaces: typeof networkInterfaces = networkInterfaces,
): SandboxNetwork {
  let known = new Set(ownAddresses(interfaces));
  const listeners: (() => void)[] = [];
  const look = () => {
    const found = ownAddresses(interfaces);
    const hasNew = found.some((address) => !known.has(address));
    known = new Set(found);
    if (hasNew) for (const listener of listeners) listener();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    description: `outbound network by ${kind}`,
    hostPorts: new Set(allowHost),
    tellsPeers: false,
    ready: async () => undefined,
    reserve: () => ({ arguments: [], release: () => undefined }),
    plan: () => {
      look();
      const closed = [...known].flatMap((address) => ['deny', address]);
      return walledPlan({ kind: 'egress', allowHost }, ['helper', kind, path, ...closed]);
    },
    onLost: () => undefined,
    onChanged: (listener) => void listeners.push(listener),
    close: async () => clearInterval(timer),
  };
}
