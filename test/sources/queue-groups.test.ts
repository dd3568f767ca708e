import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, message, type QueueWorld, worldOf } from './queue-world.ts';

const REPORTS = { FunctionResponseTypes: ['ReportBatchItemFailures'] } as const;

describe('message groups', () => {
  const of = (orderKey: string, ...ids: string[]) => ids.map((id) => message(id, id, { orderKey }));

  /** Batches end when the test says so. */
  function gated(world: QueueWorld) {
    const ends: ((answer: Answer) => void)[] = [];
    world.answer = () => new Promise((resolve) => void ends.push(resolve));
    return async (at: number, answer: Answer = { text: 'null' }) => {
      ends[at]?.(answer);
      await world.turns();
    };
  }

  test('of a group one batch is at work, whatever the queue hands out; others go in parallel', async () => {
    const world = await worldOf();
    const end = gated(world);
    await world.send(...of('a', 'a0'));
    await world.send(...of('a', 'a1'), ...of('b', 'b0'));
    await world.send(...of('c', 'c0'));
    assert.deepEqual(world.batches, [['a0'], ['b0'], ['c0']]);
    await end(0);
    assert.equal(world.batches.length, 3);
    await end(1);
    assert.deepEqual(world.batches.slice(3), [['a1']]);
    await end(2);
    await end(3);
    assert.deepEqual(world.deleted, ['a0', 'b0', 'c0', 'a1']);
    assert.deepEqual(world.released, []);
    await world.close();
  });

  test('what stands behind a message that failed is shown again with it, and not delivered before', async () => {
    const world = await worldOf();
    world.hiddenMs = 60_000;
    const end = gated(world);
    await world.send(...of('a', 'a0'));
    await world.send(...of('a', 'a1', 'a2'));
    await world.advance(10_000);
    await end(0, 'fail');
    assert.deepEqual(
      [world.released, world.releasedMs],
      [
        ['a1', 'a2'],
        [50_000, 50_000],
      ],
    );
    await world.send(...of('a', 'a3'), ...of('b', 'b0'));
    assert.deepEqual(world.batches, [['a0'], ['b0']]);
    assert.deepEqual(world.released.slice(2), ['a3']);
    await world.send(...of('a', 'a0', 'a1'));
    assert.deepEqual(world.batches.slice(2), [['a0', 'a1']]);
    await end(1);
    await end(2);
    assert.deepEqual(world.deleted, ['b0', 'a0', 'a1']);
    await world.close();
  });

  test('a group whose failed message never comes again goes on after the visibility timeout', async () => {
    const world = await worldOf();
    world.answer = () => 'fail';
    await world.send(...of('a', 'a0'));
    world.answer = () => ({ text: 'null' });
    await world.send(...of('a', 'a1'));
    assert.deepEqual([world.batches, world.released, world.releasedMs], [[['a0']], ['a1'], [30_000]]);
    await world.advance(30_000);
    await world.send(...of('a', 'a1'));
    assert.deepEqual(world.deleted, ['a1']);
    await world.close();
  });

  test('a reported failure blocks its group alone; what else its batch had is as the function says', async () => {
    const world = await worldOf(REPORTS);
    const end = gated(world);
    await world.send(...of('a', 'a0', 'a1'), ...of('b', 'b0'));
    await world.send(...of('a', 'a2'));
    await world.send(...of('b', 'b1'));
    await end(0, { text: '{"batchItemFailures":[{"itemIdentifier":"a0"}]}' });
    assert.deepEqual(world.deleted, ['a1', 'b0']);
    assert.deepEqual(world.released, ['a2']);
    assert.deepEqual(world.batches, [['a0', 'a1', 'b0'], ['b1']]);
    await end(1);
    await world.close();
  });

  test('when the first part of what was too much for an event fails, the rest of the group is not delivered', async () => {
    const world = await worldOf();
    world.answer = (ids) => (ids.includes('a0') ? 'fail' : { text: 'null' });
    const large = 'x'.repeat(2_500_000);
    const inA = ['a0', 'a1', 'a2'].map((id) => message(id, large, { orderKey: 'a' }));
    await world.send(...inA, message('b0', 'b', { orderKey: 'b' }));
    assert.deepEqual(world.batches, [['a0', 'a1'], ['b0']]);
    assert.deepEqual([world.released, world.deleted], [['a2'], ['b0']]);
    await world.close();
  });

  test('a message that is too large for any event blocks its group', async () => {
    const world = await worldOf();
    const [before = assert.fail(), after = assert.fail()] = of('a', 'a0', 'a2');
    await world.send(before, message('a1', 'x'.repeat(6_300_000), { orderKey: 'a' }), after);
    assert.deepEqual([world.batches, world.released], [[['a0']], ['a2']]);
    await world.close();
  });

  test('what waits for its group when the mapping stops is shown again', async () => {
    const world = await worldOf();
    const end = gated(world);
    await world.send(...of('a', 'a0'));
    await world.send(...of('a', 'a1'));
    const closed = world.close();
    await world.turns();
    assert.deepEqual(world.released, ['a1']);
    await end(0);
    await closed;
    assert.deepEqual([world.batches, world.deleted], [[['a0']], ['a0']]);
  });

  test('what waited for its group until the queue shows it again is not delivered from the old answer', async () => {
    const world = await worldOf();
    const end = gated(world);
    await world.send(...of('a', 'a0'));
    await world.send(...of('a', 'a1'));
    await world.advance(31_000);
    await end(0);
    assert.deepEqual([world.batches, world.deleted], [[['a0']], ['a0']]);
    await world.send(...of('a', 'a1'));
    assert.deepEqual(world.batches, [['a0'], ['a1']]);
    await end(1);
    await world.close();
  });
});
