import { availableParallelism } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { Environment, EnvironmentListener } from '../environments/environment.ts';
import type { EnvironmentTarget } from '../environments/environment-factory.ts';
import { ApiError } from '../model/api-error.ts';
import { type MemoryGate, UNMEASURED_BYTES } from './memory-gate.ts';
import { Pace } from './pace.ts';
import type { VersionPool, Waiter } from './version-pool.ts';

/**
 * The execution environments of this machine: warm ones by version, and the starting of new ones.
 *
 * An invoke gets the environment that became free last, or a new one: as many environments as concurrent invokes ask
 * for. The work for a warm invoke is the same whatever the number of versions and idle environments.
 */

/** An environment that has answered is free in a moment: worth waiting for before a cold start. */
const ANSWERED_GRACE_MS = 10;
/** Environments that start at the same time, for each processor; more would only make all of them late. */
const STARTS_PER_PROCESSOR = 4;
const SWEEP_MS = 1000;
/** Free for this long an environment is frozen: who comes back sooner finds it as he left it. */
const FREEZE_DELAY_MS = 100;
const WAITERS_MAX = 10_000;
const FULL_RETRY_MS = 50;
const MEGABYTE = 1_048_576;

export interface PoolOptions {
  readonly create: (target: EnvironmentTarget, listener: EnvironmentListener) => Promise<Environment>;
  readonly clock: Clock;
  readonly gate: MemoryGate;
  readonly idleMs: number;
  /** From this age on an environment ends as soon as it is free. */
  readonly maxAgeMs: number;
  readonly fullWaitMs: number;
}

/** The pool was retired, or the server closes, while an environment for it started. */
export class PoolEnded extends Error {}

export class Pool {
  readonly #options: PoolOptions;
  readonly #pools = new Set<VersionPool>();
  readonly #live = new Map<Environment, VersionPool>();
  readonly #answered = new WeakSet<Environment>();
  readonly #ending = new Set<Promise<void>>();
  readonly #startQueue: (() => void)[] = [];
  readonly #startsMax = availableParallelism() * STARTS_PER_PROCESSOR;
  #starting = 0;
  #waiters = 0;
  #sweeping = false;
  /** Free ones, and some that were lately, that may not be frozen yet. */
  readonly #thawed = new Set<Environment>();
  #freezing = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  open(target: EnvironmentTarget): VersionPool {
    const pool: VersionPool = {
      target,
      idle: [],
      all: new Set(),
      kept: new Map(),
      waiting: [],
      pace: new Pace(this.#options.clock),
      answeredCount: 0,
      starts: 0,
      retired: false,
      measuredBytes: UNMEASURED_BYTES,
      listener: {
        answered: (environment) => {
          this.#answered.add(environment);
          pool.answeredCount++;
        },
        free: (environment) => this.#free(pool, environment),
        broken: (environment) => this.discard(pool, environment),
      },
    };
    this.#pools.add(pool);
    return pool;
  }

  /** A warm environment at once, or undefined. Kept ones first: the others are left to end. */
  takeIdle(pool: VersionPool): Environment | undefined {
    if (pool.kept.size === 0) return pool.idle.pop();
    const at = pool.idle.findLastIndex((environment) => pool.kept.has(environment));
    return at < 0 ? pool.idle.pop() : pool.idle.splice(at, 1)[0];
  }

  /** A new environment, or one that becomes free before it is there. Throws ApiError 429 when the machine stays full. */
  async take(pool: VersionPool): Promise<Environment> {
    if (this.#waiters >= WAITERS_MAX) throw machineFull();
    const waiter: Waiter = { environment: deferred<Environment>(), settled: false };
    pool.waiting.push(waiter);
    this.#waiters++;
    try {
      if (pool.answeredCount > 0) this.#options.clock.after(ANSWERED_GRACE_MS, () => this.#requestStart(pool, waiter));
      else this.#requestStart(pool, waiter);
      return await waiter.environment.promise;
    } finally {
      this.#waiters--;
    }
  }

  /**
   * Starts an environment that is initialized ahead of invokes and stays while it is idle; `lost` is called once when it
   * had to go. Undefined when the function's init failed. Rejects with PoolEnded, or when the machine cannot make one.
   */
  async keep(pool: VersionPool, lost: (environment: Environment) => void): Promise<Environment | undefined> {
    const bytes = pool.measuredBytes;
    await this.#admit(bytes, { settled: false });
    try {
      const environment = await this.#startAhead(pool, {
        ...pool.target,
        initializationType: 'provisioned-concurrency',
      });
      if (!environment) return undefined;
      pool.kept.set(environment, lost);
      this.#free(pool, environment);
      return environment;
    } finally {
      this.#options.gate.giveBack(bytes);
    }
  }

  /**
   * Starts an environment that is initialized ahead of invokes, if that disturbs nobody: there is memory for it, and none
   * starts for an invoke. It is the last to be taken and the first to end. Undefined when it was not to be. Rejects as keep() does.
   */
  async startSpare(pool: VersionPool): Promise<Environment | 'failed' | undefined> {
    const bytes = pool.measuredBytes;
    if (this.#closed || pool.retired || this.#starting > 0 || !this.#options.gate.take(bytes)) return undefined;
    try {
      const environment = await this.#startAhead(pool, pool.target);
      if (!environment) return 'failed';
      this.#free(pool, environment);
      if (pool.idle.at(-1) === environment) pool.idle.unshift(...pool.idle.splice(-1));
      return environment;
    } finally {
      this.#options.gate.giveBack(bytes);
    }
  }

  /** Undefined when the function's init failed. */
  async #startAhead(pool: VersionPool, target: EnvironmentTarget): Promise<Environment | undefined> {
    const environment = await this.#options.create(target, pool.listener);
    pool.all.add(environment);
    this.#live.set(environment, pool);
    try {
      this.#checkStanding(pool, environment);
      const isReady = await environment.initialize();
      // Ended from outside its init fails too, which is not the function's fault.
      this.#checkStanding(pool, environment);
      if (isReady) return environment;
      this.discard(pool, environment);
      return undefined;
    } catch (error) {
      this.discard(pool, environment);
      throw error;
    }
  }

  #checkStanding(pool: VersionPool, environment: Environment): void {
    if (this.#closed || pool.retired) throw new PoolEnded('the environments of this version end');
    if (!pool.all.has(environment)) throw new Error('the sandbox of an environment failed while it started');
  }

  /** A kept environment becomes one like the others. */
  release(pool: VersionPool, environment: Environment): void {
    if (pool.kept.delete(environment)) this.#sweepLater();
  }

  /** Takes an environment out for good and ends it. */
  discard(pool: VersionPool, environment: Environment): void {
    if (this.#answered.delete(environment)) pool.answeredCount--;
    const lost = pool.kept.get(environment);
    pool.kept.delete(environment);
    lost?.(environment);
    pool.all.delete(environment);
    this.#live.delete(environment);
    this.#thawed.delete(environment);
    const at = pool.idle.indexOf(environment);
    if (at >= 0) pool.idle.splice(at, 1);
    this.#end(environment);
  }

  /** Ends what is idle and lets the rest end when it becomes free. */
  retire(pool: VersionPool): void {
    pool.retired = true;
    this.#pools.delete(pool);
    for (const environment of pool.idle.splice(0)) this.discard(pool, environment);
  }

  /** Ends every environment, running ones too; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [environment, pool] of [...this.#live]) this.discard(pool, environment);
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  #free(pool: VersionPool, environment: Environment): void {
    if (this.#answered.delete(environment)) pool.answeredCount--;
    // Discarded while it worked: it is gone, whatever its last invoke still says.
    if (!pool.all.has(environment)) return;
    pool.measuredBytes = Math.max(pool.measuredBytes, environment.maxMemoryMb * MEGABYTE);
    if (this.#closed || (pool.retired && pool.waiting.length === 0)) {
      this.discard(pool, environment);
      return;
    }
    if (this.#isOld(environment) || this.#isWorn(environment)) {
      this.discard(pool, environment);
      this.#startUnserved(pool);
      return;
    }
    const waiter = this.#nextWaiter(pool);
    if (waiter) this.#settle(waiter, environment);
    else {
      pool.idle.push(environment);
      pool.pace.freed(pool.all.size - pool.idle.length);
      this.#thawed.add(environment);
      this.#freezeLater();
      this.#sweepLater();
    }
  }

  #isOld({ bornMs, freeSinceMs }: Environment): boolean {
    return freeSinceMs - bornMs >= this.#options.maxAgeMs;
  }

  /** One timer for all. */
  #freezeLater(): void {
    if (this.#freezing) return;
    this.#freezing = true;
    this.#options.clock.after(FREEZE_DELAY_MS, () => {
      this.#freezing = false;
      const before = this.#options.clock.monotonic() - FREEZE_DELAY_MS;
      for (const environment of this.#thawed) {
        // One that works again is added when it becomes free.
        if (environment.isFree && environment.freeSinceMs > before) continue;
        this.#thawed.delete(environment);
        environment.freeze();
      }
      if (this.#thawed.size > 0) this.#freezeLater();
    });
  }

  /** Its credentials are about to end. Asked by the wall clock: they age while a machine sleeps, and its timers do not. */
  #isWorn({ usableUntilMs }: Environment): boolean {
    return usableUntilMs !== undefined && this.#options.clock.now() >= usableUntilMs;
  }

  #nextWaiter(pool: VersionPool): Waiter | undefined {
    for (let waiter = pool.waiting.shift(); waiter; waiter = pool.waiting.shift()) if (!waiter.settled) return waiter;
    return undefined;
  }

  #settle(waiter: Waiter, environment: Environment): void {
    waiter.settled = true;
    waiter.environment.resolve(environment);
  }

  #requestStart(pool: VersionPool, waiter: Waiter): void {
    if (waiter.settled) return;
    pool.starts++;
    const start = () => {
      // Served by an environment that became free while this start stood in the queue.
      if (waiter.settled) {
        this.#startEnded(pool);
        return;
      }
      this.#starting++;
      void this.#start(pool, waiter).finally(() => {
        this.#starting--;
        this.#startEnded(pool);
      });
    };
    if (this.#starting < this.#startsMax) start();
    else this.#startQueue.push(start);
  }

  /** A start serves the first that waits, not the one it was made for: nobody may be left without one. */
  #startEnded(pool: VersionPool): void {
    pool.starts--;
    this.#startUnserved(pool);
    if (this.#starting < this.#startsMax) this.#startQueue.shift()?.();
  }

  #startUnserved(pool: VersionPool): void {
    const unserved = pool.waiting.filter((waiter) => !waiter.settled);
    const last = unserved.at(-1);
    if (last && unserved.length > pool.starts && pool.answeredCount === 0) this.#requestStart(pool, last);
  }

  async #start(pool: VersionPool, waiter: Waiter): Promise<void> {
    const bytes = pool.measuredBytes;
    try {
      await this.#admit(bytes, waiter);
    } catch (error) {
      this.#fail(pool, waiter, error as Error);
      return;
    }
    if (waiter.settled) {
      this.#options.gate.giveBack(bytes);
      return;
    }
    try {
      const environment = await this.#options.create(pool.target, pool.listener);
      pool.all.add(environment);
      this.#live.set(environment, pool);
      // The one it was made for may have been served meanwhile: then it is the next one's, or idle.
      this.#free(pool, environment);
      // Its init takes processor and memory like the start before it: the next one waits for that too.
      if (!pool.idle.includes(environment)) await environment.initialized;
    } catch (error) {
      this.#fail(pool, waiter, error as Error);
    } finally {
      this.#options.gate.giveBack(bytes);
    }
  }

  #fail(pool: VersionPool, waiter: Waiter, error: Error): void {
    if (waiter.settled) return;
    waiter.settled = true;
    const at = pool.waiting.indexOf(waiter);
    if (at >= 0) pool.waiting.splice(at, 1);
    waiter.environment.reject(error);
  }

  /** Waits until there is memory, ending idle environments for it; a bounded time. */
  async #admit(bytes: number, waiter: { readonly settled: boolean }): Promise<void> {
    const { gate, clock, fullWaitMs } = this.#options;
    const until = clock.monotonic() + fullWaitMs;
    while (!gate.take(bytes)) {
      if (waiter.settled) {
        // Counted as taken so that the caller's giving back fits.
        gate.giveBack(-bytes);
        return;
      }
      if (this.#closed || clock.monotonic() >= until) throw machineFull();
      await this.#endOldestIdle();
      await new Promise<void>((resolve) => clock.after(FULL_RETRY_MS, resolve));
    }
  }

  async #endOldestIdle(): Promise<void> {
    let oldest: { pool: VersionPool; environment: Environment } | undefined;
    for (const pool of this.#pools) {
      const environment = pool.kept.size === 0 ? pool.idle[0] : pool.idle.find((idle) => !pool.kept.has(idle));
      if (environment && (!oldest || environment.freeSinceMs < oldest.environment.freeSinceMs))
        oldest = { pool, environment };
    }
    if (!oldest) return;
    this.discard(oldest.pool, oldest.environment);
    await oldest.environment.end();
  }

  #end(environment: Environment): void {
    const ending = environment.end();
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const { clock, idleMs, maxAgeMs } = this.#options;
    clock.after(Math.min(SWEEP_MS, idleMs, maxAgeMs), () => {
      this.#sweeping = false;
      this.#sweep();
    });
  }

  #sweep(): void {
    const { clock, idleMs, maxAgeMs } = this.#options;
    const now = clock.monotonic();
    let left = false;
    for (const pool of this.#pools) {
      for (const environment of [...pool.idle]) {
        const isIdle = environment.freeSinceMs <= now - idleMs && !pool.kept.has(environment);
        const isOld = environment.bornMs <= now - maxAgeMs;
        if (isIdle || isOld || this.#isWorn(environment)) this.discard(pool, environment);
      }
      left ||= pool.idle.length > 0;
    }
    if (left) this.#sweepLater();
  }
}

function machineFull(): ApiError {
  return new ApiError(
    'TooManyRequestsException',
    'lambdad: this machine has no memory left for another execution environment. End other work, lower --memory-reserve-mb, or try again.',
    { body: { Reason: 'ConcurrentInvocationLimitExceeded' }, headers: { 'Retry-After': '1' } },
  );
}
