import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { ByteBudget } from './byte-budget.ts';

test('room is given in order, as soon as there is enough of it', async () => {
  const budget = new ByteBudget(100, new FakeClock());
  assert.equal(budget.tryTake(80), true);
  assert.equal(budget.tryTake(21), false);
  const order: string[] = [];
  const large = budget.take(60, 1000).then((granted) => order.push(`large ${granted}`));
  const small = budget.take(10, 1000).then((granted) => order.push(`small ${granted}`));
  assert.equal(budget.tryTake(1), false, 'nobody passes those who wait');
  budget.give(30);
  assert.deepEqual([budget.held, order], [50, []]);
  budget.give(30);
  await Promise.all([large, small]);
  assert.deepEqual([budget.held, order], [90, ['large true', 'small true']]);
});

test('who waits too long is refused, and those behind get their turn', async () => {
  const clock = new FakeClock();
  const budget = new ByteBudget(100, clock);
  budget.tryTake(80);
  const large = budget.take(60, 1000);
  const small = budget.take(20, 5000);
  assert.equal(await budget.take(101, 5000), false, 'more than there will ever be');
  clock.advance(1000);
  assert.deepEqual([await large, await small, budget.held], [false, true, 100]);
});
