import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { NeighbourRefusal, type Neighbours } from '../../src/neighbours/neighbours.ts';
import { ACCOUNT, ARN, createActive, handlerZip, makeWorld, rejects, type World } from '../support/function-world.ts';

type Permission = OperationInputs['AddPermission'];

const LATEST_FORBIDDEN = 'We currently do not support adding policies for $LATEST.';
const WRONG_PRINCIPAL = 'The provided principal was invalid. Please check the principal and try again.';
const WRONG_REVISION = 'The Revision Id provided does not match the latest Revision Id. Call the';
const TRUST = JSON.stringify({
  Statement: { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
});
const S3: Permission = {
  FunctionName: 'fn',
  StatementId: 's3',
  Action: 'lambda:InvokeFunction',
  Principal: 's3.amazonaws.com',
};

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'fn');
});
afterEach(() => world.close());

const add = (more: Partial<Permission>) => world.output('AddPermission', { ...S3, ...more });
const statement = async (more: Partial<Permission>) => JSON.parse((await add(more)).Statement ?? '');
const policy = async (Qualifier?: string) =>
  (await world.output('GetPolicy', { FunctionName: 'fn', Qualifier })).Policy;
const revision = async (Qualifier?: string) =>
  (await world.output('GetFunctionConfiguration', { FunctionName: 'fn', Qualifier })).RevisionId;

test('a permission is answered and kept in the order in which AWS writes it', async () => {
  const { Statement } = await add({ SourceArn: 'arn:aws:s3:::bucket', SourceAccount: '111122223333' });
  assert.equal(
    Statement,
    `{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"${ARN}:fn","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}`,
  );
  const second = await add({ StatementId: 'sqs', Principal: 'sqs.amazonaws.com' });
  assert.equal(
    await policy(),
    `{"Version":"2012-10-17","Id":"default","Statement":[${Statement},${second.Statement}]}`,
  );
});

test('principals take the form that a policy has for them', async () => {
  const forms: readonly (readonly [string, unknown])[] = [
    ['s3.amazonaws.com', { Service: 's3.amazonaws.com' }],
    ['states.eu-west-1.amazonaws.com', { Service: 'states.eu-west-1.amazonaws.com' }],
    ['alexa-appkit.amazon.com', { Service: 'alexa-appkit.amazon.com' }],
    [ACCOUNT, { AWS: `arn:aws:iam::${ACCOUNT}:root` }],
    [`arn:aws:iam::${ACCOUNT}:root`, { AWS: `arn:aws:iam::${ACCOUNT}:root` }],
    ['arn:aws:iam::111122223333:role/path/runner', { AWS: 'arn:aws:iam::111122223333:role/path/runner' }],
    ['arn:aws:iam::111122223333:user/someone', { AWS: 'arn:aws:iam::111122223333:user/someone' }],
    ['arn:aws:sts::111122223333:assumed-role/r/s', { AWS: 'arn:aws:sts::111122223333:assumed-role/r/s' }],
    ['*', '*'],
  ];
  for (const [i, [Principal, expected]] of forms.entries())
    assert.deepEqual((await statement({ StatementId: `s${i}`, Principal })).Principal, expected);
});

test('a principal that has no known form, or belongs to another partition, is refused', async () => {
  const wrong = ['invalid.nonaws.com', '12345', 'someone', 'arn:aws:s3:::bucket', `arn:aws-cn:iam::${ACCOUNT}:root`];
  for (const Principal of wrong) await rejects(add({ Principal }), 'InvalidParameterValueException', WRONG_PRINCIPAL);
});

test('in another partition accounts and services are those of the partition', async () => {
  const china = { region: 'cn-north-1' };
  await world.call(
    'CreateFunction',
    {
      FunctionName: 'cn',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws-cn:iam::${ACCOUNT}:role/runner`,
      Code: { ZipFile: await handlerZip() },
    },
    china,
  );
  const { output } = await world.call('AddPermission', { ...S3, FunctionName: 'cn', Principal: ACCOUNT }, china);
  const { Principal, Resource } = JSON.parse(output.Statement ?? '');
  assert.deepEqual(Principal, { AWS: `arn:aws-cn:iam::${ACCOUNT}:root` });
  assert.equal(Resource, `arn:aws-cn:lambda:cn-north-1:${ACCOUNT}:function:cn`);
  await world.activation.idle();
});

test('every condition has its operator and key', async () => {
  const all = await statement({
    Action: 'lambda:InvokeFunctionUrl',
    Principal: '*',
    SourceArn: 'arn:aws:sns:eu-west-1:111122223333:topic',
    SourceAccount: '111122223333',
    PrincipalOrgID: 'o-a1b2c3d4e5f',
    FunctionUrlAuthType: 'NONE',
    EventSourceToken: 'amzn1.ask.skill.x',
    InvokedViaFunctionUrl: true,
  });
  assert.deepEqual(all.Condition, {
    StringEquals: {
      'AWS:SourceAccount': '111122223333',
      'aws:PrincipalOrgID': 'o-a1b2c3d4e5f',
      'lambda:EventSourceToken': 'amzn1.ask.skill.x',
      'lambda:FunctionUrlAuthType': 'NONE',
    },
    ArnLike: { 'AWS:SourceArn': 'arn:aws:sns:eu-west-1:111122223333:topic' },
    Bool: { 'lambda:InvokedViaFunctionUrl': 'true' },
  });
  assert.deepEqual((await statement({ StatementId: 'no', InvokedViaFunctionUrl: false })).Condition, {
    Bool: { 'lambda:InvokedViaFunctionUrl': 'false' },
  });
});

test('FunctionUrlAuthType belongs to lambda:InvokeFunctionUrl', async () => {
  await rejects(
    add({ FunctionUrlAuthType: 'NONE' }),
    'InvalidParameterValueException',
    'FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action',
  );
});

test('a statement id is there once for each qualifier', async () => {
  await world.call('PublishVersion', { FunctionName: 'fn' });
  await world.call('CreateAlias', { FunctionName: 'fn', Name: 'live', FunctionVersion: '1' });
  for (const [Qualifier, resource] of [
    [undefined, `${ARN}:fn`],
    ['1', `${ARN}:fn:1`],
    ['live', `${ARN}:fn:live`],
  ] as const) {
    assert.equal((await statement({ StatementId: 's3', Qualifier })).Resource, resource);
    await rejects(
      add({ StatementId: 's3', Qualifier }),
      'ResourceConflictException',
      'The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.',
    );
    assert.match((await policy(Qualifier)) ?? '', new RegExp(`"Resource":"${resource}"`));
  }
});

test('a function may be named by its ARN with the qualifier in it', async () => {
  await world.call('PublishVersion', { FunctionName: 'fn' });
  const { Resource } = await statement({ FunctionName: `${ARN}:fn:1` });
  assert.equal(Resource, `${ARN}:fn:1`);
  await rejects(
    add({ FunctionName: 'fn:alias-not-42', Qualifier: '42' }),
    'InvalidParameterValueException',
    'The derived qualifier from the function name does not match the specified qualifier.',
  );
});

test('$LATEST by name has no policy of its own', async () => {
  for (const more of [{ Qualifier: '$LATEST' }, { FunctionName: 'fn:$LATEST' }])
    await rejects(add(more), 'InvalidParameterValueException', LATEST_FORBIDDEN);
});

test('functions, versions and aliases that do not exist', async () => {
  const missing = (more: Partial<Permission>, text: string) => rejects(add(more), 'ResourceNotFoundException', text);
  await missing({ FunctionName: 'doesnotexist' }, `Function not found: ${ARN}:doesnotexist`);
  await missing({ Qualifier: '42' }, `Function not found: ${ARN}:fn:42`);
  await missing({ Qualifier: 'alias-doesnotexist' }, `Cannot find alias arn: ${ARN}:fn:alias-doesnotexist`);
  await missing(
    { Qualifier: 'valid-with-$-but-doesnotexist' },
    `Function not found: ${ARN}:fn:valid-with-$-but-doesnotexist`,
  );
  const remove = (FunctionName: string, StatementId = 's3', Qualifier?: string) =>
    world.call('RemovePermission', { FunctionName, StatementId, Qualifier });
  await rejects(remove('doesnotexist'), 'ResourceNotFoundException', `No policy found for: ${ARN}:doesnotexist`);
  await rejects(remove('fn'), 'ResourceNotFoundException', 'No policy is associated with the given resource.');
  await rejects(remove('fn', 's3', 'noalias'), 'ResourceNotFoundException', `Cannot find alias arn: ${ARN}:fn:noalias`);
  await add({});
  await rejects(
    remove('fn', 'non-existent'),
    'ResourceNotFoundException',
    'Statement non-existent is not found in resource policy.',
  );
});

test('GetPolicy has one text for whatever is not there', async () => {
  const text = 'The resource you requested does not exist.';
  for (const FunctionName of ['doesnotexist', 'fn'])
    await rejects(world.call('GetPolicy', { FunctionName }), 'ResourceNotFoundException', text);
});

test('a policy goes with its last statement', async () => {
  await add({});
  await add({ StatementId: 'other' });
  await world.call('RemovePermission', { FunctionName: 'fn', StatementId: 's3' });
  const { Statement } = JSON.parse((await policy()) ?? '');
  assert.deepEqual(
    Statement.map(({ Sid }: { Sid: string }) => Sid),
    ['other'],
  );
  await world.call('RemovePermission', { FunctionName: 'fn', StatementId: 'other' });
  await rejects(policy(), 'ResourceNotFoundException', 'The resource you requested does not exist.');
});

test('a change of the policy is a revision of what it is attached to', async () => {
  await world.call('PublishVersion', { FunctionName: 'fn' });
  await world.call('CreateAlias', { FunctionName: 'fn', Name: 'live', FunctionVersion: '1' });
  const aliasRevision = async () => (await world.output('GetAlias', { FunctionName: 'fn', Name: 'live' })).RevisionId;
  const before = [await revision(), await revision('1'), await aliasRevision()];
  await add({ Qualifier: 'live' });
  assert.deepEqual([await revision(), await revision('1')], before.slice(0, 2));
  assert.notEqual(await aliasRevision(), before[2]);
  await add({ Qualifier: '1' });
  assert.notEqual(await revision('1'), before[1]);
  assert.equal(await revision(), before[0]);
  await add({});
  assert.notEqual(await revision(), before[0]);
  for (const Qualifier of [undefined, '1'])
    assert.equal(
      (await world.output('GetPolicy', { FunctionName: 'fn', Qualifier })).RevisionId,
      await revision(Qualifier),
    );
});

test('a write to another revision is refused, with the text of each operation', async () => {
  const wrong = '11111111-2222-4333-8444-555555555555';
  await rejects(
    add({ RevisionId: wrong }),
    'PreconditionFailedException',
    `${WRONG_REVISION} GetPolicy API to retrieve the latest Revision Id`,
  );
  await add({ RevisionId: await revision() });
  const remove = (RevisionId: string | undefined) =>
    world.call('RemovePermission', { FunctionName: 'fn', StatementId: 's3', RevisionId });
  await rejects(
    remove(wrong),
    'PreconditionFailedException',
    `${WRONG_REVISION} GetFunction/GetAlias API to retrieve the latest Revision Id`,
  );
  await remove(await revision());
});

test('of two writers with one revision, one wins', async () => {
  const RevisionId = await revision();
  const both = await Promise.allSettled([add({ RevisionId }), add({ RevisionId, StatementId: 'other' })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a policy has 20480 bytes at most', async () => {
  const SourceArn = `arn:aws:s3:::${'b'.repeat(900)}`;
  let added = 0;
  await rejects(
    (async () => {
      for (; added < 100; added++) await add({ StatementId: `s${added}`, SourceArn });
    })(),
    'PolicyLengthExceededException',
    /^The final policy size \(2\d{4}\) is bigger than the limit \(20480\)\.$/,
  );
  assert.equal(JSON.parse((await policy()) ?? '').Statement.length, added);
});

test('a policy goes with its function, version or alias', async () => {
  await world.call('PublishVersion', { FunctionName: 'fn' });
  await world.call('CreateAlias', { FunctionName: 'fn', Name: 'live', FunctionVersion: '1' });
  for (const Qualifier of [undefined, '1', 'live']) await add({ Qualifier });
  await world.call('DeleteAlias', { FunctionName: 'fn', Name: 'live' });
  await world.call('CreateAlias', { FunctionName: 'fn', Name: 'live', FunctionVersion: '1' });
  await rejects(policy('live'), 'ResourceNotFoundException', 'The resource you requested does not exist.');
  await world.call('DeleteFunction', { FunctionName: 'fn' });
  await createActive(world, 'fn');
  await rejects(policy(), 'ResourceNotFoundException', 'The resource you requested does not exist.');
});

test('IAM is asked for roles and users where it is configured', async () => {
  const asked: string[] = [];
  const look = async (arn: string) => {
    asked.push(arn);
    if (arn.endsWith('/gone')) throw new NeighbourRefusal('iam', 'GetRole', 'NoSuchEntity', 'not found');
  };
  const iam: NonNullable<Neighbours['iam']> = {
    getRole: async (_namespace, arn) => look(arn).then(() => ({ trustPolicy: TRUST })),
    getUser: async (_namespace, arn) => look(arn),
  };
  const neighboured = await makeWorld({ neighbours: { iam } });
  try {
    await createActive(neighboured, 'fn');
    asked.length = 0;
    const principals = ['role/there', 'user/there'].map((path) => `arn:aws:iam::111122223333:${path}`);
    for (const [i, Principal] of principals.entries())
      await neighboured.call('AddPermission', { ...S3, StatementId: `s${i}`, Principal });
    assert.deepEqual(asked, principals);
    for (const Principal of ['arn:aws:iam::111122223333:role/gone', 'arn:aws:iam::111122223333:user/gone'])
      await rejects(
        neighboured.call('AddPermission', { ...S3, Principal }),
        'InvalidParameterValueException',
        WRONG_PRINCIPAL,
      );
    asked.length = 0;
    await neighboured.call('AddPermission', { ...S3, StatementId: 'service' });
    await neighboured.call('AddPermission', { ...S3, StatementId: 'account', Principal: ACCOUNT });
    assert.deepEqual(asked, []);
  } finally {
    await neighboured.close();
  }
});
