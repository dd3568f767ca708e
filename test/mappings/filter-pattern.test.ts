import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FilterPatternError, type Matcher, parseFilterPattern } from '../../src/sources/filter-pattern.ts';

function matchers(leaf: string): readonly Matcher[] {
  const rule = parseFilterPattern(`{"f":${leaf}}`).fields.get('f');
  assert.equal(rule?.type, 'leaf');
  return rule.type === 'leaf' ? rule.matchers : [];
}

describe('filter patterns', () => {
  test('plain values are to be equal to, numbers as they are written', () => {
    const [nothing, empty, word, yes, number] = matchers('[null,"","x",true,3.00]');
    assert.deepEqual(nothing, { type: 'equals', value: null });
    assert.deepEqual(empty, { type: 'equals', value: '' });
    assert.deepEqual(word, { type: 'equals', value: 'x' });
    assert.deepEqual(yes, { type: 'equals', value: true });
    assert.deepEqual(JSON.parse(JSON.stringify(number)), { type: 'equals', value: { value: 3, text: '3.00' } });
  });

  test('every operator is read', () => {
    assert.deepEqual(matchers('[{"equals-ignore-case":"A"}]'), [{ type: 'equals-ignore-case', text: 'A' }]);
    assert.deepEqual(matchers('[{"prefix":"a"},{"suffix":"z"}]'), [
      { type: 'prefix', text: 'a' },
      { type: 'suffix', text: 'z' },
    ]);
    assert.deepEqual(matchers('[{"prefix":{"equals-ignore-case":"a"}},{"suffix":{"equals-ignore-case":"z"}}]'), [
      { type: 'prefix', text: 'a', ignoresCase: true },
      { type: 'suffix', text: 'z', ignoresCase: true },
    ]);
    assert.deepEqual(matchers('[{"anything-but":["a","b"]}]'), [{ type: 'anything-but', values: ['a', 'b'] }]);
    assert.deepEqual(matchers('[{"anything-but":"a"}]'), [{ type: 'anything-but', values: ['a'] }]);
    assert.deepEqual(matchers('[{"exists":false}]'), [{ type: 'exists', exists: false }]);
  });

  test('numeric comparisons become bounds', () => {
    const five = (inclusive: boolean) => ({ value: 5, inclusive });
    assert.deepEqual(matchers('[{"numeric":["=",5]}]'), [{ type: 'numeric', lower: five(true), upper: five(true) }]);
    assert.deepEqual(matchers('[{"numeric":["<",5]}]'), [{ type: 'numeric', upper: five(false) }]);
    assert.deepEqual(matchers('[{"numeric":[">=",5]}]'), [{ type: 'numeric', lower: five(true) }]);
    assert.deepEqual(matchers('[{"numeric":[">",0,"<=",5]}]'), [
      { type: 'numeric', lower: { value: 0, inclusive: false }, upper: five(true) },
    ]);
  });

  test('$or stands beside fields, at any depth', () => {
    const pattern = parseFilterPattern('{"a":[1],"$or":[{"b":["x"]},{"c":{"d":["y"],"$or":[{"e":[1]},{"g":[2]}]}}]}');
    assert.deepEqual([...pattern.fields.keys()], ['a']);
    assert.deepEqual(
      pattern.alternatives?.map(({ fields }) => [...fields.keys()]),
      [['b'], ['c']],
    );
  });

  const refused = [
    '',
    'no json',
    '[]',
    '"text"',
    '5',
    'null',
    '{}',
    '{"a":{}}',
    '{"a":[]}',
    '{"a":"x"}',
    '{"a":5}',
    '{"a":null}',
    '{"a":[["x"]]}',
    '{"a":{"exists":true}}',
    '{"a":[{}]}',
    '{"a":[{"prefix":"x","suffix":"y"}]}',
    '{"a":[{"prefix":5}]}',
    '{"a":[{"exists":"yes"}]}',
    '{"a":[{"wildcard":"x*"}]}',
    '{"a":[{"cidr":"10.0.0.0/8"}]}',
    '{"a":[{"unknown":1}]}',
    '{"a":[{"constructor":1}]}',
    '{"a":[{"anything-but":[]}]}',
    '{"a":[{"anything-but":["x",5]}]}',
    '{"a":[{"anything-but":{"prefix":"x"}}]}',
    '{"a":[{"anything-but":true}]}',
    '{"a":[{"anything-but":[null]}]}',
    '{"a":[{"prefix":{"prefix":"x"}}]}',
    '{"a":[{"prefix":{}}]}',
    '{"a":[{"suffix":{"equals-ignore-case":5}}]}',
    '{"a":[{"suffix":{"equals-ignore-case":"x","prefix":"y"}}]}',
    '{"a":[{"equals-ignore-case":{"prefix":"x"}}]}',
    '{"a":[{"numeric":[]}]}',
    '{"a":[{"numeric":[">"]}]}',
    '{"a":[{"numeric":["~",5]}]}',
    '{"a":[{"numeric":[">","5"]}]}',
    '{"a":[{"numeric":["<",5,">",0]}]}',
    '{"a":[{"numeric":[">",5,"<",5]}]}',
    '{"a":[{"numeric":["=",5,"<",9]}]}',
    '{"a":[{"numeric":[">",0,"<",5,"<",9]}]}',
    '{"a":[{"numeric":["<",5000000001]}]}',
    '{"a":[{"numeric":["=",-1e400]}]}',
    '{"a":[{"numeric":[">",0,"<",5e10]}]}',
    '{"$or":[]}',
    '{"$or":[{"a":["x"]}]}',
    '{"$or":[{"a":["x"]},"y"]}',
    `${'{"a":'.repeat(500)}["x"]${'}'.repeat(500)}`,
  ];
  for (const text of refused)
    test(`refuses ${text.slice(0, 60)}`, () => {
      assert.throws(() => parseFilterPattern(text), FilterPatternError);
    });
});
