/** Capacity providers, scaling and durable executions: what AWS answers for those that do not exist. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ACCOUNT, ARN, createActive, makeWorld, REGION, ROLE, rejects, type World } from '../support/function-world.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one', { Publish: true });
});
afterEach(() => world.close());

const notFound = 'ResourceNotFoundException';

describe('capacity providers', { timeout: 10_000 }, () => {
  it('are never found, by name or by ARN', async () => {
    const arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:capacity-provider:p`;
    for (const CapacityProviderName of ['p', arn])
      for (const name of [
        'GetCapacityProvider',
        'UpdateCapacityProvider',
        'DeleteCapacityProvider',
        'ListFunctionVersionsByCapacityProvider',
      ] as const)
        await rejects(world.call(name, { CapacityProviderName }), notFound, `Capacity provider not found: ${arn}`);
    assert.deepEqual(await world.output('ListCapacityProviders', {}), { CapacityProviders: [] });
    await rejects(world.call('ListCapacityProviders', { Marker: '?' }), 'InvalidParameterValueException', /marker/);
  });

  it('cannot be made', async () => {
    const creating = world.call('CreateCapacityProvider', {
      CapacityProviderName: 'p',
      VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: [] },
      PermissionsConfig: { CapacityProviderOperatorRoleArn: ROLE },
    });
    await rejects(creating, 'InvalidParameterValueException', /^lambdad does not run capacity providers/);
  });
});

describe('scaling', { timeout: 10_000 }, () => {
  it('is refused for functions that are not on a capacity provider', async () => {
    for (const name of ['GetFunctionScalingConfig', 'PutFunctionScalingConfig'] as const) {
      await rejects(
        world.call(name, { FunctionName: 'one', Qualifier: '1' }),
        'AccessDeniedException',
        'The function provided by the arn does not contain a capacity provider configuration',
      );
      for (const Qualifier of ['2', '$LATEST.PUBLISHED'])
        await rejects(
          world.call(name, { FunctionName: 'one', Qualifier }),
          notFound,
          `Function not found: ${ARN}:one:${Qualifier}`,
        );
    }
  });
});

describe('durable executions', { timeout: 10_000 }, () => {
  const execution = `${ARN}:one:1/durable-execution/order/0b1f1e7a`;

  it('are never found', async () => {
    const missing = `Durable execution not found: ${execution}`;
    for (const name of ['GetDurableExecution', 'GetDurableExecutionHistory', 'StopDurableExecution'] as const)
      await rejects(world.call(name, { DurableExecutionArn: execution }), notFound, missing);
    const foreign = execution.replace(REGION, 'eu-west-2');
    await rejects(
      world.call('GetDurableExecution', { DurableExecutionArn: foreign }),
      notFound,
      `Functions from 'eu-west-2' are not reachable in this region ('${REGION}')`,
    );
  });

  it('have no checkpoint tokens and no callbacks', async () => {
    const input = { DurableExecutionArn: execution, CheckpointToken: 'dG9rZW4=' };
    for (const name of ['CheckpointDurableExecution', 'GetDurableExecutionState'] as const)
      await rejects(world.call(name, input), 'InvalidParameterValueException', /^Invalid Checkpoint Token/);
    for (const name of [
      'SendDurableExecutionCallbackSuccess',
      'SendDurableExecutionCallbackFailure',
      'SendDurableExecutionCallbackHeartbeat',
    ] as const)
      await rejects(world.call(name, { CallbackId: 'aWQ=' }), notFound, 'Callback not found: aWQ=');
  });

  it('are listed, none of them, for functions that exist', async () => {
    const list = (FunctionName: string) => world.output('ListDurableExecutionsByFunction', { FunctionName });
    assert.deepEqual(await list('one:1'), { DurableExecutions: [] });
    await rejects(list('none'), notFound, `Function not found: ${ARN}:none`);
    await rejects(list('one:live'), notFound, `Function not found: ${ARN}:one:live`);
  });
});
