import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterPatternError, parseFilterPattern } from '../../src/logs/filter-pattern.ts';

const LINES = [
  '[ERROR 400] BAD REQUEST',
  '[ERROR 401] UNAUTHORIZED REQUEST',
  '[ERROR 419] MISSING ARGUMENTS',
  '[ERROR 420] INVALID ARGUMENTS',
  'say "hi" now',
];

function matching(pattern: string): number[] {
  const matches = parseFilterPattern(pattern);
  return LINES.flatMap((line, i) => (matches(line) ? [i] : []));
}

test('terms, phrases, exclusions and alternatives', () => {
  assert.deepEqual(matching(''), [0, 1, 2, 3, 4]);
  assert.deepEqual(matching('ERROR ARGUMENTS'), [2, 3]);
  assert.deepEqual(matching('error'), []);
  assert.deepEqual(matching('"INVALID ARGUMENTS"'), [3]);
  assert.deepEqual(matching('ERROR -ARGUMENTS'), [0, 1]);
  assert.deepEqual(matching('-ERROR'), [4]);
  assert.deepEqual(matching('?BAD ?MISSING'), [0, 2]);
  assert.deepEqual(matching('?BAD REQUEST'), [0, 1]);
  assert.deepEqual(matching('ERROR -"BAD REQUEST" -"INVALID ARGUMENTS"'), [1, 2]);
  assert.deepEqual(matching('"say \\"hi\\""'), [4]);
});

test('what cannot be answered is refused', () => {
  for (const pattern of ['{ $.level = "ERROR" }', '[ip, user]', '%ERR.*%', '"unclosed', 'a"b"']) {
    assert.throws(() => parseFilterPattern(pattern), FilterPatternError, pattern);
  }
});
