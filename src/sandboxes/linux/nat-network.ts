import { networkInterfaces } from 'node:os';
import type { ForeignWall } from '../../base/foreign-walls.ts';
import { rememberFor } from '../../base/remember-for.ts';
import { LinkAddresses } from './link-addresses.ts';
import { type NetworkPlan, type Reservation, type SandboxNetwork, walledPlan } from './network.ts';
import { RuleHolder } from './rule-holder.ts';

/**
 * Root's network: each sandbox has a link of its own to the host, whose address translation leads out, within rules that
 * keep it from the host itself. Without the rules there is no sandbox: when they go, all end, and new rules are made
 * before the next one starts.
 */
export interface NatNetworkOptions {
  readonly binary: string;
  /** Remembers what is to be undone. */
  readonly stateFile: string;
  readonly allowHost: readonly number[];
}

/** The kernel lists all links for it, and for each all network namespaces: 6 ms with 300 sandboxes. */
const INTERFACES_MS_MAX = 10_000;

export class NatNetwork implements SandboxNetwork {
  readonly hostPorts: ReadonlySet<number>;
  readonly tellsPeers = false;
  readonly #options: NatNetworkOptions;
  #holder: RuleHolder | undefined;
  #addresses: LinkAddresses | undefined;
  readonly #interfaces = rememberFor(INTERFACES_MS_MAX, networkInterfaces);
  #lost: () => void = () => undefined;
  #starting: Promise<void> | undefined;
  #closed = false;

  private constructor(options: NatNetworkOptions) {
    this.#options = options;
    this.hostPorts = new Set(options.allowHost);
  }

  /** Rejects with RulesFailed where this machine cannot have it. */
  static async start(options: NatNetworkOptions): Promise<NatNetwork> {
    const network = new NatNetwork(options);
    await network.#start();
    return network;
  }

  get description(): string {
    const on = this.#holder?.forwarding ?? [];
    const changed = on.length > 0 ? `, for which packets are forwarded on ${on.join(', ')} while this server runs` : '';
    return `outbound network by address translation${changed}`;
  }

  /** Firewalls of others that will hold functions back. */
  get walls(): readonly ForeignWall[] {
    return this.#holder?.walls ?? [];
  }

  async ready(): Promise<void> {
    if (this.#holder) return;
    if (this.#closed) throw new Error('the server is ending');
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  reserve(): Reservation | undefined {
    const addresses = this.#addresses;
    const taken = addresses?.take();
    if (!addresses || !taken) return undefined;
    return { arguments: ['link', taken.address, addresses.gateway], release: taken.release };
  }

  plan(): NetworkPlan {
    return walledPlan({ kind: 'egress', allowHost: this.#options.allowHost, interfaces: this.#interfaces });
  }

  onLost(listener: () => void): void {
    this.#lost = listener;
  }

  /** The rules know the host's addresses as they are at any moment. */
  onChanged(): void {}

  async close(): Promise<void> {
    this.#closed = true;
    await this.#starting?.catch(() => undefined);
    const holder = this.#holder;
    this.#holder = undefined;
    this.#addresses = undefined;
    await holder?.end();
  }

  async #start(): Promise<void> {
    const { holder, block } = await RuleHolder.start(this.#options.binary, this.#options.stateFile);
    this.#holder = holder;
    this.#addresses = new LinkAddresses(block);
    void holder.gone.then(() => {
      if (this.#holder !== holder) return;
      this.#holder = undefined;
      this.#addresses = undefined;
      this.#lost();
    });
  }
}
