import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { Environment, EnvironmentListener } from '../../src/environments/environment.ts';
import type { EnvironmentTarget } from '../../src/environments/environment-factory.ts';
import type { VersionBody } from '../../src/functions/records.ts';
import { Pool, PoolEnded } from '../../src/invoke/pool.ts';
import type { VersionPool } from '../../src/invoke/version-pool.ts';

const IDLE_MS = 10_000;

let clock: FakeClock;
let pool: Pool;
let versionPool: VersionPool;
let made: FakeEnvironment[];
let init: () => Promise<boolean>;

/** What the pool needs of an environment. */
class FakeEnvironment {
  readonly target: EnvironmentTarget;
  readonly listener: EnvironmentListener;
  readonly initialized = Promise.resolve();
  readonly maxMemoryMb = 1;
  readonly bornMs = clock.monotonic();
  readonly isFree = true;
  freeSinceMs = clock.monotonic();
  ended = false;

  constructor(target: EnvironmentTarget, listener: EnvironmentListener) {
    this.target = target;
    this.listener = listener;
  }

  initialize(): Promise<boolean> {
    return init();
  }

  freeze(): void {}

  async end(): Promise<void> {
    this.ended = true;
  }
}

beforeEach(() => {
  clock = new FakeClock();
  made = [];
  init = async () => true;
  pool = new Pool({
    create: async (target, listener) => {
      const environment = new FakeEnvironment(target, listener);
      made.push(environment);
      return environment as unknown as Environment;
    },
    clock,
    gate: { take: () => true, giveBack: () => {} },
    idleMs: IDLE_MS,
    maxAgeMs: 10 * IDLE_MS,
    fullWaitMs: 0,
  });
  versionPool = pool.open({ account: '1', region: 'r', version: {} as VersionBody });
});

const notLost = () => assert.fail('lost');

describe('a kept environment', { timeout: 5_000 }, () => {
  it('stays while others end, and goes first to invokes', async () => {
    const kept = await pool.keep(versionPool, notLost);
    assert.equal(made[0]?.target.initializationType, 'provisioned-concurrency');
    assert.equal(pool.takeIdle(versionPool), kept);
    const other = await pool.take(versionPool);
    assert.equal(made[1]?.target.initializationType, undefined);
    versionPool.listener.free(kept as Environment);
    versionPool.listener.free(other);
    assert.equal(pool.takeIdle(versionPool), kept);
    versionPool.listener.free(kept as Environment);
    clock.advance(2 * IDLE_MS);
    assert.deepEqual(versionPool.idle, [kept]);
    assert.deepEqual(
      made.map(({ ended }) => ended),
      [false, true],
    );
    pool.release(versionPool, kept as Environment);
    clock.advance(2 * IDLE_MS);
    assert.deepEqual(versionPool.idle, []);
  });

  it('tells once when it is lost', async () => {
    const lost: Environment[] = [];
    const kept = await pool.keep(versionPool, (environment) => lost.push(environment));
    versionPool.listener.broken(kept as Environment);
    versionPool.listener.broken(kept as Environment);
    assert.deepEqual(lost, [kept]);
    assert.equal(made[0]?.ended, true);
  });

  it('is none when its init fails, or its version goes meanwhile', async () => {
    init = async () => false;
    assert.equal(await pool.keep(versionPool, notLost), undefined);
    init = async () => {
      pool.retire(versionPool);
      return true;
    };
    await assert.rejects(pool.keep(versionPool, notLost), PoolEnded);
    assert.ok(made.every(({ ended }) => ended));
    assert.equal(versionPool.all.size, 0);
  });

  it('ends with the server', async () => {
    const lost: Environment[] = [];
    await pool.keep(versionPool, (environment) => lost.push(environment));
    await pool.close();
    assert.equal(lost.length, 1);
    assert.equal(made[0]?.ended, true);
    await assert.rejects(pool.keep(versionPool, notLost), PoolEnded);
  });
});
