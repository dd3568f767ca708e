import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '../../src/base/clock.ts';
import type { Environment } from '../../src/environments/environment.ts';
import type { VersionBody } from '../../src/functions/records.ts';
import { type Pool, PoolEnded } from '../../src/invoke/pool.ts';
import { ProvisionedEnvironments } from '../../src/invoke/provisioned-environments.ts';
import type { VersionPool } from '../../src/invoke/version-pool.ts';

const WHERE = { account: '123456789012', region: 'eu-west-1' };
const VERSION = { version: '1', revisionId: 'r1' } as VersionBody;
const RETRY_MS = 60_000;

/** A pool that starts what it is told to: an environment, nothing (its init failed) or an error. */
function makeParts() {
  const clock = new FakeClock();
  const versionPool = { idle: [] as Environment[] } as VersionPool;
  const lost = new Map<Environment, (environment: Environment) => void>();
  let outcome: 'ready' | 'init fails' | 'machine full' | 'pool ends' = 'ready';
  let starting = 0;
  let startingMost = 0;
  const pool = {
    async keep(_pool: VersionPool, whenLost: (environment: Environment) => void) {
      startingMost = Math.max(startingMost, ++starting);
      await nextTurn();
      starting--;
      if (outcome === 'machine full') throw new Error('no memory left');
      if (outcome === 'pool ends') {
        outcome = 'ready';
        throw new PoolEnded('retired');
      }
      if (outcome === 'init fails') return undefined;
      const environment = {} as Environment;
      lost.set(environment, whenLost);
      versionPool.idle.push(environment);
      return environment;
    },
    release: (_pool: VersionPool, environment: Environment) => void lost.delete(environment),
  } as unknown as Pool;
  const provisioned = new ProvisionedEnvironments({ pool, clock, poolOf: () => versionPool });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  };
  return {
    clock,
    versionPool,
    lost,
    settle,
    startingMost: () => startingMost,
    becomes: (next: typeof outcome) => {
      outcome = next;
    },
    want: (count: number, version = VERSION) =>
      provisioned.set(WHERE, 'one', count === 0 ? [] : [{ qualifier: 'live', version, count }]),
    progress: () => provisioned.progress(WHERE, 'one', 'live'),
    close: () => provisioned.close(),
  };
}

describe('environments held for a qualifier', { timeout: 5_000 }, () => {
  it('start a few at a time, grow, shrink and go', async () => {
    const parts = makeParts();
    parts.want(5);
    assert.deepEqual(parts.progress(), { allocated: 0, available: 0 });
    await parts.settle();
    assert.deepEqual(parts.progress(), { allocated: 5, available: 5 });
    assert.equal(parts.startingMost(), 2);
    parts.versionPool.idle.pop();
    assert.deepEqual(parts.progress(), { allocated: 5, available: 4 });
    parts.want(2);
    assert.equal(parts.lost.size, 2);
    parts.want(3);
    await parts.settle();
    assert.equal(parts.progress()?.allocated, 3);
    parts.want(0);
    assert.equal(parts.lost.size, 0);
    assert.equal(parts.progress(), undefined);
  });

  it('are replaced when they are lost, and made anew for another version', async () => {
    const parts = makeParts();
    parts.want(1);
    await parts.settle();
    const [first] = parts.lost;
    assert.ok(first);
    first[1](first[0]);
    assert.equal(parts.progress()?.allocated, 0);
    await parts.settle();
    assert.equal(parts.progress()?.allocated, 1);
    parts.want(1, { ...VERSION, version: '2', revisionId: 'r2' });
    assert.equal(parts.progress()?.allocated, 0);
    await parts.settle();
    assert.equal(parts.progress()?.allocated, 1);
    parts.close();
    assert.equal(parts.progress(), undefined);
  });

  it('start again at once when their pool ended', async () => {
    const parts = makeParts();
    parts.becomes('pool ends');
    parts.want(1);
    await parts.settle();
    assert.deepEqual(parts.progress(), { allocated: 1, available: 1 });
  });

  it('say why they are missing, and are tried again', async () => {
    const parts = makeParts();
    parts.becomes('init fails');
    parts.want(2);
    await parts.settle();
    assert.deepEqual(parts.progress(), { allocated: 0, available: 0, failure: 'FUNCTION_ERROR_INIT_FAILURE' });
    parts.becomes('machine full');
    parts.clock.advance(RETRY_MS);
    await parts.settle();
    assert.equal(parts.progress()?.failure, 'no memory left');
    parts.becomes('ready');
    parts.clock.advance(RETRY_MS);
    await parts.settle();
    assert.deepEqual(parts.progress(), { allocated: 2, available: 2 });
  });
});
