import type { networkInterfaces } from 'node:os';
import type { Ids } from '../../base/ids.ts';
import { hostsFile, nameService } from './network-names.ts';
import type { Destination } from './port-relay.ts';

/**
 * What the sandboxes of one server have for a network: how their launchers are told, and what must be kept for it.
 */
export interface SandboxNetwork {
  /** For the server's start line. */
  readonly description: string;
  /** Ports of the host that functions reach at their own 127.0.0.1. */
  readonly hostPorts: 'all' | ReadonlySet<number>;
  /** Others can connect to a Runtime API, and the kernel says whose a connection is. */
  readonly tellsPeers: boolean;
  /** Rejects when no sandbox can have its network now. */
  ready(): Promise<void>;
  /** What a launcher is told before it stands by; undefined when there is nothing to give now. */
  reserve(): Reservation | undefined;
  /** What a sandbox is told, and the ports inside that lead out of it. */
  plan(): NetworkPlan;
  /** Called when the walls around the network are gone: every sandbox is to end. */
  onLost(listener: () => void): void;
  /** Each is called when sandboxes that stand may lead where a new one would not: they are to end when they are at rest. */
  onChanged(listener: () => void): void;
  close(): Promise<void>;
}

export interface Reservation {
  readonly arguments: readonly string[];
  /** To be called once the launcher, and so its link, has ended. */
  release(): void;
}

export interface NetworkPlan {
  /** Keys and values of the launcher's setup message. */
  readonly setup: readonly string[];
  /** Port inside → where the server connects it to. */
  readonly forwards: ReadonlyMap<number, Destination>;
  readonly runtimeApi: { readonly address: string; readonly port: number };
}

/** AWS's own address of the Runtime API. */
export const RUNTIME_API_PORT = 9001;
const LOOPBACK = '127.0.0.1';

export interface PlanParts {
  readonly kind: 'none' | 'egress';
  /** Ports of the host that functions reach under the same number. */
  readonly allowHost: readonly number[];
  /** Gives the host's addresses, where they are not to be asked for anew. */
  readonly interfaces?: typeof networkInterfaces;
}

/** The plan of a sandbox with a network namespace of its own. */
export function walledPlan({ kind, allowHost, interfaces }: PlanParts, setup: readonly string[] = []): NetworkPlan {
  const forwards = new Map<number, Destination>();
  const files = ['file', '/etc/hosts', '0644', hostsFile];
  if (kind === 'egress') {
    const names = nameService(undefined, interfaces);
    files.push('file', '/etc/resolv.conf', '0644', names.resolvConf);
    if (names.relayed) forwards.set(names.relayed.port, names.relayed);
  }
  for (const port of allowHost) forwards.set(port, { addresses: [LOOPBACK], port });
  const listeners = [...forwards.keys()].flatMap((port) => ['forward', String(port)]);
  return {
    setup: [...files, 'network', 'none', 'listen', String(RUNTIME_API_PORT), ...listeners, ...setup],
    forwards,
    runtimeApi: { address: LOOPBACK, port: RUNTIME_API_PORT },
  };
}

/** No way out but the ports of the host that are allowed. */
export function noNetwork(isRoot: boolean, allowHost: readonly number[]): SandboxNetwork {
  return {
    description: 'no network but the Runtime API',
    hostPorts: new Set(allowHost),
    tellsPeers: false,
    ready: async () => undefined,
    // Root's launchers make the namespace while they stand by.
    reserve: () => ({ arguments: isRoot ? ['alone'] : [], release: () => undefined }),
    plan: () => walledPlan({ kind: 'none', allowHost }),
    onLost: () => undefined,
    onChanged: () => undefined,
    close: async () => undefined,
  };
}

/** An address of the loopback network that nobody guesses: 127.x.y.z with 24 random bits. */
function unguessableLoopback(ids: Ids): string {
  const [x = 0, y = 0, z = 0] = Buffer.from(ids.hex(6), 'hex');
  // 127.0.0.0 and 127.255.255.255 have a meaning of their own, and so has 127.0.0.1.
  return `127.${1 + (x % 254)}.${y}.${1 + (z % 254)}`;
}

/** The host's own network: each environment's Runtime API is at an address and a port of its own. */
export function hostNetwork(isRoot: boolean, ids: Ids): SandboxNetwork {
  return {
    description: "the host's network",
    hostPorts: 'all',
    // Each sandbox has a user of its own where root makes it.
    tellsPeers: isRoot,
    ready: async () => undefined,
    reserve: () => ({ arguments: [], release: () => undefined }),
    plan: () => {
      const address = unguessableLoopback(ids);
      return {
        setup: [
          ...['file', '/etc/hosts', '0644', hostsFile, 'bind', '/etc/resolv.conf', '/etc/resolv.conf', 'ro?'],
          ...['network', 'host', 'address', address, 'listen', '0'],
        ],
        forwards: new Map(),
        runtimeApi: { address, port: 0 },
      };
    },
    onLost: () => undefined,
    onChanged: () => undefined,
    close: async () => undefined,
  };
}
