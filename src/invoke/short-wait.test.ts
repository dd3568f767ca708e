/** When the event loop turns instead of sleeping, with turns that the test makes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { ShortWait } from './short-wait.ts';

const SHORT_MS = 0.1;
const WAITS_TO_LEARN = 20;

function waitOf(processors = 2) {
  const clock = new FakeClock();
  const turns: (() => void)[] = [];
  const wait = new ShortWait(clock, processors, (turn) => turns.push(turn));
  /** The loop turns once; false when it would sleep. */
  const turn = () => {
    const next = turns.shift();
    next?.();
    return next !== undefined;
  };
  const run = (tookMs: number) => {
    wait.begin();
    clock.advance(tookMs);
    wait.end();
    while (turn());
  };
  const learn = (tookMs: number) => {
    for (let times = 0; times < WAITS_TO_LEARN; times++) run(tookMs);
  };
  return { clock, wait, turn, run, learn };
}

test('nothing turns before waits have been short', () => {
  const { wait, turn, learn } = waitOf();
  wait.begin();
  assert.equal(turn(), false);
  wait.end();
  learn(SHORT_MS);
  wait.begin();
  assert.equal(turn(), true);
});

test('it turns until what was waited for has come', () => {
  const { wait, turn, learn } = waitOf();
  learn(SHORT_MS);
  wait.begin();
  for (let times = 0; times < 10; times++) assert.equal(turn(), true);
  wait.end();
  assert.equal(turn(), true);
  assert.equal(turn(), false);
});

test('it sleeps when this one takes longer, and once they do from the beginning', () => {
  const { clock, wait, turn, learn, run } = waitOf();
  learn(SHORT_MS);
  wait.begin();
  clock.advance(1);
  assert.equal(turn(), true);
  assert.equal(turn(), false);
  wait.end();
  learn(5);
  wait.begin();
  assert.equal(turn(), false);
  wait.end();
  run(SHORT_MS);
  wait.begin();
  assert.equal(turn(), false, 'one short wait is none yet');
});

test('a clock that stands still does not keep it awake', () => {
  const { wait, turn, learn } = waitOf();
  learn(SHORT_MS);
  wait.begin();
  let turned = 0;
  while (turn()) turned++;
  assert.ok(turned > 10 && turned <= 2000, String(turned));
});

test('with one processor it sleeps: who is waited for needs it', () => {
  const { wait, turn, learn } = waitOf(1);
  learn(SHORT_MS);
  wait.begin();
  assert.equal(turn(), false);
});
