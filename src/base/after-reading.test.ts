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
