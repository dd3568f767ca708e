import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ARN, createActive, makeWorld, rejects, type World } from '../support/function-world.ts';

const ADDRESS = /^http:\/\/127\.0\.0\.1:2016\/[0-9a-f]{32}\/$/;
const GONE = 'The resource you requested does not exist.';
const NO_FUNCTION = 'Function does not exist';
const CORS = { AllowOrigins: ['https://example.com'], AllowMethods: ['GET'], MaxAge: 60 };

type Create = Partial<OperationInputs['CreateFunctionUrlConfig']>;
type Update = Partial<OperationInputs['UpdateFunctionUrlConfig']>;

let world: World;
const create = (more: Create = {}) =>
  world.output('CreateFunctionUrlConfig', { FunctionName: 'one', AuthType: 'NONE', ...more });
const update = (more: Update) => world.output('UpdateFunctionUrlConfig', { FunctionName: 'one', ...more });
const get = (FunctionName = 'one', Qualifier?: string) =>
  world.output('GetFunctionUrlConfig', { FunctionName, Qualifier });
const remove = (FunctionName = 'one', Qualifier?: string) =>
  world.output('DeleteFunctionUrlConfig', { FunctionName, Qualifier });
const list = (more: { FunctionName?: string; Marker?: string; MaxItems?: number } = {}) =>
  world.output('ListFunctionUrlConfigs', { FunctionName: 'one', ...more });
const iso = () => new Date(world.clock.now()).toISOString();

beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one');
  await world.call('PublishVersion', { FunctionName: 'one' });
  await world.call('CreateAlias', { FunctionName: 'one', Name: 'urlalias', FunctionVersion: '1' });
});
afterEach(() => world.close());

describe('function URL configs', { timeout: 10_000 }, () => {
  it('live from Create to Delete, showing InvokeMode where AWS does', async () => {
    const createdAt = iso();
    const created = await create();
    assert.match(created.FunctionUrl, ADDRESS);
    const { FunctionUrl } = created;
    assert.deepEqual(created, {
      FunctionUrl,
      FunctionArn: `${ARN}:one`,
      AuthType: 'NONE',
      CreationTime: createdAt,
    });
    const whole = { ...created, LastModifiedTime: createdAt };
    assert.deepEqual(await get(), { ...whole, InvokeMode: 'BUFFERED' });
    world.clock.advance(1000);
    const changed = { ...whole, AuthType: 'AWS_IAM', LastModifiedTime: iso() };
    assert.deepEqual(await update({ AuthType: 'AWS_IAM' }), changed);
    assert.deepEqual(await update({ InvokeMode: 'RESPONSE_STREAM' }), { ...changed, InvokeMode: 'RESPONSE_STREAM' });
    assert.deepEqual(await list(), { FunctionUrlConfigs: [{ ...changed, InvokeMode: 'RESPONSE_STREAM' }] });
    assert.deepEqual(await remove(), {});
    await rejects(get(), 'ResourceNotFoundException', GONE);
    assert.notEqual((await create()).FunctionUrl, FunctionUrl);
  });

  it('keep Cors as given, replace it whole, and drop it when it is empty', async () => {
    assert.deepEqual((await create({ Cors: CORS, InvokeMode: 'BUFFERED' })).Cors, CORS);
    assert.deepEqual((await update({ AuthType: 'AWS_IAM' })).Cors, CORS);
    assert.deepEqual((await update({ Cors: { AllowCredentials: true } })).Cors, { AllowCredentials: true });
    assert.equal('Cors' in (await update({ Cors: {} })), false);
    assert.equal('Cors' in (await get()), false);
  });

  it('are one for the function and one for each alias', async () => {
    const own = await create();
    const ofAlias = await create({ Qualifier: 'urlalias' });
    assert.equal(ofAlias.FunctionArn, `${ARN}:one:urlalias`);
    assert.notEqual(ofAlias.FunctionUrl, own.FunctionUrl);
    assert.equal((await get(`${ARN}:one:urlalias`)).FunctionUrl, ofAlias.FunctionUrl);
    const taken = (arn: string) =>
      `Failed to create function url config for [functionArn = ${arn}]. Error message:  FunctionUrlConfig exists for this Lambda function`;
    await rejects(create(), 'ResourceConflictException', taken(`${ARN}:one`));
    await rejects(create({ Qualifier: 'urlalias' }), 'ResourceConflictException', taken(`${ARN}:one:urlalias`));
    const first = await list({ MaxItems: 1 });
    const second = await list({ MaxItems: 1, Marker: first.NextMarker ?? assert.fail() });
    assert.deepEqual(
      [...first.FunctionUrlConfigs, ...second.FunctionUrlConfigs].map(({ FunctionUrl }) => FunctionUrl),
      [own.FunctionUrl, ofAlias.FunctionUrl],
    );
    assert.equal(second.NextMarker, undefined);
  });

  it('are made once when many ask at the same time', async () => {
    const outcomes = await Promise.allSettled([create(), create(), create()]);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await list()).FunctionUrlConfigs.length, 1);
  });

  it('outlive their alias and go with their function', async () => {
    const { FunctionUrl } = await create({ Qualifier: 'urlalias' });
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'urlalias' });
    assert.equal((await get('one', 'urlalias')).FunctionUrl, FunctionUrl);
    const change = update({ Qualifier: 'urlalias', AuthType: 'AWS_IAM' });
    await rejects(change, 'ResourceNotFoundException', NO_FUNCTION);
    await world.call('DeleteFunction', { FunctionName: 'one' });
    await createActive(world, 'one');
    assert.deepEqual(await list(), { FunctionUrlConfigs: [] });
  });

  it('of what does not exist are refused in the words of each operation', async () => {
    for (const missing of [
      create({ FunctionName: 'doesnotexist' }),
      create({ FunctionName: `${ARN}:doesnotexist` }),
      create({ Qualifier: 'v1' }),
      update({ FunctionName: 'doesnotexist', AuthType: 'NONE' }),
      update({ Qualifier: 'v1', AuthType: 'NONE' }),
      list({ FunctionName: 'doesnotexist' }),
    ])
      await rejects(missing, 'ResourceNotFoundException', NO_FUNCTION);
    for (const missing of [
      get(),
      get('doesnotexist'),
      get('one', 'urlalias'),
      remove(),
      remove('doesnotexist'),
      remove('one', 'v1'),
      update({ AuthType: 'NONE' }),
    ])
      await rejects(missing, 'ResourceNotFoundException', GONE);
    await rejects(
      get('one:urlalias', 'other'),
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  });

  it('are refused for functions with tenants', async () => {
    await createActive(world, 'two', { TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } });
    await rejects(create({ FunctionName: 'two' }), 'InvalidParameterValueException', /tenant isolation/);
  });

  it('leave the RevisionId of the function alone', async () => {
    const before = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    await create();
    const after = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(after.RevisionId, before.RevisionId);
  });
});
