/** When a spare is begun: with a pool of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import type { Environment } from '../environments/environment.ts';
import { SPARES_MEMORY_SHARE, Spares } from './spares.ts';
import type { VersionPool } from './version-pool.ts';

const MEGABYTE = 1_048_576;
const MINUTE_MS = 60_000;
type Started = Environment | 'failed' | undefined;

const environment = () => ({}) as unknown as Environment;
/** Promises that have been resolved are heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

/** A version whose environments all work. */
function versionOf(busy: number, measuredBytes = MEGABYTE): VersionPool {
  const all = new Set(Array.from({ length: busy }, environment));
  return { all, idle: [], answeredCount: 0, measuredBytes } as unknown as VersionPool;
}

function sparesOf(budgetMegabytes = 100) {
  const clock = new FakeClock();
  const starts: { pool: VersionPool; started: Deferred<Started> }[] = [];
  const spares = new Spares({
    clock,
    memoryBytes: (budgetMegabytes * MEGABYTE) / SPARES_MEMORY_SHARE,
    pool: {
      startSpare: (pool) => {
        const started = deferred<Started>();
        starts.push({ pool, started });
        return started.promise;
      },
    },
  });
  const take = (pool: VersionPool, room = 1) => spares.taken(pool, () => room);
  /** The spare that is being started is there and idle. */
  const finish = async () => {
    const begun = starts.at(-1);
    assert.ok(begun, 'no spare starts');
    const made = environment();
    begun.pool.all.add(made);
    begun.pool.idle.unshift(made);
    begun.started.resolve(made);
    await heard();
  };
  return { clock, starts, take, finish };
}

test('one is begun when the last idle one of several was taken, and one only', async () => {
  const { starts, take, finish } = sparesOf();
  const version = versionOf(2);
  take(version);
  take(version);
  assert.equal(starts.length, 1);
  await finish();
  take(version);
  assert.equal(starts.length, 1, 'one waits');
  version.idle.pop();
  take(version);
  assert.equal(starts.length, 2);
});

test('none for a version that one caller calls, also where its last environment has only just answered', () => {
  const { starts, take } = sparesOf();
  take(versionOf(1));
  take(Object.assign(versionOf(2), { answeredCount: 1 }));
  assert.equal(starts.length, 0);
});

test('none where no further invoke would be let through', () => {
  const { starts, take } = sparesOf();
  take(versionOf(2), 0);
  assert.equal(starts.length, 0);
});

test('all of them together stay within their share of the memory, until they are taken', async () => {
  const { starts, take, finish } = sparesOf(100);
  const first = versionOf(2, 60 * MEGABYTE);
  take(first);
  await finish();
  take(versionOf(2, 60 * MEGABYTE));
  assert.equal(starts.length, 1);
  first.idle.pop();
  take(versionOf(2, 60 * MEGABYTE));
  assert.equal(starts.length, 2);
  take(versionOf(2, 60 * MEGABYTE));
  assert.equal(starts.length, 2, 'one that starts counts');
});

for (const [how, end] of [
  ['its init fails', (started: Deferred<Started>) => started.resolve('failed')],
  ['the machine fails it', (started: Deferred<Started>) => started.reject(new Error('no sandbox'))],
] as const)
  test(`none is begun again soon when ${how}`, async () => {
    const { clock, starts, take } = sparesOf();
    const version = versionOf(2);
    take(version);
    end((starts[0] as (typeof starts)[0]).started);
    await heard();
    take(version);
    assert.equal(starts.length, 1);
    clock.advance(MINUTE_MS);
    take(version);
    assert.equal(starts.length, 2);
  });
