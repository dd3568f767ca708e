import { totalmem } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Environment } from '../environments/environment.ts';
import type { Pool } from './pool.ts';
import type { VersionPool } from './version-pool.ts';

/**
 * Environments that are initialized before anybody calls: one of a version whose last idle environment was taken while
 * others of it are at work. AWS does so too, when it sees fit, and calls it proactive initialization: there is a time
 * between INIT_START and the first invoke, and its REPORT has no Init Duration.
 *
 * A spare takes no concurrency, is made only where one more invoke would be let through, and only while memory is left;
 * all of them together have a share of the machine's. It ends when it is idle for as long as others are.
 */
export interface SparesOptions {
  readonly pool: Pick<Pool, 'startSpare'>;
  readonly clock: Clock;
  /** Of the machine. */
  readonly memoryBytes?: number;
}

/** Of the machine's memory, what all spares together may take, by what environments of their versions were seen to use. */
export const SPARES_MEMORY_SHARE = 0.125;
/** Of a version whose init failed none is tried again so soon. */
const FAILED_MS = 60_000;

interface Spare {
  readonly environment: Environment;
  readonly bytes: number;
}

export class Spares {
  readonly #pool: SparesOptions['pool'];
  readonly #clock: Clock;
  readonly #bytesMax: number;
  /** One a version, until it is taken or ends; at most as many as fit into the memory. */
  readonly #spares = new Map<VersionPool, Spare>();
  readonly #starting = new Map<VersionPool, number>();
  readonly #failedMs = new WeakMap<VersionPool, number>();

  constructor({ pool, clock, memoryBytes = totalmem() }: SparesOptions) {
    this.#pool = pool;
    this.#clock = clock;
    this.#bytesMax = memoryBytes * SPARES_MEMORY_SHARE;
  }

  /** An invoke has taken an environment that was idle. `room`: as many more invokes would be let through now. */
  taken(pool: VersionPool, room: () => number): void {
    // A version that is called by one caller at a time is initialized once; one that has answered is free in a moment.
    if (pool.idle.length > 0 || pool.all.size - pool.answeredCount < 2) return;
    if (this.#starting.has(pool) || room() <= 0) return;
    const nowMs = this.#clock.monotonic();
    if (nowMs - (this.#failedMs.get(pool) ?? Number.NEGATIVE_INFINITY) < FAILED_MS) return;
    const bytes = pool.measuredBytes;
    if (this.#bytes() + bytes <= this.#bytesMax) void this.#start(pool, bytes);
  }

  /** Of those that wait and those that start. */
  #bytes(): number {
    let sum = 0;
    for (const bytes of this.#starting.values()) sum += bytes;
    for (const [pool, { environment, bytes }] of this.#spares) {
      if (pool.idle.includes(environment)) sum += bytes;
      else this.#spares.delete(pool);
    }
    return sum;
  }

  async #start(pool: VersionPool, bytes: number): Promise<void> {
    this.#starting.set(pool, bytes);
    try {
      const environment = await this.#pool.startSpare(pool);
      if (environment === 'failed') this.#failedMs.set(pool, this.#clock.monotonic());
      else if (environment) this.#spares.set(pool, { environment, bytes });
    } catch {
      // The invoke that needs one starts its own, and says what is wrong.
      this.#failedMs.set(pool, this.#clock.monotonic());
    } finally {
      this.#starting.delete(pool);
    }
  }
}
