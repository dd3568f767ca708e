import assert from 'node:assert/strict';
import { it } from 'node:test';
import { watchPolicies } from '../../src/access/policy-watch.ts';
import { deferred } from '../../src/base/deferred.ts';
import type { RecordKey } from '../../src/store/metadata.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

const KEY: RecordKey = { account: '111111111111', region: 'us-east-1', kind: 'function-policy', id: 'f:$LATEST' };
const OTHER: RecordKey = { ...KEY, kind: 'function', id: 'f' };
const statement = { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' };
const body = { policy: { version: '2012-10-17', statements: [statement] } };

it('remembers policies, and that there is none, until one changes', async () => {
  let reads = 0;
  const store = memoryMetadata();
  const { metadata, policies } = watchPolicies({
    ...store,
    get(key) {
      reads++;
      return store.get(key);
    },
  });
  assert.equal(policies.isKnownFree(KEY), false);
  assert.equal(await policies.read(KEY), undefined);
  assert.equal(policies.isKnownFree(KEY), true);
  await metadata.commit([{ type: 'put', key: OTHER, body: {} }]);
  assert.equal(policies.isKnownFree(KEY), true);
  await metadata.commit([{ type: 'put', key: KEY, body }]);
  assert.equal(policies.isKnownFree(KEY), false);
  assert.equal((await policies.read(KEY))?.statements.length, 1);
  assert.equal(await policies.read(KEY), await policies.read(KEY));
  assert.equal(policies.isKnownFree(KEY), false);
  assert.equal(reads, 2);
  await metadata.commit([{ type: 'deletePrefix', key: { ...KEY, id: 'f:' } }]);
  assert.equal(await policies.read(KEY), undefined);
  assert.equal(policies.isKnownFree(KEY), true);
});

it('knows that no function of a namespace has a policy, until one gets one', async () => {
  const { metadata, policies } = watchPolicies(memoryMetadata());
  const second = { ...KEY, id: 'g:1' };
  const elsewhere = { ...KEY, region: 'eu-west-1' };
  const layer: RecordKey = { ...KEY, kind: 'layer-version', id: 'l:1' };
  await policies.read(KEY);
  assert.deepEqual([second, elsewhere, layer].map(policies.isKnownFree), [true, false, false]);
  await metadata.commit([{ type: 'delete', key: second }]);
  assert.equal(policies.isKnownFree(KEY), true);
  await metadata.commit([{ type: 'put', key: second, body }]);
  assert.equal(policies.isKnownFree(KEY), false);
  await policies.read(KEY);
  assert.deepEqual([KEY, second].map(policies.isKnownFree), [true, false]);
  assert.equal((await policies.read(second))?.statements.length, 1);
});

it('does not remember what a change overtook', async () => {
  const store = memoryMetadata();
  const gate = deferred<void>();
  const { metadata, policies } = watchPolicies({
    ...store,
    async get(key) {
      const found = await store.get(key);
      await gate.promise;
      return found;
    },
  });
  const read = policies.read(KEY);
  await metadata.commit([{ type: 'put', key: KEY, body }]);
  gate.resolve();
  assert.equal(await read, undefined);
  assert.equal(policies.isKnownFree(KEY), false);
  assert.equal((await policies.read(KEY))?.statements.length, 1);
});

it('leaves out a statement that cannot be read', async () => {
  const { metadata, policies } = watchPolicies(memoryMetadata());
  const odd = { ...statement, Condition: { Same: { a: 'b' } } };
  await metadata.commit([
    { type: 'put', key: KEY, body: { policy: { version: '2012-10-17', statements: [odd, statement] } } },
  ]);
  assert.equal((await policies.read(KEY))?.statements.length, 1);
});
