/**
 * Patterns that were spoilt are refused in AWS's words, or are patterns all the same. FILTER_FUZZ_PATTERNS asks for more
 * of them, FILTER_FUZZ_SEED for the run that a failure named.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../src/model/api-error.ts';
import { checkFilters } from '../../src/sources/filter-criteria.ts';
import { compileFilters } from '../../src/sources/record-filter.ts';
import type { SourceKind } from '../../src/sources/source-kind.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { create, createAtRest, leastOf, mappingWorld, settle } from '../mappings/mapping-world.ts';
import { FilterCases } from './filters/filter-cases.ts';
import { mutatePattern } from './filters/mutate-pattern.ts';
import { isNaivelyValid } from './filters/naive-validity.ts';

const PATTERNS = Number(process.env['FILTER_FUZZ_PATTERNS'] ?? 10_000);
const SEED = Number(process.env['FILTER_FUZZ_SEED'] ?? 20_261);
const REFUSED = 'Invalid filter pattern definition.';

const jsonOnly: Partial<Record<SourceKind, string>> = { kinesis: 'data', dynamodb: 'dynamodb' };

function mutantOf(seed: number) {
  const cases = new FilterCases(randomFromSeed(seed));
  const { kind } = cases.side;
  const text = mutatePattern(cases.pattern(), (tree) => cases.write(tree), cases.random);
  return { cases, kind, text, isValid: isNaivelyValid(text, jsonOnly[kind]) };
}

test('spoilt patterns are refused, and only they', () => {
  let refused = 0;
  for (let seed = SEED; seed < SEED + PATTERNS; seed++) {
    const { cases, kind, text, isValid } = mutantOf(seed);
    const criteria = { Filters: [{ Pattern: text }] };
    let error: unknown;
    try {
      checkFilters(kind, criteria);
    } catch (thrown) {
      error = thrown;
    }
    const about = `seed ${seed}, ${kind}: ${text}`;
    if (isValid) {
      assert.equal(error, undefined, about);
      compileFilters(kind, criteria)(cases.record().record);
    } else {
      assert.ok(error instanceof ApiError, about);
      assert.deepEqual([error.name, error.message], ['InvalidParameterValueException', REFUSED], about);
      refused++;
    }
  }
  assert.ok(refused > PATTERNS / 3 && refused < PATTERNS * 0.9, `${refused} of ${PATTERNS} refused`);
});

test('Create and Update refuse them alike, and what they refused changes nothing', async () => {
  const world = await mappingWorld();
  const before = { Filters: [{ Pattern: '{"body":["x"]}' }] };
  const uuid = await createAtRest(world, { ...leastOf.sqs, FilterCriteria: before });
  const refusal = { name: 'InvalidParameterValueException', message: REFUSED };
  let refused = 0;
  for (let seed = SEED; refused < 50; seed++) {
    const { text: Pattern, kind, isValid } = mutantOf(seed);
    if (kind !== 'sqs' || isValid) continue;
    const FilterCriteria = { Filters: [{ Pattern }] };
    // Another queue: the pair of this one and the function is there.
    const EventSourceArn = `${leastOf.sqs.EventSourceArn}-${seed}`;
    await assert.rejects(create(world, { EventSourceArn, FilterCriteria }), refusal, `seed ${seed}: ${Pattern}`);
    const update = world.output('UpdateEventSourceMapping', { UUID: uuid, FilterCriteria });
    await assert.rejects(update, refusal, `seed ${seed}: ${Pattern}`);
    refused++;
  }
  await settle(world);
  const shown = await world.output('GetEventSourceMapping', { UUID: uuid });
  assert.deepEqual(shown.FilterCriteria, before);
  const { EventSourceMappings } = await world.output('ListEventSourceMappings', {});
  assert.equal(EventSourceMappings?.length, 1);
});
