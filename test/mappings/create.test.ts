import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createActive, rejects, type World } from '../support/function-world.ts';
import {
  BASIC_AUTH,
  BROKER,
  type CreateInput,
  create,
  FUNCTION,
  leastOf,
  mappingWorld,
  QUEUE,
  SECRET,
  STREAM,
  TABLE_STREAM,
} from './mapping-world.ts';

let world: World;
before(async () => {
  world = await mappingWorld();
  await createActive(world, 'long', { Timeout: 841 });
});
after(() => world.close());

const IPV = 'InvalidParameterValueException';

function refuses(name: string, input: CreateInput, text: string | RegExp): void {
  test(name, () => rejects(create(world, input), IPV, text));
}

describe('what answers show', () => {
  test('an SQS mapping', async () => {
    const { UUID, ...shown } = await create(world, { ...leastOf.sqs, FunctionName: FUNCTION });
    assert.deepEqual(shown, {
      BatchSize: 10,
      MaximumBatchingWindowInSeconds: 0,
      FunctionResponseTypes: [],
      EventSourceArn: QUEUE,
      FunctionArn: FUNCTION,
      LastModified: new Date(world.clock.now()),
      State: 'Creating',
      StateTransitionReason: 'USER_INITIATED',
      EventSourceMappingArn: `arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:${UUID}`,
    });
    assert.ok(world.inert.includes(`sqs EventSourceArn ${shown.EventSourceMappingArn}`));
  });

  test('a stream mapping', async () => {
    const StartingPositionTimestamp = new Date(1_600_000_000_500);
    const { UUID: _, ...shown } = await create(world, {
      EventSourceArn: `${STREAM}/consumer/reader:1600000000`,
      StartingPosition: 'AT_TIMESTAMP',
      StartingPositionTimestamp,
    });
    assert.deepEqual(
      { ...shown, LastModified: undefined, EventSourceMappingArn: undefined },
      {
        StartingPosition: 'AT_TIMESTAMP',
        StartingPositionTimestamp,
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 0,
        ParallelizationFactor: 1,
        TumblingWindowInSeconds: 0,
        MaximumRetryAttempts: -1,
        MaximumRecordAgeInSeconds: -1,
        BisectBatchOnFunctionError: false,
        FunctionResponseTypes: [],
        DestinationConfig: { OnFailure: {} },
        EventSourceArn: `${STREAM}/consumer/reader:1600000000`,
        FunctionArn: FUNCTION,
        LastModified: undefined,
        LastProcessingResult: 'No records processed',
        State: 'Creating',
        StateTransitionReason: 'User action',
        EventSourceMappingArn: undefined,
      },
    );
  });

  test('Kafka mappings name their consumer group', async () => {
    const managed = await create(world, leastOf.msk);
    assert.deepEqual(managed.AmazonManagedKafkaEventSourceConfig, { ConsumerGroupId: managed.UUID });
    assert.equal(managed.StartingPosition, 'TRIM_HORIZON');
    const own = await create(world, {
      ...leastOf.kafka,
      Topics: ['another'],
      SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'readers' },
      ProvisionedPollerConfig: { MaximumPollers: 9, PollerGroupName: 'shared' },
    });
    assert.deepEqual(own.SelfManagedKafkaEventSourceConfig, { ConsumerGroupId: 'readers' });
    assert.deepEqual(own.SelfManagedEventSource, { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000'] } });
    assert.deepEqual(own.ProvisionedPollerConfig, { MinimumPollers: 1, MaximumPollers: 9, PollerGroupName: 'shared' });
    assert.equal(own.MaximumRetryAttempts, -1);
    assert.equal(own.EventSourceArn, undefined);
  });

  test('brokers and document databases', async () => {
    const broker = await create(world, leastOf.mq);
    assert.deepEqual(broker.SourceAccessConfigurations, BASIC_AUTH);
    assert.deepEqual([broker.BatchSize, broker.Queues], [100, ['jobs']]);
    assert.equal('MaximumBatchingWindowInSeconds' in broker, false);
    const documents = await create(world, leastOf.documentdb);
    assert.deepEqual(documents.DocumentDBEventSourceConfig, { DatabaseName: 'shop', FullDocument: 'Default' });
  });

  test('a queue of a share group has neither position nor window', async () => {
    const mapping = await create(world, {
      ...leastOf.kafka,
      Topics: ['shared'],
      SelfManagedKafkaEventSourceConfig: { ConsumptionMode: 'Queue' },
      ProvisionedPollerConfig: { MinimumPollers: 2 },
    });
    assert.equal(mapping.StartingPosition, undefined);
    assert.equal(mapping.MaximumRetryAttempts, 0);
  });
});

describe('the function', () => {
  refuses('must exist', { ...leastOf.sqs, FunctionName: 'missing' }, 'Function does not exist');
  refuses('must have the alias', { ...leastOf.sqs, FunctionName: 'f:missing' }, 'Function does not exist');
  refuses('must have the version', { ...leastOf.sqs, FunctionName: `${FUNCTION}:7` }, 'Function does not exist');
  refuses('may not run too long behind a broker', { ...leastOf.mq, FunctionName: 'long' }, /841 seconds/);

  test('keeps the qualifier it is named by', async () => {
    await world.call('PublishVersion', { FunctionName: 'f' });
    await world.activation.idle();
    await world.call('CreateAlias', { FunctionName: 'f', Name: 'live', FunctionVersion: '1' });
    for (const qualifier of ['1', 'live', '$LATEST']) {
      const { FunctionArn } = await create(world, { EventSourceArn: `${QUEUE}-q`, FunctionName: `f:${qualifier}` });
      assert.equal(FunctionArn, `${FUNCTION}:${qualifier}`);
    }
  });
});

describe('the source', () => {
  refuses('must be named', {}, 'Unrecognized event source.');
  const topic = 'arn:aws:sns:eu-west-1:123456789012:topic';
  refuses(
    'must be one that is read from',
    { EventSourceArn: topic },
    `Unrecognized event source. Unsupported source arn : ${topic}`,
  );
  const table = TABLE_STREAM.replace(/\/stream.*/, '');
  refuses('is no table', { EventSourceArn: table, StartingPosition: 'LATEST' }, /^Unrecognized event source/);
  const { SourceAccessConfigurations: _, ...open } = leastOf.kafka;
  refuses('needs access, of Kafka', open, `Required 'sourceAccessConfigurations' parameter is missing.`);
  refuses('needs access, of a broker', { EventSourceArn: BROKER, Queues: ['q'] }, /'sourceAccessConfigurations'/);
  refuses('needs a topic', { ...leastOf.msk, Topics: undefined }, `Required 'topics' parameter is missing.`);
  refuses('needs a queue', { ...leastOf.mq, Queues: undefined }, `Required 'queues' parameter is missing.`);
  refuses('needs a database', { ...leastOf.documentdb, DocumentDBEventSourceConfig: {} }, /databaseName/);
});

describe('the starting position', () => {
  const needed =
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.";
  refuses('must be given for Kinesis', { EventSourceArn: STREAM }, needed);
  refuses('must be given for DynamoDB', { EventSourceArn: TABLE_STREAM }, needed);
  refuses(
    'is no time for DynamoDB',
    { EventSourceArn: TABLE_STREAM, StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: new Date(0) },
    `Unsupported starting position for arn type: ${TABLE_STREAM}`,
  );
  refuses(
    'has a time at AT_TIMESTAMP only',
    { ...leastOf.kinesis, StartingPositionTimestamp: new Date(0) },
    'Timestamp only valid with StartingPosition AT_TIMESTAMP',
  );
  refuses(
    'needs the time',
    { EventSourceArn: STREAM, StartingPosition: 'AT_TIMESTAMP' },
    'Need to specify a timestamp',
  );
  refuses(
    'lies after 1970',
    { EventSourceArn: STREAM, StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: new Date(-1000) },
    'Received Exception while reading from provided stream. class java.lang.Long can not be converted to a Timestamp',
  );
  refuses(
    'does not lie ahead',
    { EventSourceArn: STREAM, StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: new Date(4e12) },
    /cannot be in the future/,
  );
  refuses(
    'is none for queues',
    { ...leastOf.sqs, StartingPosition: 'LATEST' },
    'StartingPosition is not valid for SQS event sources.',
  );
});

describe('settings of other sources', () => {
  const foreign: readonly [keyof typeof leastOf, CreateInput, string][] = [
    ['sqs', { ParallelizationFactor: 2 }, "'parallelizationFactor'"],
    ['sqs', { DestinationConfig: { OnFailure: { Destination: QUEUE } } }, 'DestinationConfig'],
    ['sqs', { LoggingConfig: { SystemLogLevel: 'INFO' } }, "'loggingConfig'"],
    ['kinesis', { ScalingConfig: { MaximumConcurrency: 5 } }, "'scalingConfig'"],
    ['kinesis', { DestinationConfig: { OnSuccess: { Destination: QUEUE } } }, 'DestinationConfig'],
    ['dynamodb', { Topics: ['t'] }, "'topics'"],
    ['msk', { TumblingWindowInSeconds: 5 }, "'tumblingWindowInSeconds'"],
    ['msk', { MaximumRetryAttempts: 5 }, "'maximumRetryAttempts'"],
    ['msk', { SelfManagedKafkaEventSourceConfig: {} }, "'selfManagedKafkaEventSourceConfig'"],
    ['mq', { FunctionResponseTypes: [] }, "'functionResponseTypes'"],
    ['mq', { DestinationConfig: { OnFailure: { Destination: QUEUE } } }, 'DestinationConfig'],
    ['documentdb', { FilterCriteria: { Filters: [] } }, "'filterCriteria'"],
    ['documentdb', { MetricsConfig: { Metrics: ['EventCount'] } }, "'metricsConfig'"],
    [
      'kafka',
      { SelfManagedKafkaEventSourceConfig: { ConsumptionMode: 'Queue' }, StartingPosition: 'LATEST' },
      "'startingPosition'",
    ],
  ];
  for (const [source, input, shown] of foreign)
    refuses(
      `${source}: ${JSON.stringify(input)}`,
      { ...leastOf[source], ...input },
      `Unsupported ${shown} parameter for given event source mapping type.`,
    );
});

describe('ranges', () => {
  const windowless = 'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10';
  refuses('a large batch of messages takes its time', { ...leastOf.sqs, BatchSize: 11 }, windowless);
  refuses(
    'a FIFO queue has no window',
    { ...leastOf.fifo, BatchSize: 11, MaximumBatchingWindowInSeconds: 5 },
    'Batching window is not supported for FIFO queues',
  );
  refuses('record age', { ...leastOf.kinesis, MaximumRecordAgeInSeconds: 59 }, /between 60 and 604800/);
  refuses('pollers of SQS', { ...leastOf.sqs, ProvisionedPollerConfig: { MinimumPollers: 1 } }, /at least 2/);
  refuses('pollers', { ...leastOf.msk, ProvisionedPollerConfig: { MinimumPollers: 9, MaximumPollers: 3 } }, /greater/);
  refuses('poller groups', { ...leastOf.sqs, ProvisionedPollerConfig: { PollerGroupName: 'g' } }, /pollerGroupName/);
  refuses(
    'concurrency beside pollers',
    { ...leastOf.sqs, ScalingConfig: { MaximumConcurrency: 5 }, ProvisionedPollerConfig: { MinimumPollers: 2 } },
    /at the same time/,
  );
  refuses('metrics', { ...leastOf.sqs, MetricsConfig: { Metrics: ['KafkaMetrics'] } }, /KafkaMetrics/);
  const destination = 'arn:aws:lambda:eu-west-1:123456789012:function:g';
  refuses(
    'destinations',
    { ...leastOf.kinesis, DestinationConfig: { OnFailure: { Destination: destination } } },
    `The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=${destination})) is invalid.`,
  );
  refuses(
    'topics as destinations',
    { ...leastOf.kinesis, DestinationConfig: { OnFailure: { Destination: 'kafka://t' } } },
    /invalid/,
  );
});

describe('access', () => {
  type Access = NonNullable<CreateInput['SourceAccessConfigurations']>;
  const kafka = (...given: Access) => ({ ...leastOf.kafka, SourceAccessConfigurations: given });
  refuses(
    'a type of another source',
    { ...leastOf.mq, SourceAccessConfigurations: [{ Type: 'VPC_SUBNET', URI: 's' }] },
    /VPC_SUBNET/,
  );
  refuses(
    'a broker without its password',
    { ...leastOf.mq, SourceAccessConfigurations: [{ Type: 'VIRTUAL_HOST', URI: '/' }] },
    /BASIC_AUTH is required/,
  );
  refuses('a secret that is not named', kafka({ Type: 'BASIC_AUTH' }), /requires a URI/);
  refuses('a secret that nobody needs', kafka({ Type: 'IAM_AUTH', URI: SECRET }), /does not support a URI/);
  refuses('a scope for nothing', kafka({ Type: 'OAUTHBEARER_SCOPE', URI: 's' }), /requires OAUTHBEARER_AUTH/);
  refuses(
    'an audience for nothing',
    kafka({ Type: 'OAUTHBEARER_AUDIENCE', URI: 'a' }),
    /OAUTHBEARER_AUTH or IAM_OAUTHBEARER_AUTH/,
  );
  refuses(
    'a web identity without an audience',
    kafka({ Type: 'IAM_OAUTHBEARER_AUTH' }),
    /requires OAUTHBEARER_AUDIENCE/,
  );
  refuses(
    'a web identity beside a secret',
    kafka(
      { Type: 'IAM_OAUTHBEARER_AUTH' },
      { Type: 'OAUTHBEARER_AUDIENCE', URI: 'a' },
      { Type: 'OAUTHBEARER_AUTH', URI: SECRET },
    ),
    /does not support OAUTHBEARER_AUTH/,
  );

  test('a web identity with its audience', async () => {
    const access = [{ Type: 'IAM_OAUTHBEARER_AUTH' }, { Type: 'OAUTHBEARER_AUDIENCE', URI: 'a' }] as const;
    const mapping = await create(world, { ...kafka(...access), Topics: ['identified'] });
    assert.deepEqual(mapping.SourceAccessConfigurations, access);
  });
});

describe('schema registries', () => {
  const registry = {
    SchemaRegistryURI: 'https://registry.example.com',
    EventRecordFormat: 'JSON',
    SchemaValidationConfigs: [{ Attribute: 'VALUE' }],
  } as const;
  const withRegistry = (
    SchemaRegistryConfig: NonNullable<CreateInput['AmazonManagedKafkaEventSourceConfig']>['SchemaRegistryConfig'],
  ) => ({
    ...leastOf.msk,
    Topics: ['typed'],
    AmazonManagedKafkaEventSourceConfig: { SchemaRegistryConfig },
  });
  const provisioned = { ProvisionedPollerConfig: { MinimumPollers: 1 } };
  refuses('need provisioned mode', withRegistry(registry), /provisioned mode/);
  refuses(
    'validate something',
    { ...withRegistry({ ...registry, SchemaValidationConfigs: [] }), ...provisioned },
    `Required 'amazonManagedKafkaEventSourceConfig.schemaRegistryConfig.schemaValidationConfigs' parameter is missing.`,
  );

  test('are shown', async () => {
    const mapping = await create(world, { ...withRegistry(registry), ...provisioned });
    assert.deepEqual(mapping.AmazonManagedKafkaEventSourceConfig?.SchemaRegistryConfig, registry);
  });
});

describe('filters', () => {
  const BAD = 'Invalid filter pattern definition.';
  const filtered = (source: keyof typeof leastOf, ...patterns: (string | undefined)[]) => ({
    ...leastOf[source],
    FilterCriteria: { Filters: patterns.map((Pattern) => ({ Pattern })) },
  });
  refuses('must be patterns', filtered('sqs', '{"body":"x"}'), BAD);
  refuses('must all be patterns', filtered('sqs', '{"body":["x"]}', '{"body":[}'), BAD);
  refuses('must not be left out', filtered('sqs', undefined), BAD);
  refuses('must be JSON for Kinesis', filtered('kinesis', '{"data":["plain"]}'), BAD);
  refuses('must be JSON for DynamoDB', filtered('dynamodb', '{"dynamodb":["plain"]}'), BAD);
  refuses('are few', filtered('sqs', ...Array(6).fill('{"body":["x"]}')), /must not exceed 5/);

  test('may be on what no record of the source has', async () => {
    const input = filtered('sqs', '{"Region":[{"prefix":"us-"}]}', '{"$or":[{"Day":["Monday"]},{"data":["x"]}]}');
    const mapping = await create(world, { ...input, EventSourceArn: `${leastOf.sqs.EventSourceArn}-another` });
    assert.deepEqual(mapping.FilterCriteria, input.FilterCriteria);
  });

  test('are shown as they were given', async () => {
    const input = filtered(
      'dynamodb',
      '{"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"N": [{"exists": true}]}}}}',
    );
    const mapping = await create(world, input);
    assert.deepEqual(mapping.FilterCriteria, input.FilterCriteria);
  });
});
