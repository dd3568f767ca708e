import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { laneLimits } from '../../src/sources/queue/lane-scale.ts';
import { SourceTrouble } from '../../src/sources/source-port.ts';
import { message, QueueWorld, worldOf } from './queue-world.ts';

const REPORTS = { FunctionResponseTypes: ['ReportBatchItemFailures'] } as const;

const several = (count: number, from = 0) => Array.from({ length: count }, (_, i) => message(`m${from + i}`));

describe('batches', () => {
  test('one answer of the queue is one batch, deleted when the function succeeded', async () => {
    const world = await worldOf();
    await world.send(...several(3));
    assert.deepEqual(world.batches, [['m0', 'm1', 'm2']]);
    assert.deepEqual(world.deleted, ['m0', 'm1', 'm2']);
    assert.deepEqual(world.counters, {
      PolledEventCount: 3,
      InvokedEventCount: 3,
      FailedInvokeEventCount: 0,
      DeletedEventCount: 3,
    });
    assert.deepEqual(world.reports, ['OK']);
    await world.close();
  });

  test('the queue is asked for no more than a batch', async () => {
    const world = await worldOf({ BatchSize: 4 });
    assert.ok(world.polls.every(({ request }) => request.recordsMax === 4));
    await world.send(...several(6));
    assert.deepEqual(world.batches, [
      ['m0', 'm1', 'm2', 'm3'],
      ['m4', 'm5'],
    ]);
    await world.close();
  });

  test('with a window a batch waits until it is complete', async () => {
    const world = await worldOf({
      BatchSize: 25,
      MaximumBatchingWindowInSeconds: 30,
      ScalingConfig: { MaximumConcurrency: 1 },
    });
    await world.send(...several(20));
    assert.equal(world.batches.length, 0);
    await world.send(...several(10, 20));
    assert.deepEqual(
      world.batches.map((ids) => ids.length),
      [25],
    );
    await world.advance(30_000);
    assert.deepEqual(
      world.batches.map((ids) => ids.length),
      [25, 5],
    );
    await world.close();
  });

  test('or until the window is over', async () => {
    const world = await worldOf({
      BatchSize: 25,
      MaximumBatchingWindowInSeconds: 30,
      ScalingConfig: { MaximumConcurrency: 1 },
    });
    await world.send(...several(2));
    await world.advance(20_000);
    await world.send(...several(1, 2));
    assert.deepEqual(world.batches, []);
    await world.advance(10_000);
    assert.deepEqual(world.batches, [['m0', 'm1', 'm2']]);
    await world.close();
  });

  test('a batch is no larger than an event may be, and what does not fit is the next', async () => {
    const world = await worldOf({ BatchSize: 10, ScalingConfig: { MaximumConcurrency: 1 } });
    const large = 'x'.repeat(2_500_000);
    await world.send(message('a', large), message('b', large), message('c', large));
    assert.deepEqual(world.batches, [['a', 'b'], ['c']]);
    await world.send(message('d', 'x'.repeat(6_300_000)), message('e'));
    assert.deepEqual(world.batches.slice(2), [['e']]);
    assert.match(world.notes.join(), /message d makes an event of more than 6291456 bytes/);
    assert.ok(!world.deleted.includes('d'));
    await world.close();
  });

  test('what filters leave out is deleted and not delivered', async () => {
    const world = await worldOf();
    world.passes = ({ id }) => id !== 'm1';
    await world.send(...several(3));
    assert.deepEqual(world.batches, [['m0', 'm2']]);
    assert.deepEqual(world.deleted.toSorted(), ['m0', 'm1', 'm2']);
    assert.equal(world.counters.FilteredOutEventCount, 1);
    await world.close();
  });

  test('the trace header of a message that is alone goes along', async () => {
    const world = await worldOf();
    await world.send(message('a', 'a', { traceHeader: 'Root=1-a' }));
    await world.send(message('b', 'b', { traceHeader: 'Root=1-b' }), message('c'));
    assert.deepEqual(world.traceHeaders, ['Root=1-a', undefined]);
    await world.close();
  });
});

describe('failures', () => {
  test('a batch that failed is left to the queue', async () => {
    const world = await worldOf();
    world.answer = () => 'fail';
    await world.send(...several(2));
    assert.deepEqual([world.deleted, world.released], [[], []]);
    assert.equal(world.counters.FailedInvokeEventCount, 2);
    await world.close();
    assert.deepEqual(world.released, []);
  });

  const responses: readonly (readonly [response: string, deleted: readonly string[]])[] = [
    ['{"batchItemFailures":[{"itemIdentifier":"m1"}]}', ['m0', 'm2']],
    ['{"batchItemFailures":[]}', ['m0', 'm1', 'm2']],
    ['{"batchItemFailures":null}', ['m0', 'm1', 'm2']],
    ['{}', ['m0', 'm1', 'm2']],
    ['null', ['m0', 'm1', 'm2']],
    ['', ['m0', 'm1', 'm2']],
    ['""', ['m0', 'm1', 'm2']],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}', []],
    ['{"batchItemFailures":[{"itemIdentifier":null}]}', []],
    ['{"batchItemFailures":[{"itemIdentifier":7}]}', []],
    ['{"batchItemFailures":[{"itemidentifier":"m1"}]}', []],
    ['{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"unknown"}]}', []],
    ['{"batchItemFailures":["m1"]}', []],
    ['{"batchItemFailures":[null]}', []],
    ['{"batchItemFailures":{}}', []],
    ['{"failures":[]}', []],
    ['[]', []],
    ['"ok"', []],
    ['{"batchItem', []],
  ];
  for (const [response, deleted] of responses)
    test(`of a batch whose function reports ${response} are deleted: ${deleted}`, async () => {
      const world = await worldOf(REPORTS);
      world.answer = () => ({ text: response });
      await world.send(...several(3));
      assert.deepEqual(world.deleted, deleted);
      assert.equal(world.counters.FailedInvokeEventCount, 3 - deleted.length);
      await world.close();
    });

  test('a response is not looked at where the mapping does not ask for it', async () => {
    const world = await worldOf();
    world.answer = () => ({ text: '{"batchItemFailures":[{"itemIdentifier":"m1"}]}' });
    await world.send(...several(3));
    assert.deepEqual(world.deleted, ['m0', 'm1', 'm2']);
    await world.close();
  });

  for (const refusal of ['throttle', 'unavailable'] as const) {
    test(`${refusal}: the batch is tried again, later each time, and nothing else meanwhile`, async () => {
      const world = await worldOf({ ScalingConfig: { MaximumConcurrency: 1 } });
      world.answer = () => refusal;
      await world.send(...several(1));
      await world.send(...several(1, 1));
      assert.deepEqual(world.batches, [['m0']]);
      await world.advance(500);
      assert.deepEqual(world.batches, [['m0'], ['m0']]);
      await world.advance(500);
      assert.equal(world.batches.length, 2);
      world.answer = () => ({ text: 'null' });
      await world.advance(500);
      assert.deepEqual(world.batches, [['m0'], ['m0'], ['m0'], ['m1']]);
      assert.deepEqual([world.deleted, world.released], [['m0', 'm1'], []]);
      assert.equal(world.counters.InvokedEventCount, 2);
      await world.close();
    });

    test(`${refusal}: until shortly before the queue shows the messages again`, async () => {
      const world = await worldOf({ ScalingConfig: { MaximumConcurrency: 1 } });
      world.hiddenMs = 4_000;
      world.answer = () => refusal;
      await world.send(...several(1));
      await world.send(...several(1, 1));
      await world.advance(7_000, 500);
      // At 0, 0.5 and 1.5 s; the next would be at 3.5 s, and is the other batch's.
      assert.deepEqual(world.batches, [['m0'], ['m0'], ['m0'], ['m1']]);
      assert.deepEqual([world.deleted, world.released], [[], []]);
      await world.close();
    });
  }

  test('a batch that waits for a slot when the mapping stops is shown again', async () => {
    const world = await worldOf();
    world.answer = () => 'throttle';
    await world.send(...several(2));
    await world.close();
    assert.deepEqual([world.batches, world.released], [[['m0', 'm1']], ['m0', 'm1']]);
  });

  test('a deletion that fails is tried again', async () => {
    const world = await worldOf();
    world.refusedDeletions = 2;
    await world.send(...several(1));
    assert.deepEqual(world.deleted, []);
    await world.advance(2_000, 100);
    assert.deepEqual(world.deleted, ['m0']);
    await world.close();
  });

  test('trouble of the source ends the run, and what was in hand ends well', async () => {
    const world = new QueueWorld();
    const ended = world.start();
    await world.turns();
    const gate = Promise.withResolvers<void>();
    world.answer = async () => {
      await gate.promise;
      return { text: 'null' };
    };
    await world.send(...several(1));
    world.polls[0]?.fail(new SourceTrouble('missing', 'gone'));
    await world.turns();
    gate.resolve();
    await assert.rejects(ended, /gone/);
    assert.deepEqual(world.deleted, ['m0']);
    assert.equal(world.polls.length, 0);
  });
});

describe('the end', () => {
  test('waits for what is in hand and reads nothing more', async () => {
    const world = await worldOf();
    const gate = Promise.withResolvers<void>();
    world.answer = async () => {
      await gate.promise;
      return { text: 'null' };
    };
    await world.send(...several(1));
    const closed = world.close();
    await world.turns();
    assert.equal(world.polls.length, 0);
    gate.resolve();
    await closed;
    assert.deepEqual([world.deleted, world.released], [['m0'], []]);
  });

  test('what was gathered and not invoked is shown again at once', async () => {
    const world = await worldOf({ BatchSize: 100, MaximumBatchingWindowInSeconds: 300 });
    await world.send(...several(7));
    await world.close();
    assert.deepEqual(world.batches, []);
    assert.deepEqual(
      world.released.toSorted(),
      several(7).map(({ id }) => id),
    );
  });
});

describe('lanes', () => {
  const busy = () => new Promise<never>(() => {});

  test('five in the beginning, more while all are at work, two when nothing comes', async () => {
    const world = await worldOf();
    assert.equal(world.polls.length, 5);
    await world.advance(20_000 * 16, 20_000);
    assert.equal(world.polls.length, 2);
    world.answer = busy;
    for (let i = 0; i < 40; i++) {
      await world.send(...several(10, i * 10));
      await world.advance(200);
    }
    assert.ok(world.running >= 20, `${world.running} at work`);
    world.stop.abort();
  });

  test('no more than 300 new ones in a minute', async () => {
    const world = await worldOf();
    world.answer = busy;
    await world.send(...several(200));
    assert.equal(world.running, 6);
    await world.advance(1_000, 200);
    assert.ok(world.running <= 11, `${world.running} at work`);
    world.stop.abort();
  });

  test('never more than MaximumConcurrency', async () => {
    const world = await worldOf({ ScalingConfig: { MaximumConcurrency: 3 } });
    world.answer = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return { text: 'null' };
    };
    for (let i = 0; i < 30; i++) {
      await world.send(...several(100, i * 100));
      await world.advance(200);
    }
    assert.equal(world.runningMost, 3);
    assert.equal(world.deleted.length, 3000);
    await world.close();
  });

  test('ten for each poller of provisioned mode, never less and never more', async () => {
    const world = await worldOf({ ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 4 } });
    await world.advance(20_000 * 17, 20_000);
    assert.equal(world.polls.length, 30);
    world.answer = busy;
    for (let i = 0; i < 60; i++) {
      await world.send(...several(10, i * 10));
      await world.advance(100);
    }
    assert.equal(world.running, 40);
    world.stop.abort();
  });

  const bounds = [
    [{ MinimumPollers: 2 }, 20, 2_000],
    [{ MaximumPollers: 10 }, 20, 100],
    [{ MinimumPollers: 200, MaximumPollers: 10_000 }, 2_000, 20_000],
  ] as const;
  for (const [ProvisionedPollerConfig, least, most] of bounds)
    test(`${JSON.stringify(ProvisionedPollerConfig)}: between ${least} and ${most} batches at a time`, () => {
      const limits = laneLimits({ ProvisionedPollerConfig });
      assert.deepEqual([limits.start, limits.idle, limits.most], [least, least, most]);
    });

  test('a queue at rest is asked twice in twenty seconds', async () => {
    const world = await worldOf();
    await world.advance(20_000 * 20, 20_000);
    const { reads } = world;
    await world.advance(200_000, 20_000);
    assert.equal(world.reads - reads, 20);
    await world.close();
  });
});
