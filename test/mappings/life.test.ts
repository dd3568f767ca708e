import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addTags, removeTags } from '../../src/functions/tags.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { mappingKey } from '../../src/sources/mapping-record.ts';
import { changeMappingTags, mappingTags } from '../../src/sources/mapping-tags.ts';
import { ACCOUNT, createActive, REGION, rejects, type World } from '../support/function-world.ts';
import { create, createAtRest, FUNCTION, leastOf, mappingWorld, QUEUE, settle, TABLE_STREAM } from './mapping-world.ts';

const NOTHING_POLLS = 'lambdad does not poll sqs event sources yet';
const GONE = 'The resource you requested does not exist.';
const NAMESPACE = { account: ACCOUNT, region: REGION };

let world: World;
before(async () => {
  world = await mappingWorld();
  await createActive(world, 'g');
});
after(() => world.close());

let queues = 0;
const anotherQueue = () => ({ EventSourceArn: `${QUEUE}-${++queues}` });

async function get(UUID: string) {
  return world.output('GetEventSourceMapping', { UUID });
}

function update(UUID: string, input: Omit<OperationInputs['UpdateEventSourceMapping'], 'UUID'>) {
  return world.output('UpdateEventSourceMapping', { UUID, ...input });
}

describe('states', () => {
  test('a mapping comes to rest as it was to be, and says that nothing polls', async () => {
    const { UUID = '', LastModified } = await create(world, anotherQueue());
    await settle(world);
    const rested = await get(UUID);
    assert.deepEqual([rested.State, rested.StateTransitionReason], ['Enabled', NOTHING_POLLS]);
    assert.ok(Number(rested.LastModified) > Number(LastModified));
    const record = await world.metadata.get(mappingKey(NAMESPACE, UUID));
    assert.ok(record);
    assert.equal(record.revision, 2, 'the step has written it down');
    assert.equal((record.body as { enabled: boolean }).enabled, true);
  });

  test('a mapping that was not to be enabled is Disabled by its user', async () => {
    const uuid = await createAtRest(world, { ...leastOf.dynamodb, Enabled: false });
    const { State, StateTransitionReason } = await get(uuid);
    assert.deepEqual([State, StateTransitionReason], ['Disabled', 'User action']);
  });

  test('each change has its state', async () => {
    const uuid = await createAtRest(world, anotherQueue());
    const states = [];
    for (const input of [{ BatchSize: 3 }, { Enabled: false }, { Enabled: true }]) {
      states.push((await update(uuid, input)).State);
      await settle(world);
    }
    const { State } = await world.output('DeleteEventSourceMapping', { UUID: uuid });
    assert.deepEqual([...states, State], ['Updating', 'Disabling', 'Enabling', 'Deleting']);
  });

  test('a busy mapping takes no change', async () => {
    const { UUID = '' } = await create(world, anotherQueue());
    const inUse = 'ResourceInUseException';
    await rejects(update(UUID, {}), inUse, 'Cannot update the event source mapping because it is in use.');
    const deletion = world.call('DeleteEventSourceMapping', { UUID });
    await rejects(deletion, inUse, 'Cannot delete the event source mapping because it is in use.');
  });

  test('a deleted mapping goes after a moment, from the store as well', async () => {
    const uuid = await createAtRest(world, anotherQueue());
    const { UUID, State } = await world.output('DeleteEventSourceMapping', { UUID: uuid });
    assert.deepEqual([UUID, State], [uuid, 'Deleting']);
    assert.equal((await get(uuid)).State, 'Deleting');
    await settle(world);
    await rejects(get(uuid), 'ResourceNotFoundException', GONE);
    await rejects(update(uuid, {}), 'ResourceNotFoundException', GONE);
    await rejects(world.call('DeleteEventSourceMapping', { UUID: uuid }), 'ResourceNotFoundException', GONE);
    assert.equal(await world.metadata.get(mappingKey(NAMESPACE, uuid)), undefined);
  });

  test('what a former run left is taken up', async () => {
    const uuid = await createAtRest(world, anotherQueue());
    const key = mappingKey(NAMESPACE, uuid);
    const record = await world.metadata.get(key);
    const status = { state: 'Deleting', reason: 'USER_INITIATED', sinceMs: 0 };
    await world.metadata.commit([{ type: 'put', key, body: { ...(record?.body as object), status } }]);
    await world.sources.start();
    await settle(world);
    await rejects(get(uuid), 'ResourceNotFoundException', GONE);
    assert.equal(await world.metadata.get(key), undefined);
  });

  for (const uuid of ['00000000-0000-4000-8000-999999999999', 'x'.repeat(36)])
    test(`there is no mapping ${uuid}`, () => rejects(get(uuid), 'ResourceNotFoundException', GONE));
});

describe('updates', () => {
  test('change what they name', async () => {
    const uuid = await createAtRest(world, { ...anotherQueue(), ScalingConfig: { MaximumConcurrency: 5 } });
    const changed = await update(uuid, { BatchSize: 20, MaximumBatchingWindowInSeconds: 2, FunctionName: 'g' });
    assert.deepEqual([changed.BatchSize, changed.MaximumBatchingWindowInSeconds], [20, 2]);
    assert.deepEqual(changed.ScalingConfig, { MaximumConcurrency: 5 });
    assert.equal(changed.FunctionArn, FUNCTION.replace(/f$/, 'g'));
    await settle(world);
    const windowless =
      'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10';
    await rejects(update(uuid, { MaximumBatchingWindowInSeconds: 0 }), 'InvalidParameterValueException', windowless);
    await rejects(
      update(uuid, { FunctionName: 'missing' }),
      'InvalidParameterValueException',
      'Function does not exist',
    );
  });

  test('take away with what is empty', async () => {
    const uuid = await createAtRest(world, {
      ...leastOf.msk,
      ProvisionedPollerConfig: { MinimumPollers: 1 },
      MaximumRetryAttempts: 3,
      DestinationConfig: { OnFailure: { Destination: QUEUE } },
      MetricsConfig: { Metrics: ['EventCount', 'ErrorCount'] },
      LoggingConfig: { SystemLogLevel: 'INFO' },
      FilterCriteria: { Filters: [{ Pattern: '{"value":["x"]}' }] },
    });
    const cleared = await update(uuid, {
      ProvisionedPollerConfig: {},
      DestinationConfig: { OnFailure: { Destination: '' } },
      MetricsConfig: { Metrics: [] },
      LoggingConfig: {},
      FilterCriteria: {},
    });
    assert.deepEqual(cleared.DestinationConfig, { OnFailure: {} });
    for (const name of [
      'ProvisionedPollerConfig',
      'MaximumRetryAttempts',
      'MetricsConfig',
      'LoggingConfig',
      'FilterCriteria',
    ] as const)
      assert.equal(cleared[name], undefined, name);
  });

  const fixed: readonly [keyof typeof leastOf, Omit<OperationInputs['UpdateEventSourceMapping'], 'UUID'>, RegExp][] = [
    [
      'documentdb',
      { DocumentDBEventSourceConfig: { DatabaseName: 'shop', CollectionName: 'c' } },
      /^Invalid parameters: collectionName, databaseName$/,
    ],
    ['mq', { SourceAccessConfigurations: [{ Type: 'VIRTUAL_HOST', URI: '/' }] }, /VIRTUAL_HOST/],
    [
      'kafka',
      { SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'other' } },
      /^Unsupported 'selfManagedKafkaEventSourceConfig.consumerGroupId' parameter/,
    ],
    ['kafka', { SourceAccessConfigurations: [] }, /^Required 'sourceAccessConfigurations' parameter is missing.$/],
    ['kafka', { SelfManagedKafkaEventSourceConfig: { ConsumptionMode: 'Stream' } }, /consumptionMode/],
    ['kinesis', { ScalingConfig: {} }, /^Unsupported 'scalingConfig' parameter/],
    ['kinesis', { MaximumRecordAgeInSeconds: 10 }, /between 60/],
  ];
  for (const [source, input, text] of fixed)
    test(`${source} keeps what it was made with: ${JSON.stringify(input)}`, async () => {
      const each = await mappingWorld();
      const uuid = await createAtRest(each, leastOf[source]);
      const change = each.call('UpdateEventSourceMapping', { UUID: uuid, ...input });
      await rejects(change, 'InvalidParameterValueException', text);
      await each.close();
    });

  test('do not make a second mapping of the same kind', async () => {
    const queue = anotherQueue();
    const first = await createAtRest(world, queue);
    const second = await createAtRest(world, { ...queue, FunctionName: 'g' });
    await rejects(update(second, { FunctionName: 'f' }), 'ResourceConflictException', new RegExp(first));
  });

  test('of many at once, one is made', async () => {
    const uuid = await createAtRest(world, anotherQueue());
    const made = await Promise.allSettled(
      Array.from({ length: 10 }, (_, size) => update(uuid, { BatchSize: size + 1 })),
    );
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

describe('lists', () => {
  test('hold a hundred mappings a page', async () => {
    const each = await mappingWorld();
    for (let i = 0; i < 101; i++) await create(each, { EventSourceArn: `${QUEUE}-${i}` });
    const first = await each.output('ListEventSourceMappings', { MaxItems: 10_000 });
    assert.equal(first.EventSourceMappings?.length, 100);
    const second = await each.output('ListEventSourceMappings', { Marker: first.NextMarker });
    assert.equal(second.EventSourceMappings?.length, 1);
    assert.equal(second.NextMarker, undefined);
  });

  test('show the mappings of a function or a source, page by page', async () => {
    const each = await mappingWorld();
    await createActive(each, 'g');
    for (let i = 0; i < 7; i++)
      await createAtRest(each, { EventSourceArn: `${QUEUE}-${i}`, FunctionName: i < 5 ? 'f' : 'g' });
    const met: (string | undefined)[] = [];
    for (let Marker: string | undefined; ; ) {
      const page = await each.output('ListEventSourceMappings', { FunctionName: FUNCTION, MaxItems: 2, Marker });
      met.push(...(page.EventSourceMappings ?? []).map(({ EventSourceArn }) => EventSourceArn));
      Marker = page.NextMarker;
      if (Marker === undefined) break;
    }
    assert.deepEqual(
      met,
      [0, 1, 2, 3, 4].map((i) => `${QUEUE}-${i}`),
    );
    const list = async (input: OperationInputs['ListEventSourceMappings']) =>
      (await each.output('ListEventSourceMappings', input)).EventSourceMappings?.length;
    assert.equal(await list({}), 7);
    assert.equal(await list({ EventSourceArn: `${QUEUE}-6` }), 1);
    assert.equal(await list({ EventSourceArn: `${QUEUE}-6`, FunctionName: 'f' }), 0);
    assert.equal(await list({ FunctionName: 'f:1' }), 0);
    const other = await each.call('ListEventSourceMappings', {}, { account: '210987654321' });
    assert.deepEqual(other.output, { EventSourceMappings: [] });
    await each.call('DeleteFunction', { FunctionName: 'f' });
    assert.equal(await list({ FunctionName: 'f' }), 5, 'mappings outlive their function');
    await each.close();
  });
});

describe('tags', () => {
  test('are kept with the mapping and changed by its ARN', async () => {
    const { EventSourceMappingArn: arn = '' } = await create(world, { ...anotherQueue(), Tags: { team: 'a' } });
    const { services } = world;
    assert.deepEqual(await mappingTags(services, NAMESPACE, arn), { team: 'a' });
    await changeMappingTags(services, NAMESPACE, arn, (tags) => addTags(tags, { stage: 'test' }));
    await changeMappingTags(services, NAMESPACE, arn, (tags) => removeTags(tags, ['team']));
    assert.deepEqual(await mappingTags(services, NAMESPACE, arn), { stage: 'test' });
    const unknown = arn.replace(/.{6}$/, '999999');
    const missing = `Event source mapping not found: ${unknown}`;
    await rejects(mappingTags(services, NAMESPACE, unknown), 'ResourceNotFoundException', missing);
    await rejects(
      mappingTags(services, { account: '210987654321', region: REGION }, arn),
      'ResourceNotFoundException',
      /not found/,
    );
    const tooMany = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']));
    await rejects(
      create(world, { EventSourceArn: TABLE_STREAM, StartingPosition: 'LATEST', Tags: tooMany }),
      'InvalidParameterValueException',
      'Number of tags exceeds resource tag limit.',
    );
  });
});
