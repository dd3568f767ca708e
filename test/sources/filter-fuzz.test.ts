/**
 * Filters against a slow judge of the same grammar. FILTER_FUZZ_PAIRS asks for more pairs of a pattern and a record,
 * FILTER_FUZZ_SEED for the run that a failure named.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFilters } from '../../src/sources/filter-criteria.ts';
import { compileFilters } from '../../src/sources/record-filter.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { FilterCases } from './filters/filter-cases.ts';
import { naivelyFits } from './filters/naive-filter.ts';

const PAIRS = Number(process.env['FILTER_FUZZ_PAIRS'] ?? 10_000);
const SEED = Number(process.env['FILTER_FUZZ_SEED'] ?? 20_260);
const RECORDS = 10;
const FILTERS_MAX = 2;

test('filters let through what a slow judge of the same grammar does', () => {
  let pairs = 0;
  let passed = 0;
  for (let seed = SEED; pairs < PAIRS; seed++) {
    const cases = new FilterCases(randomFromSeed(seed));
    const { kind } = cases.side;
    const patterns = Array.from({ length: cases.random() < 0.8 ? 1 : FILTERS_MAX }, () => cases.pattern());
    const criteria = { Filters: patterns.map((pattern) => ({ Pattern: cases.write(pattern) })) };
    assert.doesNotThrow(() => checkFilters(kind, criteria), `seed ${seed}: ${JSON.stringify(criteria)}`);
    const passes = compileFilters(kind, criteria);
    for (let turn = 0; turn < RECORDS; turn++, pairs++) {
      const { record, naive } = cases.record();
      const expected = patterns.some((pattern) => naivelyFits(pattern, naive));
      if (expected) passed++;
      if (passes(record) !== expected)
        assert.fail(`seed ${seed}, ${kind}: ${expected ? 'drops' : 'passes'}
${JSON.stringify(record.event)}
data: ${JSON.stringify(naive.fields.type === 'object' && naive.fields.fields[0]?.[1])}
by ${criteria.Filters.map(({ Pattern }) => Pattern).join('\nor ')}`);
    }
  }
  // Neither of the answers would be right all of the time.
  assert.ok(passed > PAIRS / 10 && passed < PAIRS * 0.9, `${passed} of ${pairs} pass`);
});
