/** Records and dead letters on their way to moto's services, and what becomes of them when nobody is there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { InvokeCommand, type LambdaClient, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createFunction } from '../support/functions.ts';
import { type Moto, skipWithoutMoto, startMoto } from '../support/moto.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const REGION = 'us-east-1';
const MOTO_ACCOUNT = '123456789012';
const ARN = `arn:aws:lambda:${REGION}:000000000000:function`;
const FLAGS = ['--sandbox', 'process', '--test-clock'];
const WAIT_MS_MAX = 20_000;
const SOURCE = {
  'index.mjs': `export const handler = async (event) => {
    if (event.fail) throw new Error(event.fail);
    return { got: event };
  };`,
};

const queueArn = (name: string) => `arn:aws:sqs:${REGION}:${MOTO_ACCOUNT}:${name}`;

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing came within ${WAIT_MS_MAX / 1000} s`);
}

describe('destinations of asynchronous invokes', { skip: skipWithoutMoto(), timeout: 240_000 }, () => {
  let moto: Moto;
  let server: TestServer;
  let client: LambdaClient;
  let sqs: SQSClient;
  let dataDir: string;
  let settings: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };

  const start = (url = moto.url) => {
    const names = ['SQS', 'SNS', 'S3', 'EVENTBRIDGE'];
    const env = Object.fromEntries(names.map((name) => [`AWS_ENDPOINT_URL_${name}`, url]));
    return startTestServer({ dataDir, args: FLAGS, env });
  };

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-destinations-'));
    moto = await startMoto();
    server = await start();
    client = server.client();
    settings = { endpoint: moto.url, region: REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    sqs = new SQSClient(settings);
  });

  after(async () => {
    sqs?.destroy();
    await server?.stop();
    await moto?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function makeQueue(name: string): Promise<string> {
    return (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? '';
  }

  const next = (QueueUrl: string) =>
    eventually(async () => {
      const asked = { QueueUrl, MessageAttributeNames: ['All'], MaxNumberOfMessages: 1 };
      const [message] = (await sqs.send(new ReceiveMessageCommand(asked))).Messages ?? [];
      if (message) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
      return message;
    });

  async function create(name: string, destinations: Record<string, string>, deadLetters?: string): Promise<void> {
    const DeadLetterConfig = deadLetters === undefined ? {} : { DeadLetterConfig: { TargetArn: deadLetters } };
    await createFunction(client, name, { files: SOURCE, ...DeadLetterConfig });
    const DestinationConfig = Object.fromEntries(
      Object.entries(destinations).map(([side, Destination]) => [side, { Destination }]),
    );
    const input = { FunctionName: name, MaximumRetryAttempts: 0, DestinationConfig };
    await client.send(new PutFunctionEventInvokeConfigCommand(input));
  }

  async function send(FunctionName: string, event: unknown): Promise<string> {
    const input = { FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) } as const;
    return (await client.send(new InvokeCommand(input))).$metadata.requestId ?? '';
  }

  async function advance(seconds: number): Promise<void> {
    const answer = await fetch(`${server.url}/_lambdad/clock?advanceSeconds=${seconds}`, { method: 'POST' });
    assert.equal(answer.status, 200);
  }

  function checkSuccess(text: string, name: string, requestId: string, event: unknown): void {
    const { timestamp, ...record } = JSON.parse(text);
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(record, {
      version: '1.0',
      requestContext: {
        requestId,
        functionArn: `${ARN}:${name}:$LATEST`,
        condition: 'Success',
        approximateInvokeCount: 1,
      },
      requestPayload: event,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
      responsePayload: { got: event },
    });
  }

  it('take a record to a queue, and a dead letter with its attributes beside it', async () => {
    const [good, bad, dead] = await Promise.all(['good', 'bad', 'dead'].map(makeQueue));
    await create('to-sqs', { OnSuccess: queueArn('good'), OnFailure: queueArn('bad') }, queueArn('dead'));
    const succeeded = await send('to-sqs', { n: 1 });
    const message = await next(good as string);
    checkSuccess(message.Body ?? '', 'to-sqs', succeeded, { n: 1 });
    assert.equal(message.MessageAttributes, undefined);

    const text = 'ü'.repeat(2000);
    const failed = await send('to-sqs', { fail: text });
    const record = JSON.parse((await next(bad as string)).Body ?? '');
    assert.equal(record.requestContext.condition, 'RetriesExhausted');
    assert.equal(record.responseContext.functionError, 'Unhandled');
    const letter = await next(dead as string);
    assert.deepEqual(JSON.parse(letter.Body ?? ''), { fail: text });
    const attributes = attributesOf(letter);
    assert.deepEqual(
      [attributes['RequestID'], attributes['ErrorCode']],
      [
        ['String', failed],
        ['Number', '200'],
      ],
    );
    assert.deepEqual(attributes['ErrorMessage'], ['String', 'ü'.repeat(512)], 'the first kilobyte');
  });

  it('take a record and a dead letter to a topic', async () => {
    const sns = new SNSClient(settings);
    const queue = await makeQueue('of-topic');
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'news' }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queueArn('of-topic') }));
    await create('to-sns', { OnSuccess: TopicArn }, TopicArn);
    const requestId = await send('to-sns', [1]);
    checkSuccess(JSON.parse((await next(queue)).Body ?? '').Message, 'to-sns', requestId, [1]);
    const failed = await send('to-sns', { fail: 'no' });
    const { Message: body, MessageAttributes } = JSON.parse((await next(queue)).Body ?? '');
    assert.deepEqual(JSON.parse(body), { fail: 'no' });
    assert.deepEqual(MessageAttributes, {
      RequestID: { Type: 'String', Value: failed },
      ErrorCode: { Type: 'Number', Value: '200' },
      ErrorMessage: { Type: 'String', Value: 'no' },
    });
    sns.destroy();
  });

  it('put a record on an event bus', async () => {
    const events = new EventBridgeClient(settings);
    const queue = await makeQueue('of-bus');
    const { EventBusArn = '' } = await events.send(new CreateEventBusCommand({ Name: 'results' }));
    const pattern = JSON.stringify({ source: ['lambda'] });
    await events.send(new PutRuleCommand({ Name: 'all', EventBusName: 'results', EventPattern: pattern }));
    const Targets = [{ Id: 'queue', Arn: queueArn('of-bus') }];
    await events.send(new PutTargetsCommand({ Rule: 'all', EventBusName: 'results', Targets }));
    await create('to-bus', { OnSuccess: EventBusArn, OnFailure: EventBusArn });
    const requestId = await send('to-bus', 1);
    const event = JSON.parse((await next(queue)).Body ?? '');
    assert.equal(event['detail-type'], 'Lambda Function Invocation Result - Success');
    assert.equal(event.source, 'lambda');
    assert.deepEqual(event.resources, [EventBusArn, `${ARN}:to-bus:$LATEST`]);
    checkSuccess(JSON.stringify(event.detail), 'to-bus', requestId, 1);
    await send('to-bus', { fail: 'no' });
    const failure = JSON.parse((await next(queue)).Body ?? '');
    assert.equal(failure['detail-type'], 'Lambda Function Invocation Result - Failure');
    events.destroy();
  });

  it('put the record of a failure into a bucket under its key', async () => {
    const s3 = new S3Client({ ...settings, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'failures' }));
    await create('to-s3', { OnFailure: 'arn:aws:s3:::failures' });
    const requestId = await send('to-s3', { fail: 'x'.repeat(300_000) });
    const Key = await eventually(async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'failures' }));
      return Contents[0]?.Key;
    });
    assert.match(
      Key,
      /^aws\/lambda\/async\/to-s3\/(\d{4})\/(\d\d)\/(\d\d)\/\1-\2-\3T\d\d\.\d\d\.\d\d-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    );
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'failures', Key }));
    const record = JSON.parse((await Body?.transformToString()) ?? '');
    assert.equal(record.requestContext.requestId, requestId);
    assert.equal(record.requestPayload.fail.length, 300_000);
    s3.destroy();
  });

  it('that refuse for good are given up and said; those that are away are waited for, over a restart too', async () => {
    const queue = await makeQueue('patient');
    await create('gone', { OnFailure: queueArn('bad'), OnSuccess: queueArn('patient') }, queueArn('dead'));
    await createFunction(client, 'fifo', { files: SOURCE });
    const fifo = { OnSuccess: { Destination: `arn:aws:sns:${REGION}:${MOTO_ACCOUNT}:topic.fifo` } };
    const sns = new SNSClient(settings);
    await sns.send(new CreateTopicCommand({ Name: 'topic.fifo', Attributes: { FifoTopic: 'true' } }));
    sns.destroy();
    await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: 'fifo', DestinationConfig: fifo }));
    await send('fifo', 1);
    await eventually(async () => /topic\.fifo: FIFO queues and topics/.exec(server.stderr()) ?? undefined);

    await server.stop();
    server = await start('http://127.0.0.1:1');
    client = server.client();
    const requestId = await send('gone', { n: 2 });
    await advance(0);
    await server.kill();
    server = await start();
    client = server.client();
    await advance(300);
    checkSuccess((await next(queue)).Body ?? '', 'gone', requestId, { n: 2 });
  });

  it('without an endpoint are said to have no effect, and nothing waits for them', async () => {
    await server.stop();
    server = await startTestServer({ dataDir, args: FLAGS });
    client = server.client();
    await send('to-bus', 1);
    await send('to-sqs', { fail: 'no' });
    const said = (text: string) =>
      eventually(async () => (server.stderr().includes(text) ? true : undefined)).catch(() => assert.fail(text));
    await said(
      `${ARN}:to-bus:$LATEST: DestinationConfig is kept and has no effect: AWS_ENDPOINT_URL_EVENTBRIDGE is not set`,
    );
    await said(`${ARN}:to-sqs:$LATEST: DeadLetterConfig is kept and has no effect: AWS_ENDPOINT_URL_SQS is not set`);
  });
});

function attributesOf(message: Message): Record<string, [string | undefined, string | undefined]> {
  const entries = Object.entries(message.MessageAttributes ?? {});
  return Object.fromEntries(entries.map(([name, { DataType, StringValue }]) => [name, [DataType, StringValue]]));
}
