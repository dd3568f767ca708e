import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ARN, createActive, handlerZip, makeWorld, rejects, type World } from '../support/function-world.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one', { Publish: true });
});
afterEach(() => world.close());

const put = (Qualifier: string, ProvisionedConcurrentExecutions: number, FunctionName = 'one') =>
  world.output('PutProvisionedConcurrencyConfig', { FunctionName, Qualifier, ProvisionedConcurrentExecutions });
const get = (Qualifier: string, FunctionName = 'one') =>
  world.output('GetProvisionedConcurrencyConfig', { FunctionName, Qualifier });
const remove = (Qualifier: string, FunctionName = 'one') =>
  world.output('DeleteProvisionedConcurrencyConfig', { FunctionName, Qualifier });
const reserve = (ReservedConcurrentExecutions: number, FunctionName = 'one') =>
  world.output('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions });
const alias = (Name: string, FunctionVersion = '1') =>
  world.output('CreateAlias', { FunctionName: 'one', Name, FunctionVersion });

/** Publishes a version of new code. */
async function publishNext(text: string): Promise<string> {
  const ZipFile = await handlerZip(text);
  const { Version } = await world.output('UpdateFunctionCode', { FunctionName: 'one', ZipFile, Publish: true });
  await world.activation.idle();
  return Version ?? assert.fail();
}

const invalid = 'InvalidParameterValueException';
const CONFLICT_ALIAS =
  "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
const UNPUBLISHED = 'Provisioned Concurrency Configs cannot be applied to unpublished function versions.';

describe('a provisioned concurrency configuration', { timeout: 10_000 }, () => {
  it('is in progress at first, then as far as its environments are', async () => {
    const asked = {
      RequestedProvisionedConcurrentExecutions: 2,
      AvailableProvisionedConcurrentExecutions: 0,
      AllocatedProvisionedConcurrentExecutions: 0,
      Status: 'IN_PROGRESS',
      LastModified: '2023-11-14T22:13:20+0000',
    };
    assert.deepEqual(await put('1', 2), asked);
    assert.deepEqual(await get('1'), asked);
    assert.deepEqual(world.invoker.wishes.get('one'), ['1: 1 × 2']);
    world.invoker.progress.set('1', { allocated: 2, available: 1 });
    assert.deepEqual(await get('1', `${ARN}:one`), {
      ...asked,
      AvailableProvisionedConcurrentExecutions: 1,
      AllocatedProvisionedConcurrentExecutions: 2,
      Status: 'READY',
    });
    world.invoker.progress.set('1', { allocated: 0, available: 0, failure: 'FUNCTION_ERROR_INIT_FAILURE' });
    assert.deepEqual(await get('1'), { ...asked, Status: 'FAILED', StatusReason: 'FUNCTION_ERROR_INIT_FAILURE' });
  });

  it('is listed in order, page by page', async () => {
    for (const name of ['green', 'blue']) await alias(name);
    await put('green', 1);
    await put('blue', 2);
    const list = (more: object) => world.output('ListProvisionedConcurrencyConfigs', { FunctionName: 'one', ...more });
    const first = await list({ MaxItems: 1 });
    assert.deepEqual(
      first.ProvisionedConcurrencyConfigs?.map((item) => item.FunctionArn),
      [`${ARN}:one:blue`],
    );
    const second = await list({ Marker: first.NextMarker });
    assert.equal(second.NextMarker, undefined);
    assert.equal(second.ProvisionedConcurrencyConfigs?.[0]?.RequestedProvisionedConcurrentExecutions, 1);
    await rejects(list({ FunctionName: 'none' }), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
  });

  it('is for aliases and published versions that exist', async () => {
    await rejects(put('$LATEST', 1), invalid, UNPUBLISHED);
    await alias('latest', '$LATEST');
    await rejects(put('latest', 1), invalid, UNPUBLISHED);
    const needsQualifier = 'The function resource provided must be an alias or a published version.';
    await rejects(get('$LATEST'), invalid, needsQualifier);
    await rejects(remove('$LATEST'), invalid, needsQualifier);
    for (const operation of [(qualifier: string, name?: string) => put(qualifier, 1, name), get, remove]) {
      await rejects(operation('10'), 'ResourceNotFoundException', `Function not found: ${ARN}:one:10`);
      await rejects(operation('no'), 'ResourceNotFoundException', `Cannot find alias arn: ${ARN}:one:no`);
      await rejects(operation('1', 'none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none:1`);
      await rejects(operation('no', 'none'), 'ResourceNotFoundException', `Cannot find alias arn: ${ARN}:none:no`);
    }
  });

  it('is not for tenants and snapshots', async () => {
    await createActive(world, 'tenants', { Publish: true, TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } });
    await rejects(put('1', 1, 'tenants'), invalid, /not supported for functions with tenant isolation/);
    const SnapStart = { ApplyOn: 'PublishedVersions' } as const;
    await createActive(world, 'snapshots', {
      Publish: true,
      SnapStart,
      Runtime: 'python3.13',
      Handler: 'index.handler',
    });
    await rejects(put('1', 1, 'snapshots'), invalid, /not supported for function versions with SnapStart/);
  });

  it('is deleted once and for all', async () => {
    const none = 'No Provisioned Concurrency Config found for this function';
    await rejects(get('1'), 'ProvisionedConcurrencyConfigNotFoundException', none);
    await put('1', 2);
    await remove('1');
    await remove('1');
    assert.deepEqual(world.invoker.wishes.get('one'), []);
    await rejects(get('1'), 'ProvisionedConcurrencyConfigNotFoundException', none);
  });

  it('goes with its function, its version and its alias', async () => {
    await alias('live');
    await put('live', 1);
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'live' });
    assert.deepEqual(world.invoker.wishes.get('one'), []);
    await put('1', 3);
    await world.call('DeleteFunction', { FunctionName: 'one', Qualifier: '1' });
    assert.deepEqual(world.invoker.wishes.get('one'), []);
    await put(await publishNext('exports.handler = async () => 2;'), 3);
    await world.call('DeleteFunction', { FunctionName: 'one' });
    assert.deepEqual(world.invoker.wishes.get('one'), []);
    await createActive(world, 'one', { Publish: true });
    assert.deepEqual(
      (await world.output('ListProvisionedConcurrencyConfigs', { FunctionName: 'one' })).ProvisionedConcurrencyConfigs,
      [],
    );
  });
});

describe('aliases and their versions', { timeout: 10_000 }, () => {
  it('are not provisioned twice', async () => {
    await alias('live');
    await put('1', 1);
    await rejects(put('live', 1), 'ResourceConflictException', CONFLICT_ALIAS);
    await remove('1');
    await put('live', 1);
    await rejects(put('1', 1), 'ResourceConflictException', 'Version is pointed by a Provisioned Concurrency alias');
    await put('live', 5);
  });

  it('take it along when the alias moves', async () => {
    await alias('live');
    await put('live', 1);
    const second = await publishNext('exports.handler = async () => 2;');
    const move = (FunctionVersion: string) =>
      world.call('UpdateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion });
    await move(second);
    assert.deepEqual(world.invoker.wishes.get('one'), ['live: 2 × 1']);
    await put('1', 4);
    await rejects(move('1'), 'ResourceConflictException', CONFLICT_ALIAS);
    await rejects(move('$LATEST'), invalid, UNPUBLISHED);
  });

  it('cannot have it while the alias spreads over two versions', async () => {
    const second = await publishNext('exports.handler = async () => 2;');
    await world.call('CreateAlias', {
      FunctionName: 'one',
      Name: 'both',
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights: { [second]: 0.5 } },
    });
    await rejects(put('both', 1), invalid, 'Alias with weights can not be used with Provisioned Concurrency');
  });
});

describe('the sums of an account', { timeout: 10_000 }, () => {
  it('hold provisioned against reserved concurrency of the function', async () => {
    await reserve(2);
    await put('1', 2);
    const tooMuch =
      'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function';
    await rejects(put('1', 3), invalid, tooMuch);
    const second = await publishNext('exports.handler = async () => 2;');
    await rejects(put(second, 1), invalid, tooMuch);
    await rejects(
      reserve(1),
      invalid,
      " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
    );
    await rejects(reserve(0), invalid, / 0 should not be lower than function's total provisioned concurrency \[2\]\.$/);
    await reserve(3);
    await put(second, 1);
  });

  it('hold it against what the account has left', async () => {
    await createActive(world, 'two', { Publish: true });
    await rejects(
      put('1', 1001),
      invalid,
      "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
    );
    await reserve(300, 'two');
    await rejects(
      put('1', 701),
      invalid,
      "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [700].",
    );
    await rejects(
      put('1', 601),
      invalid,
      "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    );
    await put('1', 600);
    const { AccountLimit } = await world.output('GetAccountSettings', {});
    assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 100);
    // What is provisioned within a reservation takes nothing more from the account.
    await put('1', 300, 'two');
    await rejects(
      reserve(301, 'two'),
      invalid,
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    );
    await put('1', 500);
    await reserve(400, 'two');
  });

  it('are kept by requests made at once', async () => {
    for (const name of ['two', 'three']) await createActive(world, name, { Publish: true });
    const outcomes = await Promise.allSettled([put('1', 400), put('1', 400, 'two'), reserve(400, 'three')]);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
  });
});
