/** Shards of a stream whose function has fewer slots than they have lanes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, StreamWorld } from './stream-world.ts';

const SHARDS = ['shardId-000000000000', 'shardId-000000000001', 'shardId-000000000002', 'shardId-000000000003'];
const RECORDS = 20;
const INVOKE_MS = 100;

interface Slots {
  free: number;
}

/** A world in which an invoke takes its time, and is throttled when no slot is free. */
function world(slots: Slots) {
  const world = new StreamWorld();
  const seen = { throttles: 0 };
  const delivered: string[] = [];
  const shardOf = new Map<string, string>();
  for (const shard of SHARDS) {
    world.shard(shard);
    for (const id of world.put(shard, RECORDS)) shardOf.set(id, shard);
  }
  world.answer = async ({ Records }): Promise<Answer> => {
    if (slots.free === 0) {
      seen.throttles++;
      return 'throttle';
    }
    slots.free--;
    await new Promise<void>((resolve) => world.clock.after(INVOKE_MS, resolve));
    slots.free++;
    for (const { id } of Records) delivered.push(shardOf.get(id) ?? '');
    return { json: null };
  };
  return { world, delivered, seen };
}

/** How far the shard that is furthest ahead of another one ever was. */
function leadMax(delivered: readonly string[]): number {
  const counts = new Map(SHARDS.map((shard) => [shard, 0]));
  let lead = 0;
  for (const shard of delivered) {
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
    lead = Math.max(lead, Math.max(...counts.values()) - Math.min(...counts.values()));
  }
  return lead;
}

describe('lanes that are more than the slots', () => {
  for (const free of [1, 3])
    it(`take turns at ${free}, leave none of them free, and are throttled no more than once for each batch`, async () => {
      const { world: it, delivered, seen } = world({ free });
      it.start({ BatchSize: 1 });
      const idealMs = (SHARDS.length * RECORDS * INVOKE_MS) / free;
      await it.pass(idealMs * 1.25, 10);
      assert.equal(delivered.length, SHARDS.length * RECORDS);
      assert.ok(leadMax(delivered) <= 3, `one was ${leadMax(delivered)} ahead`);
      assert.ok(seen.throttles <= SHARDS.length * RECORDS, `${seen.throttles} throttles`);
      await it.stop();
    });

  it('have all of them soon after somebody else gives them back', async () => {
    const slots = { free: 0 };
    const { world: it, delivered } = world(slots);
    it.start({ BatchSize: 1 });
    await it.pass(1_000, 10);
    assert.equal(delivered.length, 0);
    slots.free = SHARDS.length;
    await it.pass(RECORDS * INVOKE_MS + 2_000, 10);
    assert.equal(delivered.length, SHARDS.length * RECORDS);
    await it.stop();
  });

  it('are at rest as soon as the run is to end', async () => {
    const { world: it, delivered } = world({ free: 1 });
    it.start({ BatchSize: 1 });
    await it.pass(350, 10);
    const stopped = it.stop();
    await it.pass(INVOKE_MS, 10);
    assert.equal(await stopped, undefined);
    assert.equal(delivered.length, 4);
  });
});
