import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runtimeVersionArn } from '../../src/functions/runtime-support.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ARN, createActive, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';

const BUILD = runtimeVersionArn(REGION, 'nodejs24.x');

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one');
  await world.call('PublishVersion', { FunctionName: 'one' });
  await world.call('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1' });
});
afterEach(() => world.close());

const revision = async () => (await world.output('GetFunctionConfiguration', { FunctionName: 'one' })).RevisionId;

describe('runtime management', { timeout: 10_000 }, () => {
  type Put = OperationInputs['PutRuntimeManagementConfig'];
  const put = (UpdateRuntimeOn: Put['UpdateRuntimeOn'], more: Partial<Put> = {}) =>
    world.output('PutRuntimeManagementConfig', { FunctionName: 'one', UpdateRuntimeOn, ...more });
  const get = (FunctionName = 'one', Qualifier?: string) =>
    world.output('GetRuntimeManagementConfig', { FunctionName, Qualifier });

  it('is Auto until it is set, for each version by itself', async () => {
    const auto = { UpdateRuntimeOn: 'Auto', FunctionArn: `${ARN}:one:$LATEST` };
    assert.deepEqual(await get(), auto);
    const before = await revision();
    const manual = { UpdateRuntimeOn: 'Manual', FunctionArn: `${ARN}:one:1`, RuntimeVersionArn: BUILD };
    assert.deepEqual(await put('Manual', { Qualifier: '1', RuntimeVersionArn: BUILD }), manual);
    assert.deepEqual(await get(`${ARN}:one:1`), manual);
    assert.deepEqual(await get(), auto);
    const onUpdate = { UpdateRuntimeOn: 'FunctionUpdate', FunctionArn: `${ARN}:one:1` };
    assert.deepEqual(await put('FunctionUpdate', { Qualifier: '1', RuntimeVersionArn: BUILD }), onUpdate);
    assert.deepEqual(await get('one', '1'), onUpdate);
    assert.equal(await revision(), before);
  });

  it('names the build that GetFunctionConfiguration names', async () => {
    const { RuntimeVersionConfig } = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    const RuntimeVersionArn = RuntimeVersionConfig?.RuntimeVersionArn ?? assert.fail();
    assert.equal((await put('Manual', { RuntimeVersionArn })).RuntimeVersionArn, BUILD);
  });

  it('pins to nothing but the build there is', async () => {
    await rejects(put('Manual'), 'InvalidParameterValueException', /^RuntimeVersionArn is required/);
    const other = runtimeVersionArn(REGION, 'nodejs22.x');
    await rejects(put('Manual', { RuntimeVersionArn: other }), 'InvalidParameterValueException', new RegExp(other));
    assert.equal((await get()).UpdateRuntimeOn, 'Auto');
  });

  it('is of versions that exist', async () => {
    await rejects(get('none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none:$LATEST`);
    await rejects(put('Auto', { Qualifier: '42' }), 'ResourceNotFoundException', `Function not found: ${ARN}:one:42`);
    await rejects(put('Auto', { Qualifier: 'live' }), 'InvalidParameterValueException', /version number/);
  });

  it('goes with its version', async () => {
    await world.call('PublishVersion', { FunctionName: 'one' });
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'live' });
    await put('FunctionUpdate', { Qualifier: '1' });
    await world.call('DeleteFunction', { FunctionName: 'one', Qualifier: '1' });
    await rejects(get('one', '1'), 'ResourceNotFoundException', `Function not found: ${ARN}:one:1`);
  });
});

describe('recursion', { timeout: 10_000 }, () => {
  const get = (FunctionName = 'one') => world.output('GetFunctionRecursionConfig', { FunctionName });
  const put = (RecursiveLoop: 'Allow' | 'Terminate', FunctionName = 'one') =>
    world.output('PutFunctionRecursionConfig', { FunctionName, RecursiveLoop });

  it('is terminated until it is allowed', async () => {
    const before = await revision();
    assert.deepEqual(await get(), { RecursiveLoop: 'Terminate' });
    assert.deepEqual(await put('Allow', `${ARN}:one`), { RecursiveLoop: 'Allow' });
    assert.deepEqual(await get(), { RecursiveLoop: 'Allow' });
    assert.deepEqual(await put('Terminate'), { RecursiveLoop: 'Terminate' });
    assert.deepEqual(await get(), { RecursiveLoop: 'Terminate' });
    assert.equal(await revision(), before);
  });

  it('is of functions that exist', async () => {
    await rejects(get('none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
    await rejects(put('Allow', 'none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
  });
});
