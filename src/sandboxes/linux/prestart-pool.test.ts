/** How many processes wait, and when: on a clock of its own, with what is made by the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../base/clock.ts';
import { type Deferred, deferred } from '../../base/deferred.ts';
import { type PrestartKind, PrestartPool } from './prestart-pool.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** Far enough along, of one that is being made, to be sooner there than a plain start. */
const SOON_MADE_MS = 120;

interface Waiting {
  readonly kind: PrestartKind;
  readonly lost: Promise<unknown>;
  lose(): void;
}

const kindOf = (name: string): PrestartKind => ({
  tmpBytes: 1,
  prestart: { argv: [name], environment: {}, channel: false, cwd: '/', gate: '/gate', mounts: [] },
});

/** Promises that have been resolved are heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

function poolOf(size: number) {
  const clock = new FakeClock();
  const making: { kind: PrestartKind; waits: Deferred<Waiting>; isHastened: boolean }[] = [];
  const ended: Waiting[] = [];
  let begun = 0;
  const memory = { isShort: false };
  const processors = { idle: 2 };
  const pool = new PrestartPool<Waiting>({
    size,
    clock,
    isMemoryShort: () => memory.isShort,
    idleProcessors: () => processors.idle,
    begin: (kind) => {
      begun++;
      const one = { kind, waits: deferred<Waiting>(), isHastened: false };
      making.push(one);
      return {
        waits: one.waits.promise,
        hasten: () => {
          one.isHastened = true;
        },
      };
    },
    end: async (waiting) => {
      ended.push(waiting);
    },
  });
  const make = async () => {
    const one = making.shift();
    assert.ok(one, 'nothing is being made');
    const lost = deferred<void>();
    const waiting = { kind: one.kind, lost: lost.promise, lose: () => lost.resolve() };
    one.waits.resolve(waiting);
    await heard();
    return waiting;
  };
  /** Makes whatever is wanted; returns how many that were. */
  const makeAll = async () => {
    let count = 0;
    clock.advance(SECOND_MS);
    for (; making.length > 0; count++) await make();
    return count;
  };
  return { pool, clock, making, ended, memory, processors, make, makeAll, begun: () => begun };
}

test('two of a kind that is expected are made, not at once', async () => {
  const { pool, clock, making, make, makeAll, begun } = poolOf(4);
  pool.expect(kindOf('a'));
  assert.equal(begun(), 0, 'whoever asked for it is not disturbed');
  clock.advance(SECOND_MS);
  assert.deepEqual([begun(), making.length], [2, 2], 'both at the same time, as none waits');
  await make();
  await make();
  assert.equal(await makeAll(), 0);
  assert.ok(await pool.take(kindOf('a')));
  assert.ok(await pool.take(kindOf('a')));
  assert.equal(await pool.take(kindOf('b')), undefined, 'what waits is of its kind alone');
});

test('while one waits the others are made one behind the other', async () => {
  const { pool, clock, making, make, makeAll } = poolOf(4);
  pool.expect(kindOf('a'));
  await makeAll();
  for (let times = 0; times < 3; times++) pool.take(kindOf('a'));
  await makeAll();
  pool.take(kindOf('a'));
  for (let made = 0; made < 2; made++) {
    clock.advance(SECOND_MS);
    assert.equal(making.length, 1);
    await make();
  }
  assert.equal(await makeAll(), 0);
});

test('while no processor is idle none is made right behind cold starts; in the end one at a time', async () => {
  const { pool, clock, making, processors, make, begun } = poolOf(4);
  processors.idle = 0.1;
  for (let ms = 0; ms < 180; ms += 30) {
    assert.equal(pool.take(kindOf('a')), undefined);
    clock.advance(30);
  }
  assert.equal(begun(), 0);
  clock.advance(SECOND_MS);
  assert.deepEqual([begun(), making.length], [1, 1]);
  clock.advance(SOON_MADE_MS);
  assert.equal(pool.take(kindOf('a')), undefined, 'nobody waits for what gets no processor');
  assert.equal(making[0]?.isHastened, false);
  clock.advance(MINUTE_MS);
  assert.equal(begun(), 1, 'one at a time');
  await make();
  clock.advance(100);
  assert.equal(begun(), 1);
  processors.idle = 2;
  clock.advance(SECOND_MS);
  assert.equal(begun(), 2, 'a quiet moment');
});

test('as many wait as were taken lately, never more than the size, and in time two again', async () => {
  const { pool, clock, ended, makeAll, begun } = poolOf(3);
  pool.expect(kindOf('a'));
  await makeAll();
  for (let times = 0; times < 6; times++) {
    assert.ok(await pool.take(kindOf('a')));
    await makeAll();
  }
  const before = begun();
  assert.equal(await makeAll(), 0);
  for (let times = 0; times < 3; times++) assert.ok(pool.take(kindOf('a')));
  assert.equal(pool.take(kindOf('a')), undefined);
  assert.equal(await makeAll(), 3);
  assert.equal(begun(), before + 3);
  assert.equal(ended.length, 0);
  clock.advance(MINUTE_MS);
  assert.equal(ended.length, 1, 'what was taken long ago does not count');
  for (let times = 0; times < 2; times++) assert.ok(pool.take(kindOf('a')));
  assert.equal(await makeAll(), 2);
});

test('a kind may say how many wait, within the size', async () => {
  const { pool, makeAll } = poolOf(4);
  const heavy = (name: string, min: number, max: number): PrestartKind => {
    const { tmpBytes, prestart } = kindOf(name);
    assert.ok(prestart);
    return { tmpBytes, prestart: { ...prestart, waiting: { min, max } } };
  };
  pool.expect(heavy('a', 1, 3));
  assert.equal(await makeAll(), 1);
  for (let times = 0; times < 4; times++) pool.take(heavy('a', 1, 3));
  assert.equal(await makeAll(), 3);
  pool.expect(heavy('b', 6, 8));
  assert.equal(await makeAll(), 4);
});

test('of more kinds than are kept those asked for first are given up', async () => {
  const { pool, ended, makeAll } = poolOf(1);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) pool.expect(kindOf(name));
  assert.equal(await makeAll(), 6);
  pool.expect(kindOf('a'));
  pool.expect(kindOf('g'));
  await makeAll();
  assert.deepEqual(
    ended.map(({ kind }) => kind.prestart?.argv[0]),
    ['b'],
  );
});

test('a kind that nobody asks for is given up, and with little memory all of them', async () => {
  const { pool, clock, ended, memory, makeAll, begun } = poolOf(1);
  pool.expect(kindOf('a'));
  await makeAll();
  clock.advance(9 * MINUTE_MS);
  assert.equal(ended.length, 0);
  clock.advance(2 * MINUTE_MS);
  assert.equal(ended.length, 1);
  pool.expect(kindOf('a'));
  await makeAll();
  memory.isShort = true;
  clock.advance(MINUTE_MS);
  assert.equal(ended.length, 2);
  const before = begun();
  pool.expect(kindOf('a'));
  clock.advance(MINUTE_MS);
  assert.equal(begun(), before, 'none is made without memory');
});

test('one that is nearly made is hastened for who needs it, and is nobody else’s', async () => {
  const { pool, clock, making, make, makeAll } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(40);
  assert.equal(making.length, 1);
  assert.equal(pool.take(kindOf('a')), undefined, 'a plain start is sooner there');
  assert.equal(making[0]?.isHastened, false);
  clock.advance(SOON_MADE_MS);
  const taken = pool.take(kindOf('a'));
  assert.ok(taken && making[0]?.isHastened);
  assert.equal(pool.take(kindOf('a')), undefined);
  assert.equal(await make(), await taken);
  await makeAll();
});

test('nobody waits for one that is late: something else has the processors', async () => {
  const { pool, clock, making, make } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  assert.equal(pool.take(kindOf('a')), undefined);
  assert.equal(making[0]?.isHastened, false);
  const made = await make();
  assert.equal(await pool.take(kindOf('a')), made);
});

test('one that ends while it waits is replaced, one that cannot be made not at once', async () => {
  const { pool, clock, making, ended, make, begun } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  (await make()).lose();
  await heard();
  assert.equal(ended.length, 1);
  assert.equal(pool.take(kindOf('a')), undefined);
  clock.advance(SECOND_MS);
  making.shift()?.waits.reject(new Error('no process'));
  await heard();
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  assert.equal(begun(), 2);
  clock.advance(MINUTE_MS);
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  assert.equal(begun(), 3);
});

test('what was begun before a drop waits for nobody: it is ended when it is made, and another comes', async () => {
  const { pool, clock, ended, make, begun } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  await pool.drop();
  const old = await make();
  assert.deepEqual(ended, [old]);
  clock.advance(SECOND_MS);
  assert.equal(begun(), 2);
  const made = await make();
  assert.equal(await pool.take(kindOf('a')), made);
  assert.deepEqual(ended, [old]);
});

test('what was begun before a drop is given to nobody, also not to who was promised it', async () => {
  const { pool, clock, ended, make } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(SOON_MADE_MS + 40);
  const taken = pool.take(kindOf('a'));
  assert.ok(taken);
  const refused = assert.rejects(taken);
  await pool.drop();
  const old = await make();
  await refused;
  assert.deepEqual(ended, [old]);
  clock.advance(SECOND_MS);
  const made = await make();
  assert.equal(await pool.take(kindOf('a')), made, 'the next one is given');
});

test('what was begun before a drop is promised to nobody', async () => {
  const { pool, clock, making, ended, make } = poolOf(1);
  pool.expect(kindOf('a'));
  clock.advance(40);
  await pool.drop();
  clock.advance(SOON_MADE_MS);
  assert.equal(pool.take(kindOf('a')), undefined);
  assert.equal(making[0]?.isHastened, false);
  const old = await make();
  assert.deepEqual(ended, [old]);
});

test('a closed pool ends what waits and what was being made, and makes nothing', async () => {
  const { pool, clock, ended, make, begun } = poolOf(2);
  pool.expect(kindOf('a'));
  clock.advance(SECOND_MS);
  await make();
  const closed = pool.close();
  await make();
  await closed;
  assert.equal(ended.length, 2);
  pool.expect(kindOf('a'));
  clock.advance(MINUTE_MS);
  assert.equal(begun(), 2);
});
