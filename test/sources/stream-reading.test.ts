/** Which records of a stream come to the function, in which batches, and what a new run knows of the one before. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SourceTrouble } from '../../src/sources/source-port.ts';
import { StreamWorld, UUID } from './stream-world.ts';

const OPEN_SHARD = 'shardId-000000000000';

describe('reading a stream', () => {
  it('begins with the oldest record, and goes on behind the last one when it is started again', async () => {
    const world = new StreamWorld();
    world.shard('a');
    const before = world.put('a', 3);
    world.start();
    await world.settle();
    assert.deepEqual(world.batches(), [before]);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '3' } });
    assert.equal(await world.stop(), undefined);
    const later = world.put('a', 2);
    world.start();
    await world.settle();
    assert.deepEqual(world.batches(), [before, later]);
    assert.deepEqual(world.reports, ['OK', 'OK']);
    await world.stop();
  });

  it('remembers when LATEST began, and reads shards that come later from their beginning', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 3);
    world.clock.advance(10);
    world.start({ StartingPosition: 'LATEST' });
    await world.pass(3000);
    assert.deepEqual(world.batches(), []);
    await world.stop();
    // Nothing was delivered yet: what came while nobody read is not lost.
    world.put('a', 1);
    world.shard('b', ['a']);
    world.put('b', 1);
    world.clock.advance(5000);
    world.start({ StartingPosition: 'LATEST' });
    await world.pass(2000);
    assert.deepEqual(world.batches(), [['4']]);
    (world.shards.get('a') as { isClosed: boolean }).isClosed = true;
    await world.pass(12_000);
    assert.deepEqual(world.batches(), [['4'], ['5']]);
    await world.stop();
  });

  it('begins at a time', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 2);
    world.clock.advance(1000);
    const startingPositionMs = world.clock.now();
    const ids = world.put('a', 2);
    world.start({ StartingPosition: 'AT_TIMESTAMP', startingPositionMs });
    await world.settle();
    assert.deepEqual(world.batches(), [ids]);
    await world.stop();
  });

  it('delivers parents before children, whether a shard was split or two were merged', async () => {
    const world = new StreamWorld();
    world.shard('parent').isClosed = true;
    world.shard('left', ['parent']).isClosed = true;
    world.shard('right', ['parent']).isClosed = true;
    world.shard('merged', ['left', 'right']);
    world.put('merged', 1);
    world.put('right', 1);
    world.put('left', 1);
    world.put('parent', 2);
    let isFailing = true;
    world.answer = () => (isFailing ? 'fail' : { json: null });
    world.start();
    await world.pass(3000);
    assert.ok(
      world.batches().every((batch) => batch.join() === '4,5'),
      'children wait for a parent that fails',
    );
    isFailing = false;
    world.events.length = 0;
    await world.pass(60_000);
    const order = world.batches().map((batch) => batch.join());
    assert.equal(order[0], '4,5');
    assert.deepEqual(order.slice(1, 3).sort(), ['2', '3']);
    assert.equal(order[3], '1');
    assert.deepEqual(await world.checkpoint('parent'), { position: { type: 'AFTER', id: '5' }, isFinished: true });
    await world.stop();
  });

  it('forgets a finished shard that the stream no longer lists, and reads it no second time', async () => {
    const world = new StreamWorld();
    const old = world.shard('old');
    world.shard('new', ['old']);
    world.put('old', 1);
    old.isClosed = true;
    world.start();
    await world.pass(3000);
    old.isListed = false;
    await world.pass(60_000);
    assert.equal(await world.checkpoint('old'), undefined);
    assert.deepEqual(world.batches(), [['1']]);
    await world.stop();
  });

  it('goes on with the oldest record when the one behind its checkpoint was trimmed', async () => {
    const world = new StreamWorld();
    const shard = world.shard('a');
    world.put('a', 2);
    world.start();
    await world.settle();
    await world.stop();
    world.put('a', 4);
    shard.trimmedBefore = 4;
    world.start();
    await world.pass(1000);
    assert.deepEqual(world.batches(), [
      ['1', '2'],
      ['5', '6'],
    ]);
    assert.match(world.notes.join(), /trimmed/);
    await world.stop();
  });

  it('asks once a second, invokes nothing while nothing comes, and asks an idle shard less often', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.start();
    await world.pass(10_000);
    assert.ok(world.reads >= 10 && world.reads <= 11, `${world.reads} reads in ten seconds`);
    assert.deepEqual(world.events, []);
    await world.pass(60_000, 1000);
    world.reads = 0;
    await world.pass(10_000);
    assert.ok(world.reads >= 4 && world.reads <= 6, `${world.reads} reads in ten seconds of idleness`);
    await world.stop();
  });

  it('slows down when it is asked to, says when the service is away, and ends when it may not read', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 1);
    let trouble: SourceTrouble | undefined = new SourceTrouble('busy', 'slow down');
    world.trouble = (call) => (call === 'read' ? trouble : undefined);
    world.start();
    await world.pass(10_000);
    assert.ok(world.reads <= 6, `${world.reads} reads`);
    assert.deepEqual(world.reports, []);
    trouble = new SourceTrouble('unreachable', 'no answer');
    await world.pass(40_000, 1000);
    assert.ok(world.reports.length > 0 && world.reports.every((line) => line === 'PROBLEM: no answer'));
    trouble = undefined;
    await world.pass(40_000, 1000);
    assert.deepEqual(world.batches(), [['1']]);
    assert.equal(world.reports.at(-1), 'OK');
    trouble = new SourceTrouble('denied', 'not yours');
    await world.pass(5000);
    assert.equal(await world.ended(), trouble);
  });

  it('ends where the list of shards may not be had, and bears what passes', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 1);
    let trouble: SourceTrouble | undefined = new SourceTrouble('unreachable', 'no answer');
    world.trouble = (call) => (call === 'partitions' ? trouble : undefined);
    world.start();
    await world.pass(5000);
    assert.deepEqual(new Set(world.reports), new Set(['PROBLEM: no answer']));
    trouble = undefined;
    await world.pass(10_000);
    assert.deepEqual(world.batches(), [['1']]);
    trouble = new SourceTrouble('missing', 'gone');
    await world.pass(12_000);
    assert.equal(await world.ended(), trouble);
  });

  it('never writes for a mapping that was deleted', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.start();
    await world.settle();
    const key = { account: '000000000000', region: 'us-east-1', kind: 'stream-checkpoint', id: UUID } as const;
    await world.metadata.commit([{ type: 'deletePrefix', key }]);
    world.put('a', 1);
    world.shard('b');
    await world.pass(12_000);
    assert.match(String(await world.ended()), /revision conflict/);
    assert.equal(await world.checkpoint('a'), undefined);
    assert.equal(await world.checkpoint('b'), undefined);
  });

  it('leaves what fails for the next run, and finishes what it has in hand', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 2);
    let release = () => {};
    world.answer = () =>
      new Promise((resolve) => {
        release = () => resolve({ json: null });
      });
    world.start();
    await world.settle();
    const stopping = world.stop();
    world.put('a', 1);
    release();
    assert.equal(await stopping, undefined);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '2' } });
    world.answer = () => 'fail';
    world.start();
    await world.settle();
    assert.equal(await world.stop(), undefined);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '2' } });
    assert.deepEqual(world.batches(), [['1', '2'], ['3']]);
  });
});

describe('batches of a stream', () => {
  it('are cut by their size, their bytes, and hold a record too large for any event back', async () => {
    const world = new StreamWorld();
    world.shard(OPEN_SHARD);
    world.put(OPEN_SHARD, 3);
    world.put(OPEN_SHARD, 2, { bytes: 4_000_000 });
    world.put(OPEN_SHARD, 1, { bytes: 7_000_000 });
    world.put(OPEN_SHARD, 1);
    world.start({ BatchSize: 2, DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:0:q' } } });
    await world.pass(2000);
    assert.deepEqual(world.batches(), [['1', '2'], ['3', '4'], ['5'], ['7']]);
    assert.deepEqual(
      world.sent.map(({ body }) => [
        (body['requestContext'] as { condition: string }).condition,
        body['responseContext'],
      ]),
      [['MaximumPayloadSizeExceeded', null]],
    );
    await world.stop();
  });

  it('wait for the batching window, which begins with the end of the invoke before', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.start({ MaximumBatchingWindowInSeconds: 10, BatchSize: 5 });
    await world.pass(2000);
    world.put('a', 2);
    await world.pass(7750);
    assert.deepEqual(world.batches(), []);
    await world.pass(500);
    assert.deepEqual(world.batches(), [['1', '2']]);
    world.put('a', 6);
    await world.pass(1250);
    assert.deepEqual(world.batches().slice(1), [['3', '4', '5', '6', '7']], 'a full batch does not wait');
    await world.pass(8500);
    assert.equal(world.events.length, 2);
    await world.pass(3000);
    assert.deepEqual(world.batches().slice(2), [['8']]);
    await world.stop();
  });

  it('hold only what filters let through; what they drop moves the checkpoint and is counted', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 4);
    world.passes = ({ id }) => id === '2';
    world.start();
    await world.settle();
    assert.deepEqual(world.batches(), [['2']]);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '4' } });
    world.put('a', 1);
    await world.pass(1500);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '5' } });
    assert.deepEqual(Object.fromEntries(world.counters), {
      PolledEventCount: 5,
      FilteredOutEventCount: 4,
      InvokedEventCount: 1,
    });
    await world.stop();
  });

  it('go out in parallel by key, and the checkpoint stays before the first that is not done', async () => {
    const world = new StreamWorld();
    world.shard('a');
    const [slow] = world.put('a', 1, { key: 'slow' });
    world.put('a', 1, { key: 'key-2' });
    world.put('a', 1, { key: 'slow' });
    for (let count = 0; count < 20; count++) world.put('a', 1);
    let release = () => {};
    world.answer = ({ Records }) => {
      if (Records[0]?.id !== slow) return { json: null };
      return new Promise((resolve) => {
        release = () => resolve({ json: null });
      });
    };
    world.start({ ParallelizationFactor: 10, BatchSize: 1 });
    await world.pass(2000);
    const done = world.batches().flat();
    assert.ok(done.length > 10, 'other lanes go on');
    assert.ok(!done.includes('3'), 'the second record of the slow key waits for the first');
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'TRIM_HORIZON' } });
    release();
    await world.pass(2000);
    assert.equal(new Set(world.batches().flat()).size, 23);
    assert.deepEqual(await world.checkpoint('a'), { position: { type: 'AFTER', id: '23' } });
    await world.stop();
  });

  it('tell the age of their last record', async () => {
    const world = new StreamWorld();
    world.shard('a');
    world.put('a', 2);
    world.clock.advance(4000);
    world.start();
    await world.settle();
    assert.deepEqual(world.ages, [4000]);
    await world.stop();
  });
});
