import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { EnvironmentLost } from '../environments/environment.ts';
import type { VersionBody } from '../functions/records.ts';
import { ApiError } from '../model/api-error.ts';
import { Concurrency, type Slot } from './concurrency.ts';
import type { InvokeOutcome, InvokeRequest, Invoker, InvokeTarget } from './invoker.ts';
import type { Pool, VersionPool } from './pool.ts';
import { traceHeaderOf } from './trace-header.ts';

/** An event without bytes counts as an empty object (lambda-facts 7.1). */
const EMPTY_EVENT = Buffer.from('{}');
const CLOSE_LOOK_MS = 20;
/** Environments that an invoke tries when sandboxes fail before the function saw anything of it. */
const ATTEMPTS_MAX = 3;

export interface LocalInvokerOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly concurrency: number;
}

/** The invoker of one machine: a slot, an environment, the answer. */
export class LocalInvoker implements Invoker {
  readonly #options: LocalInvokerOptions;
  readonly #concurrency: Concurrency;
  /** A version as it was read from the store stays the same object while nothing changes: the hot path's look-up. */
  readonly #byVersion = new WeakMap<VersionBody, VersionPool>();
  readonly #byName = new Map<string, Map<string, VersionPool>>();
  #running = 0;
  #closed = false;

  constructor(options: LocalInvokerOptions) {
    this.#options = options;
    this.#concurrency = new Concurrency(options.concurrency);
  }

  async invoke(target: InvokeTarget, request: InvokeRequest): Promise<InvokeOutcome> {
    if (this.#closed) throw new ApiError('ServiceException', 'lambdad is shutting down.');
    const { account, region, version } = target;
    const slot: Slot = {
      account,
      region,
      functionName: version.functionName,
      ...(target.reservedConcurrency === undefined ? {} : { reserved: target.reservedConcurrency }),
    };
    this.#concurrency.take(slot);
    this.#running++;
    try {
      return await this.#run(target, request);
    } finally {
      this.#running--;
      this.#concurrency.release(slot);
    }
  }

  retire(account: string, region: string, functionName: string, version?: string): void {
    const name = `${account}/${region}/${functionName}`;
    const pools = this.#byName.get(name);
    if (!pools) return;
    for (const [key, pool] of pools) {
      if (version !== undefined && pool.target.version.version !== version) continue;
      this.#options.pool.retire(pool);
      pools.delete(key);
    }
    if (pools.size === 0) this.#byName.delete(name);
  }

  async close(budgetMs: number): Promise<void> {
    this.#closed = true;
    const { clock, pool } = this.#options;
    const until = clock.monotonic() + budgetMs;
    while (this.#running > 0 && clock.monotonic() < until)
      await new Promise<void>((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
    await pool.close();
  }

  async #run(target: InvokeTarget, request: InvokeRequest): Promise<InvokeOutcome> {
    const { pool, clock, ids } = this.#options;
    const traceHeader = traceHeaderOf(request.traceHeader, clock, ids);
    const asked = {
      requestId: request.requestId,
      invokedArn: target.invokedArn,
      traceHeader,
      clientContext: request.clientContext,
      payload: request.payload.length === 0 ? EMPTY_EVENT : request.payload,
      tail: request.tail,
    };
    for (let attempt = 1; ; attempt++) {
      const versionPool = this.#poolOf(target);
      const environment = pool.takeIdle(versionPool) ?? (await pool.take(versionPool));
      try {
        const answer = await environment.invoke(asked);
        return {
          payload: answer.payload,
          executedVersion: target.version.version,
          traceHeader,
          ...(answer.failed ? { functionError: 'Unhandled' as const } : {}),
          ...(answer.logTail === undefined ? {} : { logTail: answer.logTail }),
        };
      } catch (error) {
        // Its sandbox failed: our fault, and nobody gets this environment again.
        pool.discard(versionPool, environment);
        if (!(error instanceof EnvironmentLost) || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  #poolOf(target: InvokeTarget): VersionPool {
    const known = this.#byVersion.get(target.version);
    if (known && !known.retired) return known;
    const { account, region, version } = target;
    const name = `${account}/${region}/${version.functionName}`;
    let pools = this.#byName.get(name);
    if (!pools) {
      pools = new Map();
      this.#byName.set(name, pools);
    }
    const key = JSON.stringify([version.version, version.code.sha256, version.settings]);
    let pool = pools.get(key);
    if (!pool) {
      pool = this.#options.pool.open({ account, region, version });
      pools.set(key, pool);
    }
    this.#byVersion.set(version, pool);
    return pool;
  }
}
