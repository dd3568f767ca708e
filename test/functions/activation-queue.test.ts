import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import { KeyedMutex } from '../../src/base/mutex.ts';
import { type Preparation, PreparationDelayed, type VersionKey } from '../../src/functions/activation.ts';
import { createActivation } from '../../src/functions/activation-queue.ts';
import { functionKey, readFunction } from '../../src/functions/keys.ts';
import { CREATING } from '../../src/functions/publish.ts';
import { type FunctionBody, LATEST } from '../../src/functions/records.ts';
import type { MetadataStore } from '../../src/store/metadata.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

const NAMESPACE = { account: '123456789012', region: 'eu-west-1' };
const keyOf = (functionName: string): VersionKey => ({ ...NAMESPACE, functionName, version: LATEST });

function pending(name: string): FunctionBody {
  return {
    name,
    nextVersion: 1,
    tags: {},
    latest: {
      functionName: name,
      version: LATEST,
      settings: {
        role: 'r',
        description: '',
        timeoutS: 3,
        memoryMb: 128,
        ephemeralStorageMb: 512,
        architecture: 'x86_64',
        packageType: 'Zip',
        logging: { format: 'Text', group: 'g' },
        tracingMode: 'PassThrough',
        snapStart: 'None',
        kept: {},
      },
      code: { sha256: 'a'.repeat(64), sizeBytes: 1 },
      status: CREATING,
      revisionId: 'first',
      lastModified: 0,
    },
  };
}

async function makeQueue(names: readonly string[], preparation: Preparation) {
  const metadata: MetadataStore = memoryMetadata();
  for (const name of names)
    await metadata.commit([{ type: 'put', key: functionKey(NAMESPACE, name), body: pending(name) }]);
  const clock = new FakeClock();
  const reported: unknown[] = [];
  const settled: string[] = [];
  const queue = createActivation({
    metadata,
    locks: new KeyedMutex(),
    clock,
    ids: randomIds,
    preparation,
    settled: ({ functionName }) => settled.push(functionName),
    report: (error) => reported.push(error),
  });
  const status = async (name: string) => (await readFunction(metadata, NAMESPACE, name))?.body.latest.status;
  return { metadata, clock, queue, reported, settled, status };
}

describe('activation', { timeout: 10_000 }, () => {
  it('runs a few at a time and is idle when all are done', async () => {
    let running = 0;
    let most = 0;
    const names = Array.from({ length: 7 }, (_, index) => `f${index}`);
    const prepare = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    const { queue, status, settled } = await makeQueue(names, { prepare });
    for (const name of names) queue.begin(keyOf(name));
    await queue.idle();
    assert.equal(most, 2);
    for (const name of names) assert.deepEqual(await status(name), { state: 'Active', lastUpdateStatus: 'Successful' });
    assert.deepEqual(settled, names);
    await queue.idle();
  });

  it('takes up after a restart what was left unfinished', async () => {
    const { queue, status } = await makeQueue(['a', 'b'], { prepare: async () => {} });
    await queue.resume();
    await queue.idle();
    assert.equal((await status('a'))?.state, 'Active');
    assert.equal((await status('b'))?.state, 'Active');
  });

  it('tells what broke inside without showing it to callers', async () => {
    const prepare = () => Promise.reject(new Error('secret path'));
    const { queue, status, reported } = await makeQueue(['a'], { prepare });
    queue.begin(keyOf('a'));
    await queue.idle();
    const { state, stateReasonCode, stateReason } = (await status('a')) ?? assert.fail();
    assert.deepEqual([state, stateReasonCode], ['Failed', 'InternalError']);
    assert.doesNotMatch(stateReason ?? '', /secret/);
    assert.match(String(reported[0]), /secret path/);
  });

  it('says that the disk is full, which callers can wait for or mend', async () => {
    const prepare = () => Promise.reject(Object.assign(new Error('ENOSPC: secret path'), { code: 'ENOSPC' }));
    const { queue, status } = await makeQueue(['a'], { prepare });
    queue.begin(keyOf('a'));
    await queue.idle();
    const { stateReasonCode, stateReason } = (await status('a')) ?? assert.fail();
    assert.equal(stateReasonCode, 'InternalError');
    assert.equal(stateReason, 'The function could not be prepared because lambdad has no room left on its disk.');
  });

  it('tries again later when the store fails', async () => {
    const { queue, status, metadata, clock, reported } = await makeQueue(['a'], { prepare: async () => {} });
    const { commit } = metadata;
    metadata.commit = () => Promise.reject(new Error('disk full'));
    queue.begin(keyOf('a'));
    await queue.idle();
    assert.equal((await status('a'))?.state, 'Pending');
    assert.equal(reported.length, 1);
    metadata.commit = commit;
    clock.advance(500);
    await queue.idle();
    assert.equal((await status('a'))?.state, 'Active');
  });

  it('tries again later when a neighbour does not answer', async () => {
    let answers = false;
    const prepare = async () => {
      if (!answers) throw new PreparationDelayed('KMS does not answer');
    };
    const { queue, status, clock, reported } = await makeQueue(['a'], { prepare });
    queue.begin(keyOf('a'));
    await queue.idle();
    assert.equal((await status('a'))?.state, 'Pending');
    assert.match(String(reported[0]), /KMS does not answer/);
    answers = true;
    clock.advance(500);
    await queue.idle();
    assert.equal((await status('a'))?.state, 'Active');
  });

  it('leaves alone what was deleted, or replaced by something else, meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    let prepared = 0;
    const prepare = () => (prepared++ === 0 ? gate.promise : Promise.resolve());
    const { queue, metadata, status, settled } = await makeQueue(['a'], { prepare });
    queue.begin(keyOf('a'));
    while (prepared === 0) await new Promise((resolve) => setImmediate(resolve));
    const made = pending('a');
    const other = { ...made, latest: { ...made.latest, code: { sha256: 'b'.repeat(64), sizeBytes: 1 } } };
    await metadata.commit([{ type: 'put', key: functionKey(NAMESPACE, 'a'), body: other }]);
    queue.begin(keyOf('a'));
    gate.resolve();
    await queue.idle();
    assert.equal(prepared, 2);
    assert.deepEqual(settled, ['a']);
    assert.equal((await status('a'))?.state, 'Active');
    queue.begin(keyOf('gone'));
    await queue.idle();
  });
});
