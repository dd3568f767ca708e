import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CredentialsError, parseCredentials } from '../../src/access/credentials.ts';
import { type Principal, principalArn, principalKeys } from '../../src/access/identity.ts';

const ACCOUNT = '123456789012';
const KEY = { accessKeyId: 'AKIDALICE', secretAccessKey: 's', account: ACCOUNT };
const DOCUMENT = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'lambda:Get*', Resource: '*' } };

describe('the owner of a key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-credentials-'));
  const file = join(folder, 'credentials.json');
  after(() => rmSync(folder, { recursive: true }));

  function principalOf(entry: object): Principal {
    const key = parseCredentials(JSON.stringify({ keys: [{ ...KEY, ...entry }] }), file).keys.get(KEY.accessKeyId);
    assert.ok(key);
    const { account, identity } = key;
    return { account, accessKeyId: KEY.accessKeyId, ...(identity === undefined ? {} : { identity }) };
  }

  const value = (principal: Principal, name: string) => principalKeys(principal, 'us-east-1')(name);

  it('is root when nothing else is said', () => {
    const principal = principalOf({});
    assert.equal(principal.identity, undefined);
    assert.equal(principalArn(principal, 'us-east-1'), `arn:aws:iam::${ACCOUNT}:root`);
    assert.equal(principalArn(principal, 'cn-north-1'), `arn:aws-cn:iam::${ACCOUNT}:root`);
    assert.deepEqual(value(principal, 'aws:userid'), [ACCOUNT]);
    assert.deepEqual(value(principal, 'aws:principaltype'), ['Account']);
    assert.equal(value(principal, 'aws:username'), undefined);
  });

  it('is a user, by name or by ARN', () => {
    for (const user of ['team/alice', `arn:aws:iam::${ACCOUNT}:user/team/alice`]) {
      const principal = principalOf({
        user,
        policies: [DOCUMENT],
        organization: 'o-0123456789',
        tags: { Team: 'red' },
      });
      assert.equal(principalArn(principal, 'us-east-1'), `arn:aws:iam::${ACCOUNT}:user/team/alice`);
      assert.equal(principal.identity?.policies.length, 1);
      assert.deepEqual(value(principal, 'aws:username'), ['alice']);
      assert.deepEqual(value(principal, 'aws:principalorgid'), ['o-0123456789']);
      assert.deepEqual(value(principal, 'aws:principaltag/team'), ['red']);
      assert.match(value(principal, 'aws:userid')?.[0] ?? '', /^AIDA[0-9A-F]{17}$/);
    }
  });

  it('is a role in a session', () => {
    const principal = principalOf({ role: 'deploy/ci', session: 'build-7' });
    assert.equal(principalArn(principal, 'us-east-1'), `arn:aws:sts::${ACCOUNT}:assumed-role/ci/build-7`);
    assert.deepEqual(value(principal, 'aws:principalarn'), [`arn:aws:iam::${ACCOUNT}:role/deploy/ci`]);
    assert.match(value(principal, 'aws:userid')?.[0] ?? '', /^AROA[0-9A-F]{17}:build-7$/);
    assert.equal(
      principalArn(principalOf({ role: 'ci' }), 'us-east-1')
        .split('/')
        .at(-1),
      KEY.accessKeyId,
    );
  });

  it('has policies of files beside the credentials file', () => {
    writeFileSync(join(folder, 'one.json'), JSON.stringify(DOCUMENT));
    writeFileSync(join(folder, 'two.json'), JSON.stringify([DOCUMENT, DOCUMENT]));
    assert.equal(principalOf({ user: 'alice', policies: 'one.json' }).identity?.policies.length, 1);
    assert.equal(
      principalOf({ user: 'alice', policies: ['one.json', DOCUMENT, 'two.json'] }).identity?.policies.length,
      4,
    );
  });

  it('is refused in one line that says where', () => {
    writeFileSync(join(folder, 'broken.json'), '{');
    const wrong: readonly (readonly [entry: object, text: string | RegExp])[] = [
      [{ user: 'a', role: 'b' }, 'it is a user or a role, not both'],
      [{ user: 'a b' }, 'user is not a name: a b'],
      [{ user: `arn:aws:iam::999999999999:user/a` }, /^user is not a user of account 123456789012: arn/],
      [{ role: `arn:aws:iam::${ACCOUNT}:user/a` }, /^role is not a role of account/],
      [{ user: 'a', session: 'now' }, 'only a role has a session'],
      [{ role: 'a', session: '!' }, 'session has not its form'],
      [{ organization: 'mine' }, 'organization has not its form'],
      [{ user: 'a', tags: { a: 1 } }, 'a tag is not a text'],
      [{ policies: [DOCUMENT] }, 'policies are for a user or a role: root may do all'],
      [{ user: 'a', policies: [{}] }, 'policy 1: the policy has no Statement'],
      [{ user: 'a', policies: [DOCUMENT, 7] }, 'policy 2: the policy is not an object'],
      [{ user: 'a', policies: 'broken.json' }, 'the policy broken.json is not JSON'],
      [{ user: 'a', policies: 'none.json' }, /^the policy none\.json cannot be read: ENOENT/],
    ];
    for (const [entry, text] of wrong)
      assert.throws(
        () => principalOf(entry),
        (error: Error) => {
          assert.ok(error instanceof CredentialsError, String(error));
          const start = `${file}: key 1: `;
          assert.ok(error.message.startsWith(start), error.message);
          assert.ok(!error.message.includes('\n'));
          const rest = error.message.slice(start.length);
          if (typeof text === 'string') assert.equal(rest, text);
          else assert.match(rest, text);
          return true;
        },
      );
  });

  it('is a role that functions can have, with keys or without', () => {
    const other = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
    const keys = [
      KEY,
      { ...KEY, accessKeyId: 'AKIDFIRST', role: 'team/ci', session: 'first', policies: [DOCUMENT] },
      { ...KEY, accessKeyId: 'AKIDSECOND', role: 'team/ci', policies: [DOCUMENT, other] },
      { ...KEY, accessKeyId: 'AKIDTHIRD', role: 'both', policies: [DOCUMENT] },
    ];
    const roles = [
      { role: 'both', account: ACCOUNT, policies: [DOCUMENT, other, other] },
      { role: `arn:aws:iam::${ACCOUNT}:role/bare`, account: ACCOUNT, tags: { team: 'red' } },
      { role: 'default', policies: other },
    ];
    const found = parseCredentials(JSON.stringify({ keys, roles }), file).roles;
    const policies = Object.fromEntries([...found].map(([name, { policies }]) => [name, policies.length]));
    assert.deepEqual(policies, {
      [`${ACCOUNT}/both`]: 3,
      [`${ACCOUNT}/bare`]: 0,
      '000000000000/default': 1,
      [`${ACCOUNT}/team/ci`]: 1,
    });
    assert.deepEqual(found.get(`${ACCOUNT}/bare`)?.tags, { team: 'red' });
    const wrong: readonly (readonly [roles: unknown, text: string])[] = [
      [{}, '"roles" is no list'],
      [[1], 'role 1 is not an object'],
      [[{ user: 'a' }], 'role 1 has no role'],
      [[{ role: 'a', account: '1' }], 'role 1: account is not 12 digits'],
      [[{ role: 'a' }, { role: 'a' }], 'the role 000000000000/a is there twice'],
      [[{ role: 'a', policies: [{}] }], 'role 1: policy 1: the policy has no Statement'],
    ];
    for (const [given, text] of wrong)
      assert.throws(() => parseCredentials(JSON.stringify({ keys: [KEY], roles: given }), file), {
        message: `${file}: ${text}`,
      });
  });
});
