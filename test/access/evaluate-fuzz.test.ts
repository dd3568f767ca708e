import assert from 'node:assert/strict';
import { it } from 'node:test';
import { evaluate } from '../../src/access/evaluate.ts';
import type { Identity, Principal } from '../../src/access/identity.ts';
import { type PolicyKind, readPolicy } from '../../src/access/policy-document.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { type NaiveRequest, type NaiveStatement, naiveDecision } from './naive-evaluator.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const FUNCTION = `arn:aws:lambda:${REGION}:${OWNER}:function:f`;
/** The variable of policies, spelt so that it is none of JavaScript's. */
const USERNAME = '$' + '{aws:username}';
const STATEMENTS_MAX = 3;
const SEED = 20_261;
const DECISIONS = 20_000;

const random = randomFromSeed(SEED);
const isHeads = () => random() < 0.5;
const pick = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
const some = <T>(...values: readonly T[]): T | T[] =>
  isHeads() ? pick(...values) : [pick(...values), pick(...values)];

function drawCondition(): object {
  return pick<object>(
    { StringEquals: { 'aws:UserName': some('alice', 'bob') } },
    { StringEqualsIfExists: { 'aws:username': 'alice' } },
    { StringNotEquals: { 'aws:username': some('alice', 'bob') } },
    { StringLike: { 'lambda:Layer': some('*ice', 'a', USERNAME, 'l?ce*') } },
    { 'ForAllValues:StringEquals': { 'aws:TagKeys': some('a', 'b', 'c') } },
    { 'ForAnyValue:StringEquals': { 'aws:TagKeys': some('a', 'b', 'c') } },
    { 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': some('a', 'b', 'c') } },
    { Null: { 'aws:TagKeys': pick('true', 'false') }, Bool: { 'aws:SecureTransport': pick('true', 'false') } },
    { NumericLessThan: { 'aws:EpochTime': some('10', '20') } },
  );
}

function drawArn(name: string): string {
  return `arn:aws:lambda:${pick(REGION, '*', 'us-*')}:${pick(OWNER, '*', '1?1*')}:${name}`;
}

function drawPrincipal(): unknown {
  return pick<unknown>(
    '*',
    { AWS: some(OWNER, OTHER, `arn:aws:iam::${OWNER}:root`, `arn:aws:iam::${OTHER}:user/alice`) },
    { AWS: `arn:aws:iam::${OWNER}:user/${pick('alice', 'bob')}` },
    { Service: 's3.amazonaws.com' },
  );
}

function drawStatement(kind: PolicyKind): NaiveStatement {
  const arns = ['function:f', 'function:*', '*:?', `function:${USERNAME}`].map(drawArn);
  return {
    Effect: pick('Allow', 'Allow', 'Deny'),
    [pick('Action', 'Action', 'NotAction')]: some('lambda:*', 'Lambda:Get*', 'lambda:GetFunction', '*', 's3:?et*'),
    [pick('Resource', 'Resource', 'NotResource')]: some('*', ...arns),
    ...(isHeads() ? { Condition: drawCondition() } : {}),
    ...(kind === 'resource' ? { [pick('Principal', 'Principal', 'NotPrincipal')]: drawPrincipal() } : {}),
  };
}

function drawStatements(kind: PolicyKind): readonly NaiveStatement[] {
  return Array.from({ length: Math.floor(random() * (STATEMENTS_MAX + 1)) }, () => drawStatement(kind));
}

function drawRequest(): NaiveRequest {
  const user = pick(undefined, 'alice', 'bob');
  const keys = {
    ...(user === undefined ? {} : { 'aws:username': [user] }),
    ...(isHeads() ? { 'aws:tagkeys': pick(['a'], ['a', 'b'], ['c', 'd']) } : {}),
    ...(isHeads() ? { 'lambda:layer': ['alice'] } : {}),
    'aws:securetransport': [pick('true', 'false')],
    'aws:epochtime': [pick('5', '15', '25')],
  };
  return {
    account: pick(OWNER, OTHER),
    ...(user === undefined ? {} : { user }),
    action: pick('lambda:GetFunction', 'lambda:Invoke', 's3:GetObject'),
    resource: pick('*', FUNCTION, `${FUNCTION}:1`, `arn:aws:lambda:${REGION}:${OWNER}:function:alice`),
    owner: OWNER,
    keys,
  };
}

function decide(
  request: NaiveRequest,
  identityStatements: readonly NaiveStatement[],
  resourceStatements: readonly NaiveStatement[],
): 'allow' | 'deny' {
  const { account, user, action, resource, owner, keys } = request;
  const read = (kind: PolicyKind, list: readonly NaiveStatement[]) =>
    readPolicy({ Version: '2012-10-17', Statement: list }, kind, '');
  const policies = [read('identity', identityStatements)];
  const identity: Identity | undefined =
    user === undefined ? undefined : { kind: 'user', name: user, tags: {}, policies };
  const caller: Principal = { account, accessKeyId: 'key', ...(identity === undefined ? {} : { identity }) };
  const asked = { caller, region: REGION, action, resource, owner, keys: (key: string) => keys[key] };
  return evaluate(asked, read('resource', resourceStatements)) === undefined ? 'allow' : 'deny';
}

it('the evaluator decides as a naive one does, whatever the policies', () => {
  let allowed = 0;
  for (let round = 0; round < DECISIONS; round++) {
    const request = drawRequest();
    const ofIdentity = drawStatements('identity');
    const ofResource = drawStatements('resource');
    const decision = decide(request, ofIdentity, ofResource);
    const expected = naiveDecision(request, ofIdentity, ofResource);
    assert.equal(decision, expected, `round ${round}: ${JSON.stringify({ request, ofIdentity, ofResource })}`);
    if (decision === 'allow') allowed++;
  }
  // Both answers must be common, or the comparison says little.
  assert.ok(allowed > DECISIONS / 10 && allowed < (DECISIONS * 9) / 10, `${allowed} of ${DECISIONS} were allowed`);
});
