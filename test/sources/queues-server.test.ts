/** Queues of ElasticMQ and moto behind functions of the server: everything through public doors. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  DeleteFunctionConcurrencyCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Entry, type Ledger, startLedger, tellingFunction } from '../async/ledger.ts';
import { skipWithoutElasticMq, startElasticMq } from '../support/elasticmq.ts';
import { createFunction } from '../support/functions.ts';
import { skipWithoutMoto, startMoto } from '../support/moto.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const WAIT_MS_MAX = 60_000;

const doubles = [
  { name: 'moto', skip: skipWithoutMoto, start: () => startMoto(), account: '123456789012' },
  { name: 'ElasticMQ', skip: skipWithoutElasticMq, start: startElasticMq, account: '000000000000' },
] as const;

interface SeenRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly md5OfBody: string;
  readonly md5OfMessageAttributes?: string;
  readonly messageAttributes: unknown;
}

for (const { name, skip, start, account } of doubles)
  describe(`mappings from queues of ${name}`, { skip: skip(), timeout: 480_000 }, () => {
    let double: Awaited<ReturnType<typeof start>>;
    let ledger: Ledger;
    let server: TestServer;
    let lambda: LambdaClient;
    let sqs: SQSClient;

    before(async () => {
      [double, ledger] = await Promise.all([start(), startLedger()]);
      const credentials = { accessKeyId: account, secretAccessKey: 'x' };
      sqs = new SQSClient({ endpoint: double.url, region: 'us-east-1', credentials, useQueueUrlAsEndpoint: false });
      server = await startTestServer({
        args: ['--sandbox', 'process'],
        env: { AWS_ENDPOINT_URL_SQS: double.url },
      });
      lambda = server.client({ region: 'us-east-1', credentials });
    });

    after(async () => {
      sqs?.destroy();
      await server?.stop();
      await Promise.all([double?.stop(), ledger?.close()]);
    });

    async function queue(QueueName: string, Attributes: Record<string, string> = {}) {
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
      return { QueueUrl, arn: (await sqs.send(asked)).Attributes?.['QueueArn'] ?? '' };
    }

    async function until(isThere: () => Promise<boolean> | boolean): Promise<void> {
      for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
        if (await isThere()) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`not within ${WAIT_MS_MAX / 1000} s`);
    }

    const stateIs = (UUID: string, state: string) =>
      until(async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === state);

    const isEmpty = (QueueUrl: string | undefined) =>
      until(async () => {
        const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
        const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] });
        const { Attributes } = await sqs.send(asked);
        return names.every((each) => Attributes?.[each] === '0');
      });

    async function mapped(
      name: string,
      EventSourceArn: string,
      settings: Partial<CreateEventSourceMappingCommandInput> = {},
    ): Promise<string> {
      await createFunction(lambda, name, { files: tellingFunction(ledger.url) });
      const input = { FunctionName: name, EventSourceArn, ...settings };
      const { UUID = '' } = await lambda.send(new CreateEventSourceMappingCommand(input));
      await stateIs(UUID, 'Enabled');
      return UUID;
    }

    const seen = (arn: string) =>
      ledger.entries.flatMap(({ event }) =>
        (event as { Records: (SeenRecord & { eventSourceARN: string })[] }).Records.filter(
          ({ eventSourceARN }) => eventSourceARN === arn,
        ),
      );

    it('give the function each message in the form of AWS, its keys in order', async () => {
      const { QueueUrl, arn } = await queue('form');
      await mapped('form', arn);
      const MessageAttributes = {
        n: { DataType: 'Number', StringValue: '7' },
        raw: { DataType: 'Binary', BinaryValue: Buffer.from('ü') },
      };
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"ü":1}', MessageAttributes }));
      await until(() => seen(arn).length === 1);
      const record = seen(arn)[0] ?? assert.fail('nothing came');
      const { messageId, receiptHandle, md5OfBody, md5OfMessageAttributes, attributes } = record;
      assert.equal(attributes['ApproximateReceiveCount'], '1');
      assert.match(attributes['SentTimestamp'] ?? '', /^\d{13}$/);
      const { messageAttributes, ...rest } = record;
      assert.deepEqual(messageAttributes, {
        n: { stringValue: '7', stringListValues: [], binaryListValues: [], dataType: 'Number' },
        raw: { binaryValue: 'w7w=', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
      });
      assert.deepEqual(rest, {
        messageId,
        receiptHandle,
        body: '{"ü":1}',
        attributes,
        md5OfMessageAttributes,
        md5OfBody,
        eventSource: 'aws:sqs',
        eventSourceARN: arn,
        awsRegion: 'us-east-1',
      });
      await isEmpty(QueueUrl);
    });

    // moto hands out later messages of a group while earlier ones are in flight, when several ask at once.
    const inOrder = name === 'moto' ? () => {} : it;
    inOrder('give each group of a FIFO queue in order', async () => {
      const { QueueUrl, arn } = await queue('ordered.fifo', { FifoQueue: 'true', ContentBasedDeduplication: 'true' });
      await mapped('ordered', arn, { BatchSize: 3 });
      const groups = ['a', 'b', 'c'];
      for (let n = 0; n < 8; n++)
        for (const MessageGroupId of groups)
          await sqs.send(new SendMessageCommand({ QueueUrl, MessageGroupId, MessageBody: `${MessageGroupId}${n}` }));
      await until(() => seen(arn).length >= 24);
      const bodies = seen(arn).map(({ body }) => body);
      for (const group of groups)
        assert.deepEqual(
          bodies.filter((body) => body.startsWith(group)),
          Array.from({ length: 8 }, (_, n) => `${group}${n}`),
        );
      await isEmpty(QueueUrl);
    });

    inOrder('keep back a group whose message failed until it succeeded', async () => {
      const settings = { FifoQueue: 'true', ContentBasedDeduplication: 'true', VisibilityTimeout: '3' };
      const { QueueUrl, arn } = await queue('failing.fifo', settings);
      let failures = 0;
      ledger.judge = ({ event }: Entry) => {
        const isFirst = (event as { Records: SeenRecord[] }).Records.some(({ body }) => body === 'a0');
        return isFirst && failures++ < 2 ? { error: 'not yet' } : { result: 'done' };
      };
      await mapped('failing', arn, { BatchSize: 1 });
      for (const body of ['a0', 'a1', 'b0', 'a2']) {
        const MessageGroupId = body.slice(0, 1);
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageGroupId, MessageBody: body }));
      }
      await until(() => seen(arn).length >= 6);
      const bodies = seen(arn).map(({ body }) => body);
      assert.deepEqual(
        bodies.filter((body) => body !== 'b0'),
        ['a0', 'a0', 'a0', 'a1', 'a2'],
      );
      assert.ok(bodies.includes('b0'));
      await isEmpty(QueueUrl);
    });

    it('hold what finds no slot, and deliver it when there is one, as received once', async () => {
      const { QueueUrl, arn } = await queue('throttled', { VisibilityTimeout: '120' });
      await mapped('throttled', arn);
      const FunctionName = 'throttled';
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'held' }));
      await until(async () => {
        const asked = { QueueUrl, AttributeNames: ['ApproximateNumberOfMessagesNotVisible' as const] };
        const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
        return Attributes?.['ApproximateNumberOfMessagesNotVisible'] === '1';
      });
      assert.equal(seen(arn).length, 0);
      await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      await until(() => seen(arn).length > 0);
      assert.deepEqual(
        seen(arn).map(({ attributes }) => attributes['ApproximateReceiveCount']),
        ['1'],
      );
      await isEmpty(QueueUrl);
    });

    it('gather a batch for as long as its window', async () => {
      const { QueueUrl, arn } = await queue('window');
      const limits = { ScalingConfig: { MaximumConcurrency: 2 }, MaximumBatchingWindowInSeconds: 300 };
      await mapped('window', arn, { ...limits, BatchSize: 3 });
      // Five are in the hands of two lanes: whatever each got, one of them has three.
      for (const MessageBody of ['1', '2', '3', '4', '5'])
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
      await until(() => seen(arn).length > 0);
      assert.equal(seen(arn).length, 3);
    });

    it('delete what their filters do not let through', async () => {
      const { QueueUrl, arn } = await queue('filtered');
      const FilterCriteria = { Filters: [{ Pattern: '{"body":{"wanted":[true]}}' }] };
      await mapped('filtered', arn, { FilterCriteria });
      for (const MessageBody of ['{"wanted":false}', 'no JSON', '{"wanted":true}'])
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
      await isEmpty(QueueUrl);
      assert.deepEqual(
        seen(arn).map(({ body }) => body),
        ['{"wanted":true}'],
      );
    });

    it('leave messages alone while disabled and when deleted', async () => {
      const { QueueUrl, arn } = await queue('paused', { VisibilityTimeout: '5' });
      const UUID = await mapped('paused', arn);
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
      await stateIs(UUID, 'Disabled');
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'later' }));
      assert.equal(seen(arn).length, 0);
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
      await until(() => seen(arn).length === 1);
      await isEmpty(QueueUrl);
      await stateIs(UUID, 'Enabled');
      await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
      await until(async () => {
        const gone = await lambda.send(new GetEventSourceMappingCommand({ UUID })).catch((error: Error) => error.name);
        return gone === 'ResourceNotFoundException';
      });
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'never' }));
      assert.equal(seen(arn).length, 1);
    });
  });
