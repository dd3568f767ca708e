/** Streams of tables in moto, read and delivered, and what was given up in queues, topics and buckets. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { openDestinations } from '../../src/destinations/open-destinations.ts';
import { linkTo } from '../../src/neighbours/link.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { dynamoStreamsSource } from '../../src/pollers/dynamodb-streams.ts';
import type { MappingSettings } from '../../src/sources/mapping-record.ts';
import type { SourceTrouble } from '../../src/sources/source-port.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';
import { type Moto, skipWithoutMoto, startMoto } from '../support/moto.ts';
import { type Calls, callsOf } from './aws-double.ts';
import { type AtWork, type AtWorkOptions, atWork } from './stream-at-work.ts';

const REGION = 'us-east-1';
const NAMESPACE = { account: '123456789012', region: REGION };
const UUID = '11111111-2222-4333-8444-555555555555';

describe("a table's stream", { skip: skipWithoutMoto(), timeout: 240_000 }, () => {
  let moto: Moto;
  let calls: Calls;
  const running: AtWork[] = [];

  before(async () => {
    moto = await startMoto();
    calls = callsOf(moto.url, 'dynamodb');
  });

  after(async () => {
    await Promise.all(running.map((each) => each.stop()));
    await moto?.stop();
  });

  async function table(TableName: string): Promise<string> {
    const { TableDescription } = (await calls('CreateTable', {
      TableName,
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    })) as { TableDescription: { LatestStreamArn: string } };
    return TableDescription.LatestStreamArn;
  }

  const put = (TableName: string, id: string, rest: object = {}) =>
    calls('PutItem', { TableName, Item: { id: { S: id }, ...rest } });

  function read(arn: string, settings: MappingSettings = {}, rest: Partial<AtWorkOptions> = {}): AtWork {
    const link = linkTo('dynamodb-streams', { endpoints: { 'dynamodb-streams': moto.url } });
    assert.ok(link);
    const source = { kind: 'dynamodb', arn } as const;
    const work = atWork({ namespace: NAMESPACE, adapter: dynamoStreamsSource(link), source, settings, ...rest });
    running.push(work);
    return work;
  }

  const ids = ({ events }: AtWork) => events.flatMap(({ Records }) => Records.map((each) => each.dynamodb.Keys.id.S));

  it('comes to the function in the form that AWS gives it, and only behind the checkpoint the next time', async () => {
    const arn = await table('form');
    const kinds = { n: { N: '1.50' }, b: { B: 'AAEC' }, l: { L: [{ M: { s: { BS: ['AA=='] } } }, { NULL: true }] } };
    await put('form', 'a', kinds);
    await calls('DeleteItem', { TableName: 'form', Key: { id: { S: 'a' } } });
    const metadata = memoryMetadata();
    const first = read(arn, {}, { metadata, uuid: UUID });
    await first.until(() => first.events.length === 1);
    const [inserted, removed] = first.events[0]?.Records ?? [];
    const { ApproximateCreationDateTime, SequenceNumber, SizeBytes } = inserted.dynamodb;
    assert.equal(typeof ApproximateCreationDateTime, 'number');
    assert.equal(
      JSON.stringify(inserted),
      JSON.stringify({
        eventID: inserted.eventID,
        eventName: 'INSERT',
        eventVersion: inserted.eventVersion,
        eventSource: 'aws:dynamodb',
        awsRegion: REGION,
        dynamodb: {
          ApproximateCreationDateTime,
          Keys: { id: { S: 'a' } },
          NewImage: { id: { S: 'a' }, ...kinds },
          SequenceNumber,
          SizeBytes,
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        },
        eventSourceARN: arn,
      }),
    );
    assert.equal(removed.eventName, 'REMOVE');
    assert.equal('NewImage' in removed.dynamodb, false);
    assert.deepEqual(removed.dynamodb.OldImage, { id: { S: 'a' }, ...kinds });
    await first.stop();
    await put('form', 'b');
    const second = read(arn, {}, { metadata, uuid: UUID });
    await second.until(() => second.events.length === 1);
    assert.deepEqual(ids(second), ['b']);
  });

  it('begins with LATEST where the mapping begins', async () => {
    const arn = await table('latest');
    await put('latest', 'old');
    // The records of these streams know whole seconds only.
    await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)));
    const work = read(arn, { StartingPosition: 'LATEST' });
    const sending = setInterval(() => void put('latest', 'new').catch(() => {}), 200);
    await work.until(() => work.events.length > 0);
    clearInterval(sending);
    assert.ok(ids(work).every((id) => id === 'new'));
  });

  it('that is not there ends the run', async () => {
    const arn = await table('here');
    const missing = read(arn.replace('table/here', 'table/nowhere'));
    assert.equal(((await missing.ended) as SourceTrouble).kind, 'missing');
  });

  it('gives what fails to a queue, a topic or a bucket', async () => {
    const settings = {
      endpoint: moto.url,
      region: REGION,
      credentials: { accessKeyId: NAMESPACE.account, secretAccessKey: 'test' },
    };
    const [sqs, sns, s3] = [
      new SQSClient(settings),
      new SNSClient(settings),
      new S3Client({ ...settings, forcePathStyle: true }),
    ];
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'failed' }));
    const queueArn = `arn:aws:sqs:${REGION}:${NAMESPACE.account}:failed`;
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'failed' }));
    const attributes = { RawMessageDelivery: 'true' };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queueArn, Attributes: attributes }));
    await s3.send(new CreateBucketCommand({ Bucket: 'failed' }));
    const endpoints = { sqs: moto.url, sns: moto.url, s3: moto.url };
    const destinations = openDestinations({
      neighbours: openNeighbours({ endpoints }),
      functions: () => assert.fail('no function is a destination here'),
    });
    const arn = await table('failing');
    await put('failing', 'a');
    const answer = () => {
      throw new Error('no');
    };
    for (const Destination of [queueArn, TopicArn, 'arn:aws:s3:::failed']) {
      const DestinationConfig = { OnFailure: { Destination } };
      const work = read(arn, { MaximumRetryAttempts: 0, DestinationConfig }, { destinations, answer, uuid: UUID });
      await work.until(() => work.counters.get('OnFailureDestinationDeliveredEventCount') === 1);
      await work.stop();
      const { dynamodb } = work.events[0]?.Records[0] ?? assert.fail('nothing was delivered');
      const text = Destination.includes(':s3:')
        ? await object(s3)
        : ((await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }))).Messages?.[0]?.Body ?? '');
      const { payload, ...record } = JSON.parse(text);
      assert.equal(record.requestContext.condition, 'RetryAttemptsExhausted');
      assert.equal(record.DDBStreamBatchInfo.startSequenceNumber, dynamodb.SequenceNumber);
      assert.equal(record.DDBStreamBatchInfo.streamArn, arn);
      assert.deepEqual(payload === undefined, !Destination.includes(':s3:'));
      if (payload !== undefined) assert.deepEqual(JSON.parse(payload), work.events[0]);
    }
    for (const client of [sqs, sns, s3]) client.destroy();
  });

  /** The only object of the bucket. */
  async function object(s3: S3Client): Promise<string> {
    const { Contents: [{ Key = '' } = {}] = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'failed' }));
    assert.match(
      Key,
      /^aws\/lambda\/11111111-2222-4333-8444-555555555555\/shardId-[^/]+\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/,
    );
    return (await (await s3.send(new GetObjectCommand({ Bucket: 'failed', Key }))).Body?.transformToString()) ?? '';
  }
});
