import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ARN, createActive, handlerZip, makeWorld, rejects, type World } from '../support/function-world.ts';

const ONLY_FUNCTIONS =
  'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one');
});
afterEach(() => world.close());

const reserve = (FunctionName: string, ReservedConcurrentExecutions: number) =>
  world.output('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions });
const reserved = (FunctionName: string) => world.output('GetFunctionConcurrency', { FunctionName });
const release = (FunctionName: string) => world.output('DeleteFunctionConcurrency', { FunctionName });

describe('reserved concurrency', { timeout: 10_000 }, () => {
  it('is told while there is any, 0 too, and gone after Delete', async () => {
    assert.deepEqual(await reserved('one'), {});
    for (const amount of [0, 1]) {
      await reserve('one', amount);
      assert.deepEqual(await reserved(`${ARN}:one`), { ReservedConcurrentExecutions: amount });
    }
    assert.deepEqual(await release('one'), {});
    assert.deepEqual(await reserved('one'), {});
    assert.deepEqual(await release('one'), {});
  });

  it('is of functions that exist, as a whole', async () => {
    for (const operation of [reserved, release]) {
      await rejects(operation('none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
      await rejects(operation('one:1'), 'InvalidParameterValueException', ONLY_FUNCTIONS);
      await rejects(operation(`${ARN}:one:$LATEST`), 'InvalidParameterValueException', ONLY_FUNCTIONS);
    }
  });
});

describe('account settings', { timeout: 10_000 }, () => {
  it('are the limits, and what is used in this account and region', async () => {
    const size = (await handlerZip()).length;
    await world.call('PublishVersion', { FunctionName: 'one' });
    await createActive(world, 'two');
    await reserve('one', 30);
    await reserve('two', 20);
    assert.deepEqual(await world.output('GetAccountSettings', {}), {
      AccountLimit: {
        TotalCodeSize: 80_530_636_800,
        CodeSizeUnzipped: 262_144_000,
        CodeSizeZipped: 52_428_800,
        ConcurrentExecutions: 1000,
        UnreservedConcurrentExecutions: 950,
      },
      AccountUsage: { TotalCodeSize: 3 * size, FunctionCount: 2 },
    });
    await release('one');
    const { AccountLimit } = await world.output('GetAccountSettings', {});
    assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 980);
    const elsewhere = await world.call('GetAccountSettings', {}, { region: 'us-east-1' });
    assert.deepEqual(elsewhere.output.AccountUsage, { TotalCodeSize: 0, FunctionCount: 0 });
    assert.equal(elsewhere.output.AccountLimit?.UnreservedConcurrentExecutions, 1000);
  });
});
