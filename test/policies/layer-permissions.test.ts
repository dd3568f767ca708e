import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ACCOUNT, handlerZip, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';

type Permission = OperationInputs['AddLayerVersionPermission'];

const WRONG_REVISION =
  'The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id';
const NO_POLICY = 'No policy is associated with the given resource.';
const UUID = '11111111-2222-4333-8444-555555555555';

let world: World;
let layers = 0;
let layer: { LayerName: string; VersionNumber: number };
let arn: string;
before(async () => {
  world = await makeWorld();
});
after(() => world.close());
beforeEach(async () => {
  const LayerName = `layer-${++layers}`;
  await world.call('PublishLayerVersion', { LayerName, Content: { ZipFile: await handlerZip() } });
  layer = { LayerName, VersionNumber: 1 };
  arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:layer:${LayerName}:1`;
});

const add = (more: Partial<Permission> = {}) =>
  world.output('AddLayerVersionPermission', {
    ...layer,
    StatementId: 's1',
    Action: 'lambda:GetLayerVersion',
    Principal: '223456789012',
    ...more,
  });
const remove = (StatementId: string, RevisionId?: string) =>
  world.call('RemoveLayerVersionPermission', { ...layer, StatementId, RevisionId });
const policy = () => world.output('GetLayerVersionPolicy', layer);

test('a permission is answered and kept in the order in which AWS writes it', async () => {
  const { Statement, RevisionId } = await add({ StatementId: 'xaccount' });
  assert.equal(
    Statement,
    `{"Sid":"xaccount","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::223456789012:root"},"Action":"lambda:GetLayerVersion","Resource":"${arn}"}`,
  );
  assert.deepEqual(await policy(), {
    Policy: `{"Version":"2012-10-17","Id":"default","Statement":[${Statement}]}`,
    RevisionId,
  });
});

test('an organisation narrows down everyone, and nobody else', async () => {
  const { Statement = '' } = await add({ Principal: '*', OrganizationId: 'o-t194hfs8cz' });
  const { Principal, Condition } = JSON.parse(Statement);
  assert.equal(Principal, '*');
  assert.deepEqual(Condition, { StringEquals: { 'aws:PrincipalOrgID': 'o-t194hfs8cz' } });
  await rejects(
    add({ StatementId: 's2', OrganizationId: 'o-t194hfs8cz' }),
    'InvalidParameterValueException',
    "OrganizationId can only be specified if Principal is '*'.",
  );
});

test('a statement id is there once', async () => {
  await add();
  await rejects(
    add(),
    'ResourceConflictException',
    'The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.',
  );
});

test('layers and versions that do not exist', async () => {
  const nowhere = { LayerName: `${layer.LayerName}-doesnotexist`, VersionNumber: 1 };
  const second = { ...layer, VersionNumber: 2 };
  for (const [which, text] of [
    [nowhere, `Layer version ${arn.replace(/:1$/, '')}-doesnotexist:1 does not exist.`],
    [second, `Layer version ${arn.replace(/1$/, '2')} does not exist.`],
  ] as const) {
    await rejects(add(which), 'ResourceNotFoundException', text);
    await rejects(world.call('GetLayerVersionPolicy', which), 'ResourceNotFoundException', text);
    await rejects(
      world.call('RemoveLayerVersionPermission', { ...which, StatementId: 's1' }),
      'ResourceNotFoundException',
      text,
    );
  }
  await rejects(add({ VersionNumber: 0 }), 'InvalidParameterValueException', 'Layer Version Cannot be less than 1');
});

test('policies and statements that do not exist', async () => {
  await rejects(policy(), 'ResourceNotFoundException', NO_POLICY);
  await rejects(remove('s1'), 'ResourceNotFoundException', NO_POLICY);
  await add();
  await rejects(
    remove('doesnotexist'),
    'ResourceNotFoundException',
    'Statement doesnotexist is not found in resource policy.',
  );
});

test('each change is a revision; a write to another one is refused', async () => {
  const first = await add();
  await rejects(add({ StatementId: 's2', RevisionId: UUID }), 'PreconditionFailedException', WRONG_REVISION);
  const second = await add({ StatementId: 's2', RevisionId: first.RevisionId });
  assert.notEqual(second.RevisionId, first.RevisionId);
  await rejects(remove('s1', first.RevisionId), 'PreconditionFailedException', WRONG_REVISION);
  await remove('s1', second.RevisionId);
  const left = await policy();
  assert.notEqual(left.RevisionId, second.RevisionId);
  await remove('s2', left.RevisionId);
  await rejects(policy(), 'ResourceNotFoundException', NO_POLICY);
});

test('a layer policy changes nothing else of the version', async () => {
  const before = await world.output('GetLayerVersion', layer);
  await add();
  await remove('s1');
  const { Content: _before, ...rest } = before;
  const { Content: _after, ...same } = await world.output('GetLayerVersion', layer);
  assert.deepEqual(same, rest);
});

test('of two writers with one revision, one wins', async () => {
  const { RevisionId } = await add();
  const both = await Promise.allSettled(['a', 'b'].map((StatementId) => add({ StatementId, RevisionId })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a layer policy has 20480 bytes at most', async () => {
  await rejects(
    (async () => {
      for (let i = 0; i < 200; i++) await add({ StatementId: String(i).padStart(100, '0') });
    })(),
    'PolicyLengthExceededException',
    /^The final policy size \(2\d{4}\) is bigger than the limit \(20480\)\.$/,
  );
});
