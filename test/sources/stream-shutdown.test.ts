/** What becomes of batches when the server is told to end. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { tellingFunction } from '../async/ledger.ts';
import { createFunction } from '../support/functions.ts';
import { KinesisWorld, textsOf } from './kinesis-world.ts';

describe('batches of a stream when the server ends', { timeout: 240_000 }, () => {
  let world: KinesisWorld;

  before(async () => {
    world = await KinesisWorld.start(['--shutdown-seconds', '3']);
    await createFunction(world.client, 'patient', { files: tellingFunction(world.ledger.url), Timeout: 60 });
    await createFunction(world.client, 'stuck', { files: tellingFunction(world.ledger.url), Timeout: 60 });
  });

  after(async () => {
    await world?.stop();
  });

  it('end with their checkpoint written where they end in time, and are no attempt where they are cut off', async () => {
    const released = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    let isOver = false;
    world.ledger.judge = async ({ functionName }) => {
      if (!isOver) await (functionName === 'patient' ? released.promise : never.promise);
      return { result: null };
    };
    const [short, long] = [await world.stream('short'), await world.stream('long')];
    await world.put('short', ['one']);
    await world.put('long', ['uno']);
    await world.map('patient', short, { MaximumRetryAttempts: 0 });
    // One failure and this record is given up.
    await world.map('stuck', long, { MaximumRetryAttempts: 0 });
    await world.runsWhen('patient', (runs) => runs.length === 1);
    await world.runsWhen('stuck', (runs) => runs.length === 1);
    const ending = world.server.stop();
    // The server takes no connections any more: it has heard.
    for (;;) {
      const answer = await fetch(world.server.url).catch(() => undefined);
      if (answer === undefined || answer.status === 503) break;
      await answer.arrayBuffer();
    }
    isOver = true;
    released.resolve();
    assert.deepEqual(await ending, { code: 0, signal: null });
    never.resolve();
    await world.startServer();
    await world.put('short', ['two']);
    await world.put('long', ['due']);
    const patient = await world.runsWhen('patient', (runs) => runs.flat().includes('two'));
    assert.deepEqual(patient, [['one'], ['two']]);
    const stuck = await world.runsWhen('stuck', (runs) => runs.flat().includes('due'));
    assert.deepEqual(stuck.flat().slice(0, 2), ['uno', 'uno']);
    assert.ok(world.ledger.entries.every((entry) => textsOf(entry).length > 0));
  });
});
