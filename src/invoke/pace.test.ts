/** When calls wait for an environment that works, with a clock and turns of the loop that the test makes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { Pace } from './pace.ts';

const PROCESSORS = 2;
const WORKING_MAX = PROCESSORS + 6;
const MANY = 100;

function paceOf() {
  const clock = new FakeClock();
  const turns: (() => void)[] = [];
  const pace = new Pace(clock, PROCESSORS, (turn) => turns.push(turn));
  /** Calls that have been let go, by their numbers, in that order. */
  const gone: number[] = [];
  let calls = 0;
  const call = (working: number, idle = MANY) => {
    const number = calls++;
    const turn = pace.turn(working, idle);
    if (turn === undefined) gone.push(number);
    else void turn.then(() => gone.push(number));
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (const turn of turns.splice(0)) turn();
    await settle();
  };
  return { pace, gone, call, settle, pass };
}

test('few work at once, and the others come in their order as these are done', async () => {
  const { pace, gone, call, settle } = paceOf();
  for (let working = 0; working < WORKING_MAX; working++) call(working);
  for (let more = 0; more < 3; more++) call(WORKING_MAX);
  await settle();
  const first = Array.from({ length: WORKING_MAX }, (_, number) => number);
  assert.deepEqual(gone, first);
  pace.freed(WORKING_MAX - 1);
  await settle();
  const [next, afterIt, last] = [WORKING_MAX, WORKING_MAX + 1, WORKING_MAX + 2];
  assert.deepEqual(gone, [...first, next]);
  pace.freed(WORKING_MAX);
  await settle();
  assert.deepEqual(gone, [...first, next], 'as many work as may');
  pace.freed(WORKING_MAX - 1);
  pace.freed(WORKING_MAX - 1);
  await settle();
  assert.deepEqual(gone, [...first, next, afterIt, last]);
});

test('nobody waits for whom there is no idle environment', async () => {
  const { gone, call, settle } = paceOf();
  call(WORKING_MAX, 0);
  call(WORKING_MAX, 1);
  call(WORKING_MAX, 1);
  await settle();
  assert.deepEqual(gone, [0, 2]);
});

test('what does not get done in a moment is not waited for, and for a while nothing is held back', async () => {
  const { gone, call, pass } = paceOf();
  for (let calls = 0; calls < 10; calls++) call(WORKING_MAX);
  await pass(1);
  assert.deepEqual(gone, [0]);
  await pass(1);
  assert.deepEqual(gone, [0, 1, 2]);
  await pass(1);
  assert.deepEqual(gone, [0, 1, 2, 3, 4, 5, 6]);
  call(WORKING_MAX);
  assert.deepEqual(gone.at(-1), 10, 'it goes on at once');
  await pass(1);
  assert.equal(gone.length, 11, 'the last ones have gone too');
  await pass(10_000);
  call(WORKING_MAX);
  assert.equal(gone.length, 11, 'it is tried again');
});

test('calls are held back as long as something is done in each moment', async () => {
  const { pace, gone, call, pass } = paceOf();
  for (let calls = 0; calls < 10; calls++) call(WORKING_MAX);
  for (let moments = 1; moments <= 5; moments++) {
    pace.freed(WORKING_MAX - 1);
    await pass(1);
    assert.equal(gone.length, moments);
  }
});
