import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate, type Refusal, refusalText } from '../../src/access/evaluate.ts';
import { type Identity, principalKeys } from '../../src/access/identity.ts';
import { readPolicy } from '../../src/access/policy-document.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const FUNCTION = `arn:aws:lambda:${REGION}:${OWNER}:function:f`;

interface Asked {
  readonly account?: string;
  readonly identity?: Identity | 'root';
  readonly action?: string;
  readonly resource?: string;
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly policy?: readonly object[];
}

function user(...statements: readonly object[]): Identity {
  const document = { Version: '2012-10-17', Statement: statements };
  return { kind: 'user', name: 'team/alice', tags: { team: 'red' }, policies: [readPolicy(document, 'identity', '')] };
}

function ask({ account = OWNER, identity = 'root', action, resource, keys = {}, policy }: Asked): Refusal | 'allowed' {
  const caller = { account, accessKeyId: 'key', ...(identity === 'root' ? {} : { identity }) };
  const own = principalKeys(caller, REGION);
  const request = {
    caller,
    region: REGION,
    action: action ?? 'lambda:GetFunction',
    resource: resource ?? FUNCTION,
    owner: OWNER,
    keys: (name: string) => keys[name] ?? own(name),
  };
  const document = policy && { Version: '2012-10-17', Statement: policy };
  return evaluate(request, document && readPolicy(document, 'resource', '')) ?? 'allowed';
}

const all = { Effect: 'Allow', Action: '*', Resource: '*' };
const forbid = { Effect: 'Deny', Action: '*', Resource: '*' };
const toAll = (statement: object) => ({ ...statement, Principal: '*' });
const to = (principal: string, statement: object = all) => ({ ...statement, Principal: { AWS: principal } });

describe('a decision', () => {
  it('within an account needs one side, and no denial', () => {
    assert.equal(ask({}), 'allowed');
    assert.equal(ask({ identity: user() }), 'identity-silent');
    assert.equal(ask({ identity: user(all) }), 'allowed');
    assert.equal(ask({ identity: user(all, forbid) }), 'identity-denies');
    assert.equal(ask({ identity: user(), policy: [toAll(all)] }), 'allowed');
    assert.equal(ask({ identity: user(all), policy: [toAll(forbid)] }), 'resource-denies');
    assert.equal(ask({ policy: [toAll(forbid)] }), 'resource-denies');
  });

  it('across accounts needs both sides', () => {
    const account = OTHER;
    assert.equal(ask({ account }), 'resource-silent');
    assert.equal(ask({ account, policy: [to(OTHER)] }), 'allowed');
    assert.equal(ask({ account, identity: user(), policy: [to(OTHER)] }), 'identity-silent');
    assert.equal(ask({ account, identity: user(all) }), 'resource-silent');
    assert.equal(ask({ account, identity: user(all), policy: [to(OTHER)] }), 'allowed');
    assert.equal(ask({ account, identity: user(all), policy: [to(OWNER)] }), 'resource-silent');
  });

  it('takes an account in its own policy for leave to decide by identity, and a user for itself', () => {
    const root = `arn:aws:iam::${OWNER}:root`;
    const alice = `arn:aws:iam::${OWNER}:user/team/alice`;
    assert.equal(ask({ identity: user(), policy: [to(root)] }), 'identity-silent');
    assert.equal(ask({ identity: user(), policy: [to(alice)] }), 'allowed');
    assert.equal(ask({ identity: user(all), policy: [to(root, forbid)] }), 'resource-denies');
    assert.equal(
      ask({ identity: user(), policy: [{ ...all, Principal: { Service: 's3.amazonaws.com' } }] }),
      'identity-silent',
    );
    assert.equal(
      ask({ identity: user(all), policy: [{ ...forbid, NotPrincipal: { AWS: [alice, root] } }] }),
      'allowed',
    );
    assert.equal(
      ask({ identity: user(all), policy: [{ ...forbid, NotPrincipal: { AWS: OTHER } }] }),
      'resource-denies',
    );
  });

  it('knows a role by itself and by its session', () => {
    const role: Identity = { ...user(), kind: 'role', name: 'path/worker', session: 'now' };
    for (const arn of [`arn:aws:iam::${OWNER}:role/path/worker`, `arn:aws:sts::${OWNER}:assumed-role/worker/now`])
      assert.equal(ask({ identity: role, policy: [to(arn)] }), 'allowed', arn);
    assert.equal(
      ask({ identity: role, policy: [to(`arn:aws:sts::${OWNER}:assumed-role/worker/then`)] }),
      'identity-silent',
    );
  });

  it('compares actions in any case, and ARNs part by part', () => {
    const may = (statement: object, asked: Asked = {}) =>
      ask({ ...asked, identity: user({ Effect: 'Allow', ...statement }) }) === 'allowed';
    assert.ok(may({ Action: 'LAMBDA:get*', Resource: '*' }));
    assert.ok(!may({ Action: 'lambda:GetFunctio', Resource: '*' }));
    assert.ok(!may({ Action: 's3:*', Resource: '*' }));
    assert.ok(may({ NotAction: 's3:*', Resource: '*' }));
    assert.ok(may({ Action: '*', Resource: 'arn:*:lambda:*:*:function:?' }));
    assert.ok(!may({ Action: '*', Resource: 'arn:aws:lambda:*:function:f:*' }));
    assert.ok(!may({ Action: '*', Resource: 'arn:aws:lambda:*:*:function:F' }));
    assert.ok(!may({ Action: '*', Resource: FUNCTION }, { resource: `${FUNCTION}:1` }));
    assert.ok(may({ Action: '*', Resource: `${FUNCTION}*` }, { resource: `${FUNCTION}:1` }));
    assert.ok(!may({ Action: '*', Resource: `${FUNCTION}:*` }));
    assert.ok(!may({ Action: '*', Resource: 'arn:aws:lambda:*:*:*' }, { resource: '*' }));
    assert.ok(may({ Action: '*', NotResource: `${FUNCTION}:1` }));
  });

  it('puts the values of the request in the place of variables', () => {
    const may = (Resource: string, name = 'f') =>
      ask({
        resource: `arn:aws:lambda:${REGION}:${OWNER}:function:${name}`,
        identity: user({ Effect: 'Allow', Action: '*', Resource }),
      }) === 'allowed';
    const arn = 'arn:aws:lambda:*:*:function:';
    assert.ok(may(`${arn}\${aws:username}-*`, 'alice-1'));
    assert.ok(!may(`${arn}\${aws:username}-*`, 'bob-1'));
    assert.ok(may(`${arn}\${aws:PrincipalTag/Team}`, 'red'));
    assert.ok(may(`${arn}\${aws:PrincipalTag/cost, 'free'}`, 'free'));
    assert.ok(!may(`${arn}\${aws:PrincipalTag/cost}`, 'undefined'));
    assert.ok(!may(`${arn}\${*}`));
    assert.ok(may(`arn:aws:lambda:*:\${aws:PrincipalAccount}:function:f`));
  });

  it('reads variables in the language of 2012 only', () => {
    const document = {
      Statement: { Effect: 'Allow', Action: '*', Resource: `arn:aws:lambda:*:*:function:\${aws:username}` },
    };
    const identity = { ...user(), policies: [readPolicy(document, 'identity', '')] };
    assert.equal(ask({ identity, resource: `arn:aws:lambda:${REGION}:${OWNER}:function:alice` }), 'identity-silent');
  });

  it('is told in the words of AWS', () => {
    const start = `User: me is not authorized to perform: a:B on resource: *`;
    const text = (refusal: Refusal) => refusalText(refusal, 'me', 'a:B', '*');
    assert.equal(text('identity-silent'), `${start} because no identity-based policy allows the a:B action`);
    assert.equal(text('resource-silent'), `${start} because no resource-based policy allows the a:B action`);
    assert.equal(text('identity-denies'), `${start} with an explicit deny in an identity-based policy`);
    assert.equal(text('resource-denies'), `${start} with an explicit deny in a resource-based policy`);
  });
});

describe('documents that are no policies', () => {
  const statement = { Effect: 'Allow', Action: '*', Resource: '*' };
  const wrong: readonly (readonly [document: unknown, text: RegExp])[] = [
    [[], /the policy is not an object/],
    [{}, /no Statement/],
    [{ Version: '2020-01-01', Statement: [] }, /Version is neither/],
    [{ Statement: statement, Extra: 1 }, /a member that no policy has: Extra/],
    [{ Statement: { ...statement, Effect: 'allow' } }, /statement 1: Effect/],
    [
      { Statement: [statement, { ...statement, Action: 'GetFunction' }] },
      /statement 2: 'GetFunction' is not an action/,
    ],
    [{ Statement: { ...statement, Resource: 'f' } }, /must be in ARN format or "\*"/],
    [{ Statement: { ...statement, NotAction: '*' } }, /both Action and NotAction/],
    [{ Statement: { Effect: 'Allow', Action: '*' } }, /neither Resource nor NotResource/],
    [{ Statement: { ...statement, Action: [] } }, /Action is empty/],
    [{ Statement: { ...statement, Principal: '*' } }, /no Principal/],
    [{ Statement: { ...statement, Condition: { StringSame: { a: 'b' } } } }, /operator StringSame does not exist/],
    [
      { Statement: { ...statement, Condition: { IpAddress: { 'aws:SourceIp': '300.1.1.1' } } } },
      /neither an IP address/,
    ],
    [{ Statement: { ...statement, Condition: { DateLessThan: { 'aws:CurrentTime': 'soon' } } } }, /number or date/],
    [{ Statement: { ...statement, Condition: { Bool: { 'aws:SecureTransport': 'yes' } } } }, /neither true nor false/],
  ];

  for (const [document, text] of wrong)
    it(`say what is wrong: ${JSON.stringify(document).slice(0, 100)}`, () => {
      assert.throws(() => readPolicy(document, 'identity', 'here'), { message: text });
      assert.throws(() => readPolicy(document, 'identity', 'here'), { message: /^here: [^\n]*$/ });
    });

  it('are resource policies without a principal', () => {
    assert.throws(() => readPolicy({ Statement: statement }, 'resource', ''), /neither Principal nor NotPrincipal/);
    const odd = { Statement: { ...statement, Principal: { AWS: 'someone' } } };
    assert.throws(() => readPolicy(odd, 'resource', ''), /neither an account nor the ARN/);
  });
});
