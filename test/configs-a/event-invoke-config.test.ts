import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { NeighbourRefusal, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { ACCOUNT, ARN, createActive, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';

const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:queue`;
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:topic`;
const BUS = `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`;
const BUCKET = 'arn:aws:s3:::bucket';
const NOTHING = { OnSuccess: {}, OnFailure: {} };

type Settings = Omit<OperationInputs['PutFunctionEventInvokeConfig'], 'FunctionName'>;

let world: World;
const put = (FunctionName: string, settings: Settings) =>
  world.output('PutFunctionEventInvokeConfig', { FunctionName, ...settings });
const update = (FunctionName: string, settings: Settings) =>
  world.output('UpdateFunctionEventInvokeConfig', { FunctionName, ...settings });
const get = (FunctionName: string, Qualifier?: string) =>
  world.output('GetFunctionEventInvokeConfig', { FunctionName, Qualifier });
const list = (FunctionName: string, more: { Marker?: string; MaxItems?: number } = {}) =>
  world.output('ListFunctionEventInvokeConfigs', { FunctionName, ...more });
const noConfig = (shown: string) => `The function ${ARN}:${shown} doesn't have an EventInvokeConfig`;
const invalidDestination = (arn: string) => `The destination ARN ${arn} is invalid.`;

async function makeOne(options: Parameters<typeof makeWorld>[0] = {}): Promise<void> {
  world = await makeWorld(options);
  await createActive(world, 'one');
  await world.call('PublishVersion', { FunctionName: 'one' });
  await world.call('CreateAlias', { FunctionName: 'one', Name: 'eventinvokealias', FunctionVersion: '1' });
}

describe('event invoke configs', { timeout: 10_000 }, () => {
  beforeEach(() => makeOne());
  afterEach(() => world.close());

  it('are replaced by Put, with the numbers that were not given left out', async () => {
    assert.deepEqual(await put('one', { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 }), {
      LastModified: new Date(world.clock.now()),
      FunctionArn: `${ARN}:one:$LATEST`,
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 60,
      DestinationConfig: NOTHING,
    });
    world.clock.advance(1500);
    const replaced = await put('one', { MaximumRetryAttempts: 0 });
    assert.deepEqual(replaced, {
      LastModified: new Date(world.clock.now()),
      FunctionArn: `${ARN}:one:$LATEST`,
      MaximumRetryAttempts: 0,
      DestinationConfig: NOTHING,
    });
    assert.deepEqual(await get('one'), replaced);
  });

  it('are changed by Update in what is given, destinations side by side', async () => {
    await put('one', { MaximumRetryAttempts: 2, DestinationConfig: { OnSuccess: { Destination: QUEUE } } });
    world.clock.advance(1000);
    const updated = await update('one', { DestinationConfig: { OnFailure: { Destination: BUCKET } } });
    assert.deepEqual(updated, {
      LastModified: new Date(world.clock.now()),
      FunctionArn: `${ARN}:one:$LATEST`,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnSuccess: { Destination: QUEUE }, OnFailure: { Destination: BUCKET } },
    });
    const emptied = await update('one', {
      MaximumEventAgeInSeconds: 21_600,
      DestinationConfig: { OnSuccess: {}, OnFailure: { Destination: '' } },
    });
    assert.deepEqual(emptied.DestinationConfig, NOTHING);
    assert.equal(emptied.MaximumEventAgeInSeconds, 21_600);
    assert.equal(emptied.MaximumRetryAttempts, 2);
    assert.deepEqual(await get('one'), emptied);
  });

  it('belong to one version or alias each, however it is named', async () => {
    const settings = { MaximumRetryAttempts: 1 };
    const arnOf = async (name: string, Qualifier?: string) =>
      (await put(name, { ...settings, ...(Qualifier === undefined ? {} : { Qualifier }) })).FunctionArn;
    assert.equal(await arnOf('one', '$LATEST'), `${ARN}:one:$LATEST`);
    assert.equal(await arnOf('one:1'), `${ARN}:one:1`);
    assert.equal(await arnOf(`${ARN}:one:eventinvokealias`, 'eventinvokealias'), `${ARN}:one:eventinvokealias`);
    assert.equal(await arnOf(`${ACCOUNT}:function:one`, 'eventinvokealias'), `${ARN}:one:eventinvokealias`);
    await rejects(
      put('one:1', { ...settings, Qualifier: 'eventinvokealias' }),
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
    assert.equal((await get('one', '1')).FunctionArn, `${ARN}:one:1`);
    const { FunctionEventInvokeConfigs: configs } = await list('one:1');
    assert.deepEqual(
      configs?.map(({ FunctionArn }) => FunctionArn),
      [`${ARN}:one:$LATEST`, `${ARN}:one:1`, `${ARN}:one:eventinvokealias`],
    );
  });

  it('are listed page by page', async () => {
    for (const qualifier of ['$LATEST', '1', 'eventinvokealias'])
      await put('one', { Qualifier: qualifier, MaximumRetryAttempts: 0 });
    const first = await list('one', { MaxItems: 2 });
    assert.equal(first.FunctionEventInvokeConfigs?.length, 2);
    const rest = await list('one', { MaxItems: 2, Marker: first.NextMarker ?? assert.fail() });
    assert.equal(rest.FunctionEventInvokeConfigs?.[0]?.FunctionArn, `${ARN}:one:eventinvokealias`);
    assert.equal(rest.NextMarker, undefined);
  });

  it('go by Delete, with their alias and with their function', async () => {
    for (const Qualifier of ['$LATEST', '1', 'eventinvokealias'])
      await put('one', { Qualifier, MaximumRetryAttempts: 0 });
    await world.call('DeleteFunctionEventInvokeConfig', { FunctionName: 'one' });
    const again = world.call('DeleteFunctionEventInvokeConfig', { FunctionName: 'one' });
    await rejects(again, 'ResourceNotFoundException', noConfig('one:$LATEST'));
    await world.call('DeleteAlias', { FunctionName: 'one', Name: 'eventinvokealias' });
    await rejects(get('one', 'eventinvokealias'), 'ResourceNotFoundException', noConfig('one:eventinvokealias'));
    await get('one', '1');
    await world.call('DeleteFunction', { FunctionName: 'one' });
    await createActive(world, 'one');
    assert.deepEqual(await list('one'), { FunctionEventInvokeConfigs: [] });
  });

  it('leave the RevisionId of the function alone', async () => {
    const before = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    await put('one', { MaximumRetryAttempts: 0 });
    const after = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(after.RevisionId, before.RevisionId);
  });

  it('of what does not exist are not found, in two ways of saying so', async () => {
    const settings = { MaximumRetryAttempts: 1 };
    for (const missing of [
      put('doesnotexist', settings),
      put(`${ARN}:doesnotexist`, settings),
      put('one', { ...settings, Qualifier: 'doesnotexist' }),
      put('one', { ...settings, Qualifier: '1221' }),
      put('one', { ...settings, Qualifier: '$LATEST.PUBLISHED' }),
      update('doesnotexist', settings),
      list('doesnotexist'),
    ])
      await rejects(missing, 'ResourceNotFoundException', "The function doesn't exist.");
    const without: readonly [Promise<unknown>, string][] = [
      [get('one'), 'one:$LATEST'],
      [get('one', '1'), 'one:1'],
      [get('one', '1221'), 'one:1221'],
      [get('one:doesnotexist'), 'one:doesnotexist'],
      [get('one', 'eventinvokealias'), 'one:eventinvokealias'],
      [get('doesnotexist'), 'doesnotexist:$LATEST'],
      [world.output('DeleteFunctionEventInvokeConfig', { FunctionName: 'doesnotexist' }), 'doesnotexist:$LATEST'],
      [update('one', settings), 'one:$LATEST'],
      [update('one', { ...settings, Qualifier: 'eventinvokealias' }), 'one:eventinvokealias'],
    ];
    for (const [answer, shown] of without) await rejects(answer, 'ResourceNotFoundException', noConfig(shown));
  });

  it('need something to set; an empty DestinationConfig is something', async () => {
    const text = 'You must specify at least one of error handling or destination setting.';
    await rejects(put('one', {}), 'InvalidParameterValueException', text);
    await rejects(update('one', {}), 'InvalidParameterValueException', text);
    assert.deepEqual((await put('one', { DestinationConfig: { OnSuccess: {} } })).DestinationConfig, NOTHING);
  });

  it('let one writer at a time change a configuration, and lose none', async () => {
    await put('one', { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
    await Promise.all([
      update('one', { MaximumRetryAttempts: 1 }),
      update('one', { MaximumEventAgeInSeconds: 90 }),
      update('one', { DestinationConfig: { OnFailure: { Destination: TOPIC } } }),
    ]);
    const { LastModified: _time, ...config } = await get('one');
    assert.deepEqual(config, {
      FunctionArn: `${ARN}:one:$LATEST`,
      MaximumRetryAttempts: 1,
      MaximumEventAgeInSeconds: 90,
      DestinationConfig: { OnSuccess: {}, OnFailure: { Destination: TOPIC } },
    });
  });
});

describe('destinations', { timeout: 10_000 }, () => {
  beforeEach(() => makeOne());
  afterEach(() => world.close());

  const toSuccess = (Destination: string) => put('one', { DestinationConfig: { OnSuccess: { Destination } } });
  const toFailure = (Destination: string) => put('one', { DestinationConfig: { OnFailure: { Destination } } });

  it('are queues, topics, buses and other functions; buckets for failures', async () => {
    await createActive(world, 'two');
    for (const arn of [QUEUE, TOPIC, BUS, `${ARN}:two`, `${ARN}:two:$LATEST`]) {
      assert.deepEqual((await toSuccess(arn)).DestinationConfig?.OnSuccess, { Destination: arn });
      assert.deepEqual((await toFailure(arn)).DestinationConfig?.OnFailure, { Destination: arn });
    }
    assert.deepEqual((await toFailure(BUCKET)).DestinationConfig?.OnFailure, { Destination: BUCKET });
    const invalid = (inside: string) => `The provided destination config DestinationConfig(${inside}) is invalid.`;
    const strange = `arn:aws:iam:${REGION}:${ACCOUNT}:function:one`;
    await rejects(
      toSuccess(strange),
      'InvalidParameterValueException',
      invalid(`onSuccess=OnSuccess(destination=${strange}), onFailure=null`),
    );
    await rejects(
      put('one', { DestinationConfig: { OnSuccess: { Destination: BUCKET }, OnFailure: { Destination: QUEUE } } }),
      'InvalidParameterValueException',
      invalid(`onSuccess=OnSuccess(destination=${BUCKET}), onFailure=OnFailure(destination=${QUEUE})`),
    );
    await rejects(
      toFailure('kafka://topic'),
      'InvalidParameterValueException',
      invalid('onSuccess=null, onFailure=OnFailure(destination=kafka://topic)'),
    );
  });

  it('that are functions must be there, and be another', async () => {
    for (const arn of [`${ARN}:doesnotexist`, `${ARN}:one:2`, `${ARN}:one:noalias`, `${ARN}`])
      await rejects(toSuccess(arn), 'InvalidParameterValueException', invalidDestination(arn));
    for (const arn of [`${ARN}:one`, `${ARN}:one:1`])
      await rejects(
        toFailure(arn),
        'InvalidParameterValueException',
        "You can't specify the function as a destination for itself.",
      );
    // Another account's functions are not ours to look at.
    const foreign = `arn:aws:lambda:${REGION}:210987654321:function:any`;
    assert.deepEqual((await toSuccess(foreign)).DestinationConfig?.OnSuccess, { Destination: foreign });
    // The same name in another region is another function.
    const elsewhere = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:one`;
    await rejects(toSuccess(elsewhere), 'InvalidParameterValueException', invalidDestination(elsewhere));
  });

  it('that no endpoint is configured for are kept and noted', async () => {
    await put('one', {
      Qualifier: '1',
      DestinationConfig: { OnSuccess: { Destination: QUEUE }, OnFailure: { Destination: TOPIC } },
    });
    await toFailure(BUCKET);
    assert.deepEqual(world.inert, [
      `sqs DestinationConfig ${ARN}:one:1`,
      `sns DestinationConfig ${ARN}:one:1`,
      `s3 DestinationConfig ${ARN}:one:$LATEST`,
    ]);
  });
});

describe('destinations with neighbours', { timeout: 10_000 }, () => {
  afterEach(() => world.close());

  it('are asked after, once each, and refused when their service does', async () => {
    const asked: string[] = [];
    const look = async (arn: string) => {
      asked.push(arn);
      if (arn.endsWith('gone'))
        throw new NeighbourRefusal('sqs', 'GetQueueUrl', 'NonExistentQueue', 'It is not there.');
      if (arn.endsWith('silent')) throw new NeighbourUnreachable('no answer');
    };
    await makeOne({
      neighbours: {
        sqs: { getQueue: async (_namespace, arn) => look(arn).then(() => ({ QueueArn: arn })) },
        sns: { getTopic: async (_namespace, arn) => look(arn) },
      },
    });
    await put('one', { DestinationConfig: { OnSuccess: { Destination: QUEUE }, OnFailure: { Destination: QUEUE } } });
    await update('one', { DestinationConfig: { OnFailure: { Destination: TOPIC } } });
    assert.deepEqual(asked, [QUEUE, TOPIC]);
    assert.deepEqual(world.inert, []);
    for (const arn of [`${QUEUE}-gone`, `${TOPIC}-gone`])
      await rejects(
        update('one', { DestinationConfig: { OnFailure: { Destination: arn } } }),
        'InvalidParameterValueException',
        invalidDestination(arn),
      );
    const silent = update('one', { DestinationConfig: { OnFailure: { Destination: `${QUEUE}-silent` } } });
    await rejects(silent, 'ServiceException', 'no answer');
    assert.deepEqual((await get('one')).DestinationConfig?.OnFailure, { Destination: TOPIC });
  });
});
