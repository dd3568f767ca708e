import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCondition } from '../../src/access/policy-conditions.ts';
import { fits, readTemplate } from '../../src/access/policy-pattern.ts';

type Values = readonly string[] | undefined;
type Row = readonly [operator: string, policy: unknown, request: Values, met: boolean];

const KEY = 'aws:Some';

function isMet(operator: string, policy: unknown, request: Values): boolean {
  const keys = (name: string) => ({ 'aws:some': request, 'aws:username': ['Alice'] })[name];
  return readCondition(operator, KEY, policy, true)(keys);
}

/** A variable of policies, spelt so that it is none of JavaScript's. */
const variable = (name: string) => `$${`{${name}}`}`;

const rows: readonly Row[] = [
  ['StringEquals', 'a', ['a'], true],
  ['StringEquals', 'a', ['A'], false],
  ['StringEquals', '*', ['a'], false],
  ['StringEquals', ['a', 'b'], ['b'], true],
  ['StringEquals', variable('aws:username'), ['Alice'], true],
  ['StringEquals', variable('aws:nothing'), ['Alice'], false],
  ['StringEquals', 'a', undefined, false],
  ['StringEqualsIfExists', 'a', undefined, true],
  ['StringEqualsIfExists', 'a', ['b'], false],
  ['StringNotEquals', ['a', 'b'], ['b'], false],
  ['StringNotEquals', ['a', 'b'], ['c'], true],
  ['StringNotEquals', 'a', undefined, true],
  ['StringNotEquals', variable('aws:nothing'), ['Alice'], false],
  ['StringEqualsIgnoreCase', 'aB', ['Ab'], true],
  ['StringEqualsIgnoreCase', variable('AWS:UserName'), ['aLICE'], true],
  ['StringNotEqualsIgnoreCase', 'aB', ['Ab'], false],
  ['StringLike', 'a*c?', ['abbcd'], true],
  ['StringLike', `a${variable('*')}`, ['ab'], false],
  ['StringLike', `a${variable('*')}`, ['a*'], true],
  ['StringLike', `${variable('aws:username')}*`, ['Alice-1'], true],
  ['StringNotLike', 'a*', ['abc'], false],
  ['StringNotLike', 'a*', ['b'], true],
  ['NumericEquals', 10, ['10.0'], true],
  ['NumericEquals', '10', ['ten'], false],
  ['NumericNotEquals', '10', ['11'], true],
  ['NumericLessThan', '10', ['9'], true],
  ['NumericLessThan', '10', ['10'], false],
  ['NumericLessThanEquals', '10', ['10'], true],
  ['NumericGreaterThan', '10', ['9'], false],
  ['NumericGreaterThanEquals', '10', ['10'], true],
  ['DateEquals', '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00+01:00'], true],
  ['DateEquals', '1767225600', ['2026-01-01T00:00:00Z'], true],
  ['DateNotEquals', '2026-01-01', ['2026-01-01T00:00:01Z'], true],
  ['DateLessThan', '2026-01-01', ['2025-12-31T23:59:59Z'], true],
  ['DateLessThanEquals', '2026-01-01', ['2026-01-02T00:00:00Z'], false],
  ['DateGreaterThan', '2026-01-01', ['1767225601'], true],
  ['DateGreaterThanEquals', '2026-01-01', ['2026-01-01T00:00:00Z'], true],
  ['Bool', true, ['true'], true],
  ['Bool', 'False', ['false'], true],
  ['Bool', 'true', ['false'], false],
  ['Bool', 'false', undefined, false],
  ['BoolIfExists', 'false', undefined, true],
  ['BinaryEquals', 'QQ==', ['QQ=='], true],
  ['BinaryEquals', 'QQ==', ['Qg=='], false],
  ['IpAddress', '10.0.0.0/8', ['10.1.2.3'], true],
  ['IpAddress', '10.0.0.0/8', ['11.1.2.3'], false],
  ['IpAddress', '127.0.0.1', ['::ffff:127.0.0.1'], true],
  ['IpAddress', ['10.0.0.0/8', '2001:db8::/32'], ['2001:db8::1'], true],
  ['IpAddress', '2001:db8::/32', ['10.0.0.1'], false],
  ['NotIpAddress', '10.0.0.0/8', ['11.1.2.3'], true],
  ['NotIpAddress', '10.0.0.0/8', ['10.1.2.3'], false],
  ['ArnEquals', 'arn:aws:sns:*:123456789012:t*', ['arn:aws:sns:us-east-1:123456789012:topic'], true],
  ['ArnLike', 'arn:aws:*:*::t', ['arn:aws:sns:us-east-1:123456789012:t'], false],
  ['ArnLike', 'arn:aws:s3:::b*', ['arn:aws:s3:::bucket'], true],
  ['ArnLike', '*', ['arn:aws:s3:::bucket'], true],
  ['ArnNotEquals', 'arn:aws:s3:::b*', ['arn:aws:s3:::bucket'], false],
  ['ArnNotLike', 'arn:aws:s3:::c*', ['arn:aws:s3:::bucket'], true],
  ['Null', 'true', undefined, true],
  ['Null', 'true', ['a'], false],
  ['Null', false, ['a'], true],
  ['Null', ['true', 'false'], ['a'], true],
  ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
  ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'd'], false],
  ['ForAnyValue:StringEquals', 'a', undefined, false],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b', 'a'], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
  ['ForAllValues:StringEquals', 'a', undefined, true],
  ['ForAnyValue:StringNotEquals', 'a', ['a', 'b'], true],
  ['ForAnyValue:StringNotEquals', 'a', undefined, false],
  ['ForAllValues:StringNotLike', 'a*', ['b', 'ab'], false],
  ['ForAllValues:StringNotLikeIfExists', 'a*', ['b', 'c'], true],
];

describe('a condition', () => {
  for (const [operator, policy, request, met] of rows)
    it(`${operator} ${JSON.stringify(policy)} is ${met ? '' : 'not '}met by ${JSON.stringify(request)}`, () => {
      assert.equal(isMet(operator, policy, request), met);
    });

  it('is refused when its operator does not exist', () => {
    for (const operator of ['StringSame', 'stringequals', 'ForSome:StringEquals', 'NullIfExists', 'constructor', ''])
      assert.throws(() => isMet(operator, 'true', []), /does not exist/, operator);
  });

  it('is refused when its value has not the form', () => {
    for (const [operator, value] of [
      ['StringEquals', { a: 1 }],
      ['NumericEquals', 'ten'],
      ['NumericEquals', ''],
      ['DateEquals', 'soon'],
      ['Bool', '1'],
      ['IpAddress', '10.0.0.0/33'],
      ['IpAddress', '10.0.0'],
      ['IpAddress', '10.0.0.0/8/8'],
      ['ArnLike', 'topic'],
      ['ArnLike', 'arn:aws:sns:*:t'],
    ] as const)
      assert.throws(() => isMet(operator, value, ['a']), `${operator} ${value}`);
  });
});

it('takes a pattern full of wildcards in a moment', () => {
  const { tokens } = readTemplate('*a'.repeat(5_000), { wildcards: true, variables: false });
  const started = performance.now();
  assert.equal(fits(tokens as readonly number[], `${'a'.repeat(2_000)}b`), false);
  assert.ok(performance.now() - started < 1_000);
});
