import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './clock.ts';
import { rememberFor } from './remember-for.ts';

test('an answer is remembered for its time, however often it is asked for, and no longer', () => {
  const clock = new FakeClock();
  let count = 0;
  const ask = rememberFor(1000, () => ++count, clock);
  assert.equal(ask(), 1);
  clock.advance(600);
  assert.equal(ask(), 1);
  clock.advance(400);
  assert.equal(ask(), 1);
  clock.advance(1);
  assert.equal(ask(), 2);
  clock.advance(600);
  assert.equal(ask(), 2);
});
