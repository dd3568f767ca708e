/** Windows of a stream with a state that goes from invoke to invoke. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SeenEvent, STREAM_ARN, StreamWorld } from './stream-world.ts';

const SHARD = 'shardId-000000000000';
const settings = { TumblingWindowInSeconds: 10, BatchSize: 2 };

/** Counts the records of a window. */
function counting({ Records, state, isFinalInvokeForWindow }: SeenEvent) {
  const { count = 0 } = state as { count?: number };
  return { json: isFinalInvokeForWindow ? { state: { lost: true } } : { state: { count: count + Records.length } } };
}

const brief = ({ Records, state, isFinalInvokeForWindow }: SeenEvent) =>
  `${Records.map(({ id }) => id).join()} ${JSON.stringify(state)}${isFinalInvokeForWindow ? ' final' : ''}`;

function world(): StreamWorld {
  const made = new StreamWorld();
  made.shard(SHARD);
  made.answer = counting;
  return made;
}

describe('a tumbling window', () => {
  it('hands the state on, and ends with an invoke of its own when the time is over', async () => {
    const it = world();
    it.put(SHARD, 3);
    it.start(settings);
    await it.pass(5000);
    assert.deepEqual(it.events.map(brief), ['1,2 {}', '3 {"count":2}']);
    assert.deepEqual(it.events[0], {
      Records: it.events[0]?.Records,
      window: { start: '2023-11-14T22:13:20Z', end: '2023-11-14T22:13:30Z' },
      state: {},
      shardId: SHARD,
      eventSourceARN: STREAM_ARN,
      isFinalInvokeForWindow: false,
      isWindowTerminatedEarly: false,
    });
    await it.pass(7000);
    assert.deepEqual(it.events.map(brief).slice(2), [' {"count":3} final']);
    assert.equal(it.events[2]?.isWindowTerminatedEarly, false);
    it.put(SHARD, 1);
    await it.pass(2000);
    assert.deepEqual(it.events.map(brief).slice(3), ['4 {}']);
    assert.equal(it.events[3]?.window?.start, '2023-11-14T22:13:30Z');
    await it.stop();
  });

  it('ends when a record of a later one comes, and never shares a batch with it', async () => {
    const it = world();
    it.put(SHARD, 1);
    it.clock.advance(30_000);
    it.put(SHARD, 1);
    it.start(settings);
    await it.settle();
    assert.deepEqual(it.events.map(brief), ['1 {}', ' {"count":1} final', '2 {}']);
    await it.stop();
  });

  it('goes on with its state in the next run', async () => {
    const it = world();
    it.put(SHARD, 2);
    it.start(settings);
    await it.settle();
    await it.stop();
    it.put(SHARD, 1);
    it.start(settings);
    await it.pass(1000);
    assert.deepEqual(it.events.map(brief), ['1,2 {}', '3 {"count":2}']);
    await it.stop();
    it.clock.advance(60_000);
    it.start(settings);
    await it.pass(1000);
    assert.deepEqual(it.events.map(brief).slice(2), [' {"count":3} final']);
    assert.deepEqual(await it.checkpoint(SHARD), { position: { type: 'AFTER', id: '3' } });
    await it.stop();
  });

  it('is ended early by a state that is too large', async () => {
    const it = world();
    it.put(SHARD, 3);
    it.answer = (event) =>
      event.Records.length === 2 ? { json: { state: { text: 'x'.repeat(1_048_576) } } } : counting(event);
    it.start(settings);
    await it.settle();
    const [, last, next] = it.events;
    assert.equal(last?.isFinalInvokeForWindow, true);
    assert.equal(last?.isWindowTerminatedEarly, true);
    assert.deepEqual(last?.Records, []);
    assert.deepEqual(next?.state, {});
    await it.stop();
  });

  it('keeps the state of before when an invoke fails, and that of what was done when a part fails', async () => {
    const it = world();
    it.put(SHARD, 2);
    it.answer = (event, invoke) => {
      if (invoke === 1) return 'fail';
      if (invoke === 2) return { json: { state: { count: 1 }, batchItemFailures: [{ itemIdentifier: '2' }] } };
      return counting(event);
    };
    it.start({ ...settings, FunctionResponseTypes: ['ReportBatchItemFailures'] });
    await it.pass(3000);
    assert.deepEqual(it.events.map(brief), ['1,2 {}', '1,2 {}', '2 {"count":1}']);
    await it.stop();
  });

  it('ends with its shard', async () => {
    const it = world();
    it.put(SHARD, 1);
    const shard = it.shards.get(SHARD);
    if (shard) shard.isClosed = true;
    it.start(settings);
    await it.settle();
    assert.deepEqual(it.events.map(brief), ['1 {}', ' {"count":1} final']);
    await it.stop();
  });
});
