import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { KeyUnusable, type Vault } from '../../src/neighbours/vault.ts';
import { findMapping } from '../../src/sources/mapping-record.ts';
import { filterOf } from '../../src/sources/record-filter.ts';
import { createAtRest, leastOf, mappingWorld } from '../mappings/mapping-world.ts';
import { ACCOUNT, REGION } from '../support/function-world.ts';
import { sqsRecord } from './records.ts';

const namespace = { account: ACCOUNT, region: REGION };
const KMSKeyArn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const FilterCriteria = { Filters: [{ Pattern: '{"body":{"secret":["x"]}}' }] };
const kept = sqsRecord('{"secret":"x"}');
const dropped = sqsRecord('{"secret":"y"}');

async function storedMapping(input: object) {
  const world = await mappingWorld();
  const uuid = await createAtRest(world, { ...leastOf.sqs, ...input });
  const { body } = await findMapping(world.services, namespace, uuid);
  return { mapping: body, vault: world.services.vault };
}

describe('the filter of a stored mapping', () => {
  for (const [name, input] of Object.entries({ clear: { FilterCriteria }, sealed: { FilterCriteria, KMSKeyArn } }))
    test(`whose criteria are kept ${name}`, async () => {
      const { mapping, vault } = await storedMapping(input);
      const passes = await filterOf(vault, namespace, mapping);
      assert.deepEqual([passes(kept), passes(dropped)], [true, false]);
    });

  test('lets everything pass when there is none, whatever its key', async () => {
    const { mapping, vault } = await storedMapping({ KMSKeyArn });
    const passes = await filterOf(vault, namespace, mapping);
    assert.deepEqual([passes(kept), passes(dropped)], [true, true]);
  });

  test('is refused, not left out, while its key cannot be used', async () => {
    const { mapping, vault } = await storedMapping({ FilterCriteria, KMSKeyArn });
    const failing = (error: Error): Vault => ({ ...vault, open: () => Promise.reject(error) });
    const denied = new KeyUnusable('AccessDenied', 'AccessDeniedException', 'no permission.', {
      what: 'filter criteria',
    });
    await assert.rejects(filterOf(failing(denied), namespace, mapping), { name: 'KMSAccessDeniedException' });
    const gone = new KeyUnusable('NotFound', 'NotFoundException', 'no such key.', { what: 'filter criteria' });
    await assert.rejects(filterOf(failing(gone), namespace, mapping), { name: 'KMSNotFoundException' });
    const away = new NeighbourUnreachable('no answer');
    await assert.rejects(filterOf(failing(away), namespace, mapping), { name: 'ServiceException' });
  });
});
