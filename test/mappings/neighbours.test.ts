import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NeighbourRefusal, type Neighbours, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { KeyUnusable, type Vault } from '../../src/neighbours/vault.ts';
import { mappingKey } from '../../src/sources/mapping-record.ts';
import { ACCOUNT, createActive, REGION, rejects, type World } from '../support/function-world.ts';
import { create, createAtRest, leastOf, mappingWorld, QUEUE, STREAM, settle, TABLE_STREAM } from './mapping-world.ts';

const IPV = 'InvalidParameterValueException';

async function withWorld(neighbours: Neighbours, story: (world: World) => Promise<void>): Promise<void> {
  const world = await mappingWorld({ neighbours });
  await story(world);
  await world.close();
}

const refusing = (neighbour: 'sqs' | 'kinesis' | 'dynamodb-streams', code: string, text: string) => async () => {
  throw new NeighbourRefusal(neighbour, 'Describe', code, text);
};

describe('a source with an endpoint is asked', () => {
  test('for its queue', async () => {
    for (const code of ['AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist'])
      await withWorld({ sqs: { getQueue: refusing('sqs', code, 'No such queue here.') } }, (world) =>
        rejects(
          create(world, leastOf.sqs),
          IPV,
          'Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.',
        ),
      );
  });

  test('for its stream', async () => {
    const missing = 'ResourceNotFoundException';
    const asked: string[] = [];
    const kinesis = {
      describeStream: async (_: unknown, arn: string) => {
        asked.push(arn);
        return refusing('kinesis', missing, 'no')();
      },
    };
    const neighbours = { kinesis, 'dynamodb-streams': { describeStream: refusing('dynamodb-streams', missing, 'no') } };
    await withWorld(neighbours, async (world) => {
      await rejects(create(world, leastOf.kinesis), IPV, `Stream not found: ${STREAM}`);
      await rejects(create(world, leastOf.dynamodb), IPV, `Stream not found: ${TABLE_STREAM}`);
      const consumer = `${STREAM}/consumer/c:1`;
      await rejects(
        create(world, { ...leastOf.kinesis, EventSourceArn: consumer }),
        IPV,
        `Stream not found: ${consumer}`,
      );
      assert.deepEqual(asked, [STREAM, consumer]);
      assert.deepEqual(world.inert, []);
    });
  });

  test('how long its messages stay hidden', async () => {
    const sqs = { getQueue: async () => ({ VisibilityTimeout: '30' }) };
    await withWorld({ sqs }, async (world) => {
      await createActive(world, 'slow', { Timeout: 60 });
      await rejects(
        create(world, { ...leastOf.sqs, FunctionName: 'slow' }),
        IPV,
        'Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds',
      );
      await create(world, leastOf.sqs);
      assert.deepEqual(world.inert, []);
    });
  });

  test('and may be out of reach', async () => {
    const getQueue = async () => {
      throw new NeighbourUnreachable('sqs did not answer');
    };
    await withWorld({ sqs: { getQueue } }, (world) =>
      rejects(create(world, leastOf.sqs), 'ServiceException', 'sqs did not answer'),
    );
  });
});

describe('a source without an endpoint', () => {
  test('is noted once for each setting', () =>
    withWorld({}, async (world) => {
      const input = { ...leastOf.kinesis, KMSKeyArn: KEY, DestinationConfig: { OnFailure: { Destination: QUEUE } } };
      const { EventSourceMappingArn: arn } = await create(world, input);
      assert.deepEqual(world.inert, [
        `kinesis EventSourceArn ${arn}`,
        `kms KMSKeyArn ${arn}`,
        `sqs DestinationConfig ${arn}`,
      ]);
    }));
});

const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const FilterCriteria = { Filters: [{ Pattern: '{"body":{"secret":["x"]}}' }] };

describe('filters under a key', () => {
  test('lie sealed, are shown by Get and not by List', () =>
    withWorld({}, async (world) => {
      const uuid = await createAtRest(world, { ...leastOf.sqs, FilterCriteria, KMSKeyArn: KEY });
      const stored = await world.metadata.get(mappingKey({ account: ACCOUNT, region: REGION }, uuid));
      assert.doesNotMatch(JSON.stringify(stored), /secret/);
      const shown = await world.output('GetEventSourceMapping', { UUID: uuid });
      assert.deepEqual([shown.FilterCriteria, shown.KMSKeyArn], [FilterCriteria, KEY]);
      const [listed] = (await world.output('ListEventSourceMappings', {})).EventSourceMappings ?? [];
      assert.deepEqual([listed?.FilterCriteria, listed?.KMSKeyArn], [undefined, KEY]);
      const opened = await world.output('UpdateEventSourceMapping', { UUID: uuid, KMSKeyArn: '' });
      assert.deepEqual([opened.FilterCriteria, opened.KMSKeyArn], [FilterCriteria, undefined]);
      await settle(world);
      const sealed = await world.output('UpdateEventSourceMapping', { UUID: uuid, KMSKeyArn: KEY });
      assert.deepEqual([sealed.FilterCriteria, sealed.KMSKeyArn], [FilterCriteria, KEY]);
    }));

  test('say so when the key cannot be used', () =>
    withWorld({}, async (world) => {
      const uuid = await createAtRest(world, { ...leastOf.sqs, FilterCriteria, KMSKeyArn: KEY });
      const refuse = (use: 'seal' | 'open') => async () => {
        throw new KeyUnusable('Disabled', 'DisabledException', 'the key is disabled.', {
          use,
          what: 'filter criteria',
        });
      };
      const vault: Vault = { ...world.services.vault, seal: refuse('seal'), open: refuse('open') };
      const services = { ...world.services, vault };
      const { output } = await world.call('GetEventSourceMapping', { UUID: uuid }, { services });
      assert.equal(output.FilterCriteria, undefined);
      assert.equal(output.FilterCriteriaError?.ErrorCode, 'KMSDisabledException');
      assert.match(output.FilterCriteriaError?.Message ?? '', /DisabledException.*the key is disabled\./);
      const again = {
        ...leastOf.kinesis,
        FunctionName: 'f',
        FilterCriteria: { Filters: [{ Pattern: '{"data":{"a":[1]}}' }] },
      };
      const made = world.call('CreateEventSourceMapping', { ...again, KMSKeyArn: KEY }, { services });
      await rejects(made, IPV, /the key is disabled/);
      const changed = world.call('UpdateEventSourceMapping', { UUID: uuid, KMSKeyArn: '' }, { services });
      await rejects(changed, 'KMSDisabledException', /the key is disabled/);
    }));
});
