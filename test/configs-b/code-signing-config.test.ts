import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { changeCodeSigningTags, codeSigningTags } from '../../src/functions/code-signing-config.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ACCOUNT, ARN, createActive, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';

const PROFILE = `arn:aws:signer:${REGION}:${ACCOUNT}:/signing-profiles/team/AbCdEf`;
const CONFIG_ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}:code-signing-config`;
const MISSING = `${CONFIG_ARN}:csc-00000000000000000`;

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.close());

async function create(more: Partial<OperationInputs['CreateCodeSigningConfig']> = {}): Promise<string> {
  const AllowedPublishers = { SigningProfileVersionArns: [PROFILE] };
  const { CodeSigningConfig } = await world.output('CreateCodeSigningConfig', { AllowedPublishers, ...more });
  return CodeSigningConfig.CodeSigningConfigArn;
}

const attach = (FunctionName: string, CodeSigningConfigArn: string) =>
  world.output('PutFunctionCodeSigningConfig', { FunctionName, CodeSigningConfigArn });
const attached = (FunctionName: string) => world.output('GetFunctionCodeSigningConfig', { FunctionName });

describe('a code signing configuration', { timeout: 10_000 }, () => {
  it('is made, shown, changed and deleted', async () => {
    const arn = await create({ Description: 'first', Tags: { team: 'a' } });
    assert.match(arn, /:code-signing-config:csc-[a-z0-9]{17}$/);
    const shown = {
      CodeSigningConfigId: arn.slice(CONFIG_ARN.length + 1),
      CodeSigningConfigArn: arn,
      Description: 'first',
      AllowedPublishers: { SigningProfileVersionArns: [PROFILE] },
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Warn' },
      LastModified: '2023-11-14T22:13:20.000+0000',
    };
    const get = async () =>
      (await world.output('GetCodeSigningConfig', { CodeSigningConfigArn: arn })).CodeSigningConfig;
    assert.deepEqual(await get(), shown);
    world.clock.advance(1234);
    const { CodeSigningConfig } = await world.output('UpdateCodeSigningConfig', {
      CodeSigningConfigArn: arn,
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Enforce' },
    });
    const changed = {
      ...shown,
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Enforce' },
      LastModified: '2023-11-14T22:13:21.234+0000',
    };
    assert.deepEqual(CodeSigningConfig, changed);
    assert.deepEqual(await get(), changed);
    await world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: arn });
    await rejects(get(), 'ResourceNotFoundException', `The Lambda code signing configuration ${arn} can not be found.`);
  });

  it('is not found under another ARN', async () => {
    const arn = await create();
    const foreign = [MISSING, arn.replace(REGION, 'eu-west-2'), arn.replace(ACCOUNT, '999999999999')];
    for (const CodeSigningConfigArn of foreign) {
      const text = `The Lambda code signing configuration ${CodeSigningConfigArn} can not be found.`;
      for (const name of [
        'GetCodeSigningConfig',
        'UpdateCodeSigningConfig',
        'DeleteCodeSigningConfig',
        'ListFunctionsByCodeSigningConfig',
      ] as const)
        await rejects(world.call(name, { CodeSigningConfigArn }), 'ResourceNotFoundException', text);
    }
  });

  it('is listed page by page', async () => {
    const arns = [await create(), await create(), await create()];
    const first = await world.output('ListCodeSigningConfigs', { MaxItems: 2 });
    const second = await world.output('ListCodeSigningConfigs', { MaxItems: 2, Marker: first.NextMarker });
    assert.equal(second.NextMarker, undefined);
    const listed = [...(first.CodeSigningConfigs ?? []), ...(second.CodeSigningConfigs ?? [])];
    assert.deepEqual(
      listed.map((config) => config.CodeSigningConfigArn),
      arns,
    );
  });

  it('has tags', async () => {
    const arn = await create({ Tags: { a: '1' } });
    const namespace = { account: ACCOUNT, region: REGION };
    await changeCodeSigningTags(world.services, namespace, arn, (tags) => ({ ...tags, b: '2' }));
    assert.deepEqual(await codeSigningTags(world.services, namespace, arn), { a: '1', b: '2' });
    await rejects(codeSigningTags(world.services, namespace, MISSING), 'ResourceNotFoundException', /can not be found/);
    await rejects(create({ Tags: { 'aws:x': '' } }), 'InvalidParameterValueException', /aws: prefixed/);
  });
});

describe('a configuration and its functions', { timeout: 10_000 }, () => {
  it('are joined and parted', async () => {
    await createActive(world, 'one');
    const arn = await create();
    assert.deepEqual(await attached('one'), {});
    const joined = { CodeSigningConfigArn: arn, FunctionName: 'one' };
    assert.deepEqual(await attach(`${ARN}:one`, arn), joined);
    assert.deepEqual(await attached('one'), joined);
    await rejects(
      world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: arn }),
      'ResourceConflictException',
      /in use by at least one function/,
    );
    for (let times = 0; times < 2; times++)
      await world.call('DeleteFunctionCodeSigningConfig', { FunctionName: 'one' });
    assert.deepEqual(await attached('one'), {});
    await world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: arn });
  });

  it('must both exist', async () => {
    const arn = await create();
    await rejects(
      attach('none', MISSING),
      'CodeSigningConfigNotFoundException',
      `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${MISSING}.`,
    );
    const text = `Function not found: ${ARN}:none`;
    await rejects(attach('none', arn), 'ResourceNotFoundException', text);
    await rejects(attached('none'), 'ResourceNotFoundException', text);
    await rejects(
      world.call('DeleteFunctionCodeSigningConfig', { FunctionName: 'none' }),
      'ResourceNotFoundException',
      text,
    );
    await rejects(attach('none:1', arn), 'InvalidParameterValueException', /^This operation is permitted on Lambda/);
  });

  it('are listed by the configuration', async () => {
    const arn = await create();
    for (const name of ['a', 'b', 'c', 'd']) await createActive(world, name);
    for (const name of ['a', 'c', 'd']) await attach(name, arn);
    const first = await world.output('ListFunctionsByCodeSigningConfig', { CodeSigningConfigArn: arn, MaxItems: 2 });
    assert.deepEqual(first.FunctionArns, [`${ARN}:a`, `${ARN}:c`]);
    const more = { CodeSigningConfigArn: arn, Marker: first.NextMarker };
    assert.deepEqual(await world.output('ListFunctionsByCodeSigningConfig', more), { FunctionArns: [`${ARN}:d`] });
  });

  it('never part when one is deleted while it is attached', async () => {
    await createActive(world, 'one');
    for (let round = 0; round < 20; round++) {
      const arn = await create();
      const [attaching, deleting] = await Promise.allSettled(
        round % 2 === 0
          ? [attach('one', arn), world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: arn })]
          : [world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: arn }), attach('one', arn)],
      );
      assert.notEqual(attaching?.status, deleting?.status);
    }
  });
});
