import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ACCOUNT, ARN, createActive, makeWorld, rejects, type World } from '../support/function-world.ts';

const FN = `${ARN}:fn`;
const STATEMENT = {
  Sid: 'one',
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'lambda:InvokeFunction',
  Resource: FN,
};

const PRINCIPAL = /^The provided principal was invalid\. Please check the principal and try again\.$/;

let world: World;
before(async () => {
  world = await makeWorld();
});
after(() => world.close());
beforeEach(async () => {
  await world.call('DeleteFunction', { FunctionName: 'fn' }).catch(() => {});
  await createActive(world, 'fn');
});

const documentOf = (...statements: readonly object[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const put = (Policy: string, more: { ResourceArn?: string; RevisionId?: string } = {}) =>
  world.output('PutResourcePolicy', { ResourceArn: FN, Policy, ...more });

test('a document replaces all that was there and is read back as it was written', async () => {
  await world.call('AddPermission', {
    FunctionName: 'fn',
    StatementId: 's3',
    Action: 'lambda:InvokeFunction',
    Principal: 's3.amazonaws.com',
  });
  const text = documentOf(STATEMENT, { ...STATEMENT, Sid: 'two', Effect: 'Deny', Action: ['lambda:Get*', 'lambda:*'] });
  const answer = await put(text);
  assert.equal(answer.Policy, text);
  assert.deepEqual(await world.output('GetResourcePolicy', { ResourceArn: FN }), answer);
  assert.deepEqual(await world.output('GetPolicy', { FunctionName: 'fn' }), answer);
  const { RevisionId } = await world.output('GetFunctionConfiguration', { FunctionName: 'fn' });
  assert.equal(answer.RevisionId, RevisionId);
});

test('AddPermission and RemovePermission go on with what was put', async () => {
  await put(documentOf(STATEMENT));
  await rejects(
    world.call('AddPermission', {
      FunctionName: 'fn',
      StatementId: 'one',
      Action: 'lambda:InvokeFunction',
      Principal: 's3.amazonaws.com',
    }),
    'ResourceConflictException',
    'The statement id (one) provided already exists. Please provide a new statement id, or remove the existing statement.',
  );
  await world.call('RemovePermission', { FunctionName: 'fn', StatementId: 'one' });
  await rejects(
    world.call('GetResourcePolicy', { ResourceArn: FN }),
    'ResourceNotFoundException',
    'The resource you requested does not exist.',
  );
});

test('DeleteResourcePolicy removes all statements; there must be some', async () => {
  const remove = (RevisionId?: string) => world.call('DeleteResourcePolicy', { ResourceArn: FN, RevisionId });
  await rejects(remove(), 'ResourceNotFoundException', 'No policy is associated with the given resource.');
  const { RevisionId } = await put(documentOf(STATEMENT));
  await rejects(remove('11111111-2222-4333-8444-555555555555'), 'PreconditionFailedException', /GetPolicy API/);
  await remove(RevisionId);
  await rejects(remove(), 'ResourceNotFoundException', 'No policy is associated with the given resource.');
  await rejects(
    world.call('DeleteResourcePolicy', { ResourceArn: `${ARN}:doesnotexist` }),
    'ResourceNotFoundException',
    `No policy found for: ${ARN}:doesnotexist`,
  );
});

test('each qualifier has its own document; $LATEST by name has none', async () => {
  await world.call('PublishVersion', { FunctionName: 'fn' });
  const text = documentOf({ ...STATEMENT, Resource: `${FN}:1` });
  await put(text, { ResourceArn: `${FN}:1` });
  assert.equal((await world.output('GetPolicy', { FunctionName: 'fn', Qualifier: '1' })).Policy, text);
  await rejects(world.call('GetResourcePolicy', { ResourceArn: FN }), 'ResourceNotFoundException', /does not exist/);
  await rejects(
    put(text, { ResourceArn: `${FN}:$LATEST` }),
    'InvalidParameterValueException',
    'We currently do not support adding policies for $LATEST.',
  );
  await rejects(put(text, { ResourceArn: `${FN}:9` }), 'ResourceNotFoundException', `Function not found: ${FN}:9`);
});

test('a wrong revision changes nothing', async () => {
  const before = await put(documentOf(STATEMENT));
  await rejects(
    put(documentOf({ ...STATEMENT, Sid: 'two' }), { RevisionId: '11111111-2222-4333-8444-555555555555' }),
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id',
  );
  assert.deepEqual(await world.output('GetResourcePolicy', { ResourceArn: FN }), before);
});

test('malformed documents are refused', async () => {
  const without = (member: keyof typeof STATEMENT) => {
    const { [member]: _left, ...rest } = STATEMENT;
    return documentOf(rest);
  };
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{', /: it is not JSON\.$/],
    ['[]', /the policy is not an object/],
    ['{"Version":"2012-10-17"}', /no Statement/],
    [JSON.stringify({ Version: '2020-01-01', Statement: STATEMENT }), /Version is neither/],
    [JSON.stringify({ Version: '2012-10-17', Statement: STATEMENT, More: 1 }), /More/],
    [JSON.stringify({ Version: '2012-10-17', Statement: STATEMENT, Id: 1 }), /Id is not a text/],
    [documentOf(), /it has no statements/],
    [documentOf(STATEMENT, STATEMENT), /the statement id one is there twice/],
    [documentOf({ ...STATEMENT, Sid: 'not good' }), /'not good' is not a statement id/],
    [documentOf({ ...STATEMENT, Effect: 'allow' }), /Effect is neither/],
    [documentOf({ ...STATEMENT, Foo: 1 }), /Foo/],
    [documentOf({ ...STATEMENT, NotAction: 'lambda:*' }), /both Action and NotAction/],
    [documentOf({ ...STATEMENT, Action: 'InvokeFunction' }), /'InvokeFunction' is not an action/],
    [documentOf({ ...STATEMENT, Action: [] }), /Action is empty/],
    [documentOf({ ...STATEMENT, Resource: 'fn' }), /Resource fn must be in ARN format/],
    [documentOf({ ...STATEMENT, Principal: { AWS: 'someone' } }), /someone/],
    [documentOf({ ...STATEMENT, Principal: { AWS: `arn:aws-cn:iam::${ACCOUNT}:root` } }), PRINCIPAL],
    [documentOf({ ...STATEMENT, Principal: { Service: 'invalid.nonaws.com' } }), PRINCIPAL],
    [documentOf({ ...STATEMENT, Principal: {} }), PRINCIPAL],
    [documentOf({ ...STATEMENT, Condition: { Equals: { 'aws:SourceArn': 'x' } } }), /Equals/],
    [documentOf({ ...STATEMENT, Condition: { Bool: { 'aws:SecureTransport': null } } }), /aws:SecureTransport/],
    [without('Effect'), /Effect/],
    [without('Principal'), /Principal/],
    [without('Action'), /Action/],
    [without('Resource'), /Resource/],
  ];
  for (const [text, message] of wrong) await rejects(put(text), 'InvalidParameterValueException', message);
});

test('the grammar of IAM is understood', async () => {
  const text = documentOf(
    {
      ...STATEMENT,
      Principal: '*',
      Condition: { 'ForAnyValue:StringLikeIfExists': { 'aws:PrincipalOrgPaths': ['o-1/*'] } },
    },
    { Effect: 'Deny', NotPrincipal: { AWS: [ACCOUNT], Service: 's3.amazonaws.com' }, NotAction: '*', NotResource: '*' },
    {
      ...STATEMENT,
      Sid: 'three',
      Condition: { Null: { 'aws:SourceArn': true }, NumericLessThan: { 'aws:MultiFactorAuthAge': 5 } },
    },
  );
  assert.equal((await put(text)).Policy, text);
});

test('a document of more than 20480 bytes is refused, counted in UTF-8', async () => {
  const text = documentOf({ ...STATEMENT, Resource: `${FN}:${'é'.repeat(10_300)}` });
  await rejects(
    put(text),
    'PolicyLengthExceededException',
    `The final policy size (${Buffer.byteLength(text)}) is bigger than the limit (20480).`,
  );
});

test('public policies are refused only when the server is told to', async () => {
  const everyone = { ...STATEMENT, Principal: '*' };
  const fixed = { ...everyone, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } } };
  const open = { ...everyone, Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE' } } };
  await put(documentOf(everyone));
  const strict = await makeWorld({ publicPolicies: 'block' });
  try {
    await createActive(strict, 'fn');
    const strictPut = (...statements: readonly object[]) =>
      strict.call('PutResourcePolicy', { ResourceArn: FN, Policy: documentOf(...statements) });
    for (const statement of [
      everyone,
      open,
      { ...everyone, Principal: { AWS: ['*'] } },
      { ...everyone, Condition: { ArnLike: { 'aws:SourceArn': '*' } } },
      { ...everyone, Condition: { StringNotEquals: { 'aws:SourceAccount': ACCOUNT } } },
    ])
      await rejects(strictPut(statement), 'PublicPolicyException', /would grant public access/);
    for (const statement of [STATEMENT, fixed, { ...everyone, Effect: 'Deny' }]) await strictPut(statement);
    const permission = { FunctionName: 'fn', StatementId: 'p', Action: 'lambda:InvokeFunction', Principal: '*' };
    await rejects(strict.call('AddPermission', permission), 'PublicPolicyException', /would grant public access/);
    await strict.call('AddPermission', { ...permission, PrincipalOrgID: 'o-a1b2c3d4e5' });
  } finally {
    await strict.close();
  }
});
