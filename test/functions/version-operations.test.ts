import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ARN, createActive, handlerZip, makeWorld, ROLE, rejects, type World } from '../support/function-world.ts';

describe('versions and aliases', { timeout: 10_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld({ fractions: [0.29, 0.3, 0.99] });
    await createActive(world, 'one');
  });
  afterEach(() => world.close());

  const publish = (more: Partial<OperationInputs['PublishVersion']> = {}) =>
    world.output('PublishVersion', { FunctionName: 'one', ...more });

  async function configure(more: Partial<OperationInputs['UpdateFunctionConfiguration']>) {
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', ...more });
    await world.activation.idle();
  }

  async function publishThree() {
    await publish();
    for (const Timeout of [4, 5]) {
      await configure({ Timeout });
      await publish();
    }
  }

  it('numbers count up, are not used again, and without an update there is no new one', async () => {
    const before = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    const first = await publish({ Description: 'the first', CodeSha256: before.CodeSha256 });
    assert.equal(first.Version, '1');
    assert.equal(first.FunctionArn, `${ARN}:one:1`);
    assert.equal(first.Description, 'the first');
    assert.equal(first.State, 'Active');
    const latest = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.notEqual(latest.RevisionId, before.RevisionId);
    assert.notEqual(latest.RevisionId, first.RevisionId);
    assert.deepEqual(await publish({ Description: 'ignored' }), first);
    await configure({ Timeout: 4 });
    assert.equal((await publish()).Version, '2');
    await configure({ Timeout: 4 });
    assert.equal((await publish()).Version, '3', 'an update to what was there is an update');
    assert.equal((await publish()).Version, '3');
    await world.call('DeleteFunction', { FunctionName: 'one:3' });
    assert.equal((await publish()).Version, '4');
    assert.equal((await world.output('GetFunctionConfiguration', { FunctionName: 'one:1' })).Timeout, 3);
  });

  it('numbers go on where a deleted function of the same name left off', async () => {
    await publishThree();
    await world.call('DeleteFunction', { FunctionName: 'one' });
    await createActive(world, 'one');
    assert.equal((await world.output('ListVersionsByFunction', { FunctionName: 'one' })).Versions?.length, 1);
    assert.equal((await publish()).Version, '4');
    await world.call('DeleteFunction', { FunctionName: 'one' });
    await createActive(world, 'one', { Publish: true });
    const { Versions } = await world.output('ListVersionsByFunction', { FunctionName: 'one' });
    assert.deepEqual(
      Versions?.map(({ Version }) => Version),
      ['$LATEST', '5'],
    );
  });

  it('refuses to publish code that the caller did not mean', async () => {
    const { CodeSha256 } = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    await rejects(
      publish({ CodeSha256: 'somenonexistentsha256' }),
      'InvalidParameterValueException',
      `CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST (${CodeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    );
    await rejects(
      publish({ RevisionId: 'wrong' }),
      'PreconditionFailedException',
      /Call the GetFunction\/GetAlias API/,
    );
    await rejects(
      world.call('PublishVersion', { FunctionName: 'none' }),
      'ResourceNotFoundException',
      `Function not found: ${ARN}:none`,
    );
  });

  it('publishes with an update of code', async () => {
    const ZipFile = await handlerZip('exports.handler = async () => 3;');
    const answer = await world.output('UpdateFunctionCode', { FunctionName: 'one', ZipFile, Publish: true });
    assert.equal(answer.Version, '1');
    assert.equal(answer.FunctionArn, `${ARN}:one:1`);
    await world.activation.idle();
    const version = await world.output('GetFunctionConfiguration', { FunctionName: 'one', Qualifier: '1' });
    assert.equal(version.State, 'Active');
    assert.equal(version.CodeSha256, answer.CodeSha256);
  });

  it('lists $LATEST and the versions in the order of their numbers', async () => {
    await publish();
    for (let count = 2; count <= 11; count++) {
      await configure({ Description: `number ${count}` });
      await publish();
    }
    const arns: (string | undefined)[] = [];
    for (let marker: string | undefined, round = 0; round < 10; round++) {
      const page = await world.output('ListVersionsByFunction', { FunctionName: 'one', MaxItems: 5, Marker: marker });
      arns.push(...(page.Versions ?? []).map((it) => it.FunctionArn));
      marker = page.NextMarker;
      if (marker === undefined) break;
    }
    const numbers = Array.from({ length: 11 }, (_, index) => String(index + 1));
    assert.deepEqual(
      arns,
      ['$LATEST', ...numbers].map((number) => `${ARN}:one:${number}`),
    );
  });

  it('an alias is made, shown, changed and deleted', async () => {
    await publishThree();
    const made = await world.output('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1' });
    const { RevisionId, ...shown } = made;
    assert.deepEqual(shown, { AliasArn: `${ARN}:one:live`, Name: 'live', FunctionVersion: '1', Description: '' });
    assert.deepEqual(await world.output('GetAlias', { FunctionName: 'one', Name: 'live' }), made);
    const update = (more: Partial<OperationInputs['UpdateAlias']>) =>
      world.output('UpdateAlias', { FunctionName: 'one', Name: 'live', ...more });
    const routed = await update({ RoutingConfig: { AdditionalVersionWeights: { 2: 0.3 } }, RevisionId });
    assert.deepEqual(routed.RoutingConfig, { AdditionalVersionWeights: { 2: 0.3 } });
    await rejects(update({ Description: 'x', RevisionId }), 'PreconditionFailedException', /does not match/);
    await rejects(
      update({ FunctionVersion: '2' }),
      'InvalidParameterValueException',
      'Invalid function version 2. Function version 2 is already included in routing configuration.',
    );
    const cleared = await update({ RoutingConfig: {}, Description: 'plain' });
    assert.equal(cleared.RoutingConfig, undefined);
    assert.equal(cleared.Description, 'plain');
    const got = await world.output('GetFunction', { FunctionName: 'one:live' });
    assert.equal(got.Configuration?.FunctionArn, `${ARN}:one:live`);
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'live' });
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'live' });
    await rejects(update({}), 'ResourceNotFoundException', `Alias not found: ${ARN}:one:live`);
  });

  it('an alias leads only where it can', async () => {
    await publishThree();
    await configure({ Role: `${ROLE}-other` });
    await publish();
    await world.call('CreateAlias', { FunctionName: 'one', Name: 'taken', FunctionVersion: '1' });
    const refuse = async (more: Partial<OperationInputs['CreateAlias']>, message: string | RegExp) =>
      rejects(
        world.call('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1', ...more }),
        'InvalidParameterValueException',
        message,
      );
    const weights = (AdditionalVersionWeights: Record<string, number>) => ({
      RoutingConfig: { AdditionalVersionWeights },
    });
    await refuse(weights({ 2: 0.1, 3: 0.1 }), 'Number of items in AdditionalVersionWeights cannot be greater than 1');
    await refuse(
      { ...weights({ 2: 0.1 }), FunctionVersion: '$LATEST' },
      '$LATEST is not supported for an alias pointing to more than 1 version',
    );
    await refuse(
      weights({ 1: 0.5 }),
      'Invalid function version 1. Function version 1 is already included in routing configuration.',
    );
    await refuse(weights({ 4: 0.5 }), /same execution role/);
    const create = (more: Partial<OperationInputs['CreateAlias']>) =>
      world.call('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1', ...more });
    await rejects(create({ FunctionVersion: '10' }), 'ResourceNotFoundException', `Function not found: ${ARN}:one:10`);
    await rejects(create(weights({ 11: 0.5 })), 'ResourceNotFoundException', `Function not found: ${ARN}:one:11`);
    const many = '9'.repeat(1024);
    await rejects(
      create({ FunctionVersion: many }),
      'ResourceNotFoundException',
      `Function not found: ${ARN}:one:${many}`,
    );
    await rejects(create({ FunctionName: 'none' }), 'ResourceNotFoundException', `Function not found: ${ARN}:none:1`);
    await rejects(create({ Name: 'taken' }), 'ResourceConflictException', `Alias already exists: ${ARN}:one:taken`);
  });

  it('lists aliases, also of one version only', async () => {
    await publishThree();
    for (const [Name, FunctionVersion] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '1'],
    ] as const)
      await world.call('CreateAlias', { FunctionName: 'one', Name, FunctionVersion });
    const first = await world.output('ListAliases', { FunctionName: 'one', MaxItems: 2 });
    const rest = await world.output('ListAliases', { FunctionName: 'one', Marker: first.NextMarker });
    const names = (page: typeof first) => page.Aliases?.map((it) => it.Name);
    assert.deepEqual([names(first), names(rest)], [['a', 'b'], ['c']]);
    assert.deepEqual(names(await world.output('ListAliases', { FunctionName: 'one', FunctionVersion: '1' })), [
      'a',
      'c',
    ]);
    await rejects(
      world.call('ListAliases', { FunctionName: 'none' }),
      'ResourceNotFoundException',
      `Function not found: ${ARN}:none`,
    );
  });

  it('a weighted alias takes the additional version for the lots below its weight', async () => {
    await publishThree();
    await world.call('CreateAlias', {
      FunctionName: 'one',
      Name: 'live',
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights: { 2: 0.3 } },
    });
    const taken: (string | undefined)[] = [];
    for (let count = 0; count < 3; count++)
      taken.push((await world.output('Invoke', { FunctionName: 'one', Qualifier: 'live' })).ExecutedVersion);
    assert.deepEqual(taken, ['2', '1', '1']);
    assert.equal(world.invoker.invoked[0]?.target.invokedArn, `${ARN}:one:live`);
  });
});
