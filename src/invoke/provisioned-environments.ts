/**
 * Keeps environments ready ahead of invokes, as many for each qualifier as its provisioned concurrency asks for.
 *
 * They stand in the pool of their version and serve its invokes like all others; beyond them an invoke gets an
 * environment on demand. One that is lost is replaced. Deliberate difference from AWS: those of an alias also serve
 * invokes that name the version itself.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { Environment } from '../environments/environment.ts';
import type { ProvisionedProgress } from '../functions/provisioned-concurrency.ts';
import type { VersionBody } from '../functions/records.ts';
import type { Namespace } from '../store/namespace.ts';
import type { ProvisionedWish } from './invoker.ts';
import { type Pool, PoolEnded } from './pool.ts';
import type { VersionPool } from './version-pool.ts';

/** Starts under way for one qualifier: invokes that need an environment now are not to wait behind hundreds of them. */
const STARTS_MAX = 2;
/** After a failed start; what made it fail (the function's code, a full machine) seldom changes at once. */
const RETRY_MS = 60_000;
/** AWS's word for a function whose init fails. */
const INIT_FAILURE = 'FUNCTION_ERROR_INIT_FAILURE';

export interface ProvisionedOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  /** The pool of a version as it is now; another one once it was retired. */
  readonly poolOf: (namespace: Namespace, version: VersionBody) => VersionPool;
}

export class ProvisionedEnvironments {
  readonly #options: ProvisionedOptions;
  /** By function, then by qualifier. */
  readonly #holdings = new Map<string, Map<string, Holding>>();
  #closed = false;

  constructor(options: ProvisionedOptions) {
    this.#options = options;
  }

  /** What the function is to have from now on: all of it, what is not named goes. */
  set(namespace: Namespace, functionName: string, wishes: readonly ProvisionedWish[]): void {
    if (this.#closed) return;
    const name = nameOf(namespace, functionName);
    const before = this.#holdings.get(name) ?? new Map<string, Holding>();
    const after = new Map<string, Holding>();
    for (const wish of wishes) {
      const known = before.get(wish.qualifier);
      // The same version with the same settings: its environments stay, and only their number changes.
      if (known && known.version.revisionId === wish.version.revisionId) {
        before.delete(wish.qualifier);
        after.set(wish.qualifier, known);
        known.resize(wish.count);
      } else after.set(wish.qualifier, new Holding(this.#options, namespace, wish));
    }
    for (const gone of before.values()) gone.end();
    if (after.size === 0) this.#holdings.delete(name);
    else this.#holdings.set(name, after);
  }

  /** Undefined when nothing is to be held for this qualifier. */
  progress(namespace: Namespace, functionName: string, qualifier: string): ProvisionedProgress | undefined {
    return this.#holdings.get(nameOf(namespace, functionName))?.get(qualifier)?.progress();
  }

  /** Environments that the function has ready under all its qualifiers, busy ones too. */
  allocated(namespace: Namespace, functionName: string): number {
    let sum = 0;
    const holdings = this.#holdings.get(nameOf(namespace, functionName));
    if (holdings) for (const holding of holdings.values()) sum += holding.allocated;
    return sum;
  }

  /** Nothing is started or replaced any more; the pool ends what there is. */
  close(): void {
    this.#closed = true;
    for (const holdings of this.#holdings.values()) for (const holding of holdings.values()) holding.end();
    this.#holdings.clear();
  }
}

/** The environments of one qualifier. */
class Holding {
  readonly version: VersionBody;
  readonly #options: ProvisionedOptions;
  readonly #namespace: Namespace;
  readonly #ready = new Map<Environment, VersionPool>();
  #count: number;
  #starting = 0;
  #failure: string | undefined;
  #retry: Timer | undefined;
  #ended = false;

  constructor(options: ProvisionedOptions, namespace: Namespace, wish: ProvisionedWish) {
    this.#options = options;
    this.#namespace = namespace;
    this.version = wish.version;
    this.#count = wish.count;
    this.#fill();
  }

  get allocated(): number {
    return this.#ready.size;
  }

  resize(count: number): void {
    this.#count = count;
    for (const [environment, pool] of this.#ready) {
      if (this.#ready.size <= count) break;
      this.#release(environment, pool);
    }
    this.#failure = undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#fill();
  }

  end(): void {
    this.#ended = true;
    this.#retry?.cancel();
    for (const [environment, pool] of this.#ready) this.#release(environment, pool);
  }

  progress(): ProvisionedProgress {
    let available = 0;
    for (const [environment, pool] of this.#ready) if (pool.idle.includes(environment)) available++;
    const allocated = this.#ready.size;
    return this.#failure === undefined ? { allocated, available } : { allocated, available, failure: this.#failure };
  }

  #release(environment: Environment, pool: VersionPool): void {
    this.#ready.delete(environment);
    this.#options.pool.release(pool, environment);
  }

  #fill(): void {
    while (
      !this.#ended &&
      this.#retry === undefined &&
      this.#starting < STARTS_MAX &&
      this.#ready.size + this.#starting < this.#count
    ) {
      this.#starting++;
      void this.#start().finally(() => {
        this.#starting--;
        this.#fill();
      });
    }
  }

  async #start(): Promise<void> {
    const { pool, poolOf } = this.#options;
    const versionPool = poolOf(this.#namespace, this.version);
    try {
      const environment = await pool.keep(versionPool, (lost) => {
        if (this.#ready.delete(lost)) this.#fill();
      });
      if (!environment) {
        this.#fail(INIT_FAILURE);
        return;
      }
      this.#failure = undefined;
      if (this.#ended || this.#ready.size >= this.#count) pool.release(versionPool, environment);
      else this.#ready.set(environment, versionPool);
    } catch (error) {
      // The version has another pool by now, and the next start is in that.
      if (!(error instanceof PoolEnded)) this.#fail((error as Error).message);
    }
  }

  #fail(reason: string): void {
    this.#failure = reason;
    if (this.#ended) return;
    this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      this.#fill();
    });
  }
}

function nameOf({ account, region }: Namespace, functionName: string): string {
  return `${account}/${region}/${functionName}`;
}
