/** What time does to the environments of a pool: they are frozen, and end at their age. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { Environment, EnvironmentListener } from '../../src/environments/environment.ts';
import type { VersionBody } from '../../src/functions/records.ts';
import { Pool } from '../../src/invoke/pool.ts';
import type { VersionPool } from '../../src/invoke/version-pool.ts';

const HOUR_MS = 3_600_000;
const MAX_AGE_MS = 2 * HOUR_MS;

let clock: FakeClock;
let pool: Pool;
let versions: VersionPool;

/** What the pool needs of an environment. */
class FakeEnvironment {
  readonly listener: EnvironmentListener;
  readonly initialized = Promise.resolve();
  readonly maxMemoryMb = 1;
  readonly bornMs = clock.monotonic();
  freeSinceMs = clock.monotonic();
  isFree = true;
  isFrozen = false;
  hasEnded = false;

  constructor(listener: EnvironmentListener) {
    this.listener = listener;
  }

  work(): void {
    this.isFree = false;
    this.isFrozen = false;
  }

  finish(): void {
    this.isFree = true;
    this.freeSinceMs = clock.monotonic();
    this.listener.free(this as unknown as Environment);
  }

  freeze(): void {
    this.isFrozen = this.isFree;
  }

  async initialize(): Promise<boolean> {
    return true;
  }

  async end(): Promise<void> {
    this.hasEnded = true;
  }
}

beforeEach(() => {
  clock = new FakeClock();
  pool = new Pool({
    create: async (_target, listener) => new FakeEnvironment(listener) as unknown as Environment,
    clock,
    gate: { take: () => true, giveBack: () => {} },
    idleMs: 100 * HOUR_MS,
    maxAgeMs: MAX_AGE_MS,
    fullWaitMs: 0,
  });
  versions = pool.open({ account: '1', region: 'r', version: {} as VersionBody });
});

async function take(): Promise<FakeEnvironment> {
  const environment = (pool.takeIdle(versions) ?? (await pool.take(versions))) as unknown as FakeEnvironment;
  environment.work();
  return environment;
}

describe('a free environment', { timeout: 5000 }, () => {
  it('is frozen after 100 ms, at the latest after 200', async () => {
    const [one, two] = [await take(), await take()];
    one.finish();
    clock.advance(99);
    two.finish();
    assert.deepEqual([one.isFrozen, two.isFrozen], [false, false]);
    clock.advance(1);
    assert.deepEqual([one.isFrozen, two.isFrozen], [true, false]);
    clock.advance(100);
    assert.equal(two.isFrozen, true);
  });

  it('that is asked again before is not', async () => {
    const one = await take();
    for (let count = 0; count < 10; count++) {
      one.finish();
      clock.advance(50);
      assert.equal(await take(), one);
      assert.equal(one.isFrozen, false);
      clock.advance(500);
      assert.equal(one.isFrozen, false, 'it works');
    }
    one.finish();
    clock.advance(200);
    assert.equal(one.isFrozen, true);
  });
});

describe('an environment of the maximum age', { timeout: 5000 }, () => {
  it('ends while it is idle, kept or not, and a kept one is told to be lost', async () => {
    const one = await take();
    one.finish();
    const lost: Environment[] = [];
    const kept = await pool.keep(versions, (environment) => lost.push(environment));
    clock.advance(MAX_AGE_MS - 1);
    assert.equal(one.hasEnded, false);
    clock.advance(2000);
    assert.equal(one.hasEnded, true);
    assert.deepEqual(lost, [kept]);
    assert.equal(versions.all.size, 0);
  });

  it('ends when it becomes free, and who waits gets a new one', async () => {
    const one = await take();
    clock.advance(MAX_AGE_MS + 1);
    assert.equal(one.hasEnded, false);
    one.finish();
    assert.equal(one.hasEnded, true);
    const other = await take();
    assert.notEqual(other, one);
    clock.advance(MAX_AGE_MS - 1);
    const waiting = pool.take(versions);
    other.listener.answered(other as unknown as Environment);
    other.finish();
    assert.ok(await waiting);
  });
});
