/** The pool's choice of environments against what could be had by whoever knew all invokes beforehand. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { root } from '../support/source-tree.ts';
import { coldStartsOf, fewestColdStarts, readTrace, type TracedInvoke } from '../support/trace-replay.ts';

const SECOND_MS = 1000;
/** Of the fewest possible. */
const SHARE_MAX = 1.05;
/**
 * Where bursts come close behind each other: the one used last is taken, so that those too many after a burst end. Whoever took
 * the one used longest ago would start a few less, and keep the largest burst's environments for ever.
 */
const BURSTS_SHARE_MAX = 1.2;
const file = join(root, '..', 'shared', 'traces', 'invocations-200.csv');
const missing = existsSync(file) ? false : 'skipped: no ../shared/traces';

/** Bursts and pauses of three functions, the same in every run. */
function generatedTrace(): readonly TracedInvoke[] {
  let state = 7;
  const below = (bound: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const trace: TracedInvoke[] = [];
  for (let burst = 0, atMs = 0; burst < 40; burst++) {
    atMs += below(60) * SECOND_MS;
    for (let count = 1 + below(6); count > 0; count--) {
      const startMs = atMs + below(2000);
      trace.push({ name: `f${below(3)}`, startMs, endMs: startMs + 1 + below(8000) });
    }
  }
  return trace;
}

async function compare(trace: readonly TracedInvoke[], idleMs: number, shareMax: number): Promise<void> {
  const fewest = fewestColdStarts(trace, idleMs);
  const ours = await coldStartsOf(trace, idleMs);
  const said = `${ours} cold starts of ${trace.length} invokes, ${fewest} would do, idle time ${idleMs} ms`;
  assert.ok(fewest > 0 && ours > 0, said);
  assert.ok(ours <= fewest * shareMax, said);
}

it('starts few more environments for a trace of bursts than the fewest', async () => {
  for (const seconds of [60, 300, 600]) await compare(generatedTrace(), seconds * SECOND_MS, BURSTS_SHARE_MAX);
});

it('starts at most a twentieth more for a recorded one, played as it was and a hundred times as fast', {
  skip: missing,
}, async () => {
  const trace = readTrace(file);
  for (const scale of [1, 0.01]) {
    const scaled = trace.map(({ name, startMs, endMs }) => ({ name, startMs: startMs * scale, endMs: endMs * scale }));
    for (const seconds of [10, 30, 60, 120, 300, 600]) await compare(scaled, seconds * SECOND_MS * scale, SHARE_MAX);
  }
});
