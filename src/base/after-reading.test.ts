import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { afterReading } from './after-reading.ts';

test('what is asked for in one turn is done in its order before the next, and what throws takes no other with it', async () => {
  const done: string[] = [];
  const broken = new Error('broken');
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const thrown = once(process, 'uncaughtException');
  afterReading(() => done.push('first'));
  afterReading(() => {
    throw broken;
  });
  afterReading(() => {
    done.push('third');
    afterReading(() => done.push('asked for meanwhile'));
  });
  assert.deepEqual(done, []);
  assert.deepEqual(await thrown, [broken, 'uncaughtException']);
  for (const listener of before) process.on('uncaughtException', listener);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(done, ['first', 'third', 'asked for meanwhile']);
});

test('behind a turn that had one only, the first of the next is done at once', async () => {
  const done: string[] = [];
  const ask = (name: string) => afterReading(() => done.push(name));
  ask('alone');
  await new Promise(setImmediate);
  assert.deepEqual(done.splice(0), ['alone']);
  ask('at once');
  assert.deepEqual(done.splice(0), ['at once']);
  ask('with another');
  assert.deepEqual(done, []);
  await new Promise(setImmediate);
  assert.deepEqual(done.splice(0), ['with another']);
  // That turn had two: the next one waits for company.
  ask('gathered');
  assert.deepEqual(done, []);
  await new Promise(setImmediate);
  assert.deepEqual(done, ['gathered']);
});
