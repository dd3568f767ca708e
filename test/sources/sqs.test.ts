/** Queues of real servers, a real function, and lambdad between them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { skipWithoutElasticMq, startElasticMq } from '../support/elasticmq.ts';
import { createFunction } from '../support/functions.ts';
import { skipWithoutMoto, startMoto } from '../support/moto.ts';
import { startTestServer } from '../support/server.ts';

const HANDLER = `export const handler = async ({ Records }) => {
  for (const record of Records) console.log('got ' + JSON.stringify(record));
  return { batchItemFailures: Records.filter(({ body }) => body === 'bad').map(({ messageId }) => ({ itemIdentifier: messageId })) };
};`;

const WAIT_MS_MAX = 60_000;

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('nothing came');
}

const doubles = [
  { name: 'moto', skip: skipWithoutMoto, start: () => startMoto(), account: '123456789012' },
  { name: 'ElasticMQ', skip: skipWithoutElasticMq, start: startElasticMq, account: '000000000000' },
] as const;

for (const { name, skip, start, account } of doubles)
  describe(`queues of ${name}`, { skip: skip() }, () => {
    test('a message reaches the function and is deleted; one that it names as failed goes where the queue says', async () => {
      const double = await start();
      const server = await startTestServer({ env: { AWS_ENDPOINT_URL_SQS: double.url } });
      const credentials = { accessKeyId: account, secretAccessKey: 'x' };
      const sqs = new SQSClient({
        endpoint: double.url,
        region: 'us-east-1',
        credentials,
        useQueueUrlAsEndpoint: false,
      });
      try {
        const lambda = server.client({ region: 'us-east-1', credentials });
        const make = async (QueueName: string, Attributes: Record<string, string>) => {
          const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
          const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
          return { QueueUrl, arn: (await sqs.send(asked)).Attributes?.['QueueArn'] ?? '' };
        };
        const dead = await make('dead', {});
        const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: '1' });
        const jobs = await make('jobs', { VisibilityTimeout: '3', RedrivePolicy });
        await createFunction(lambda, 'worker', { files: { 'index.mjs': HANDLER } });
        const { UUID } = await lambda.send(
          new CreateEventSourceMappingCommand({
            FunctionName: 'worker',
            EventSourceArn: jobs.arn,
            FunctionResponseTypes: ['ReportBatchItemFailures'],
          }),
        );
        await until(async () => {
          const { State } = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
          return State === 'Enabled' ? State : undefined;
        });
        for (const MessageBody of ['good', 'bad'])
          await sqs.send(new SendMessageCommand({ QueueUrl: jobs.QueueUrl, MessageBody }));
        const failed = await until(async () => {
          const { Messages } = await sqs.send(
            new ReceiveMessageCommand({ QueueUrl: dead.QueueUrl, WaitTimeSeconds: 1 }),
          );
          return Messages?.[0];
        });
        assert.equal(failed.Body, 'bad');
        const attributes = await sqs.send(
          new GetQueueAttributesCommand({ QueueUrl: jobs.QueueUrl, AttributeNames: ['All'] }),
        );
        assert.equal(attributes.Attributes?.['ApproximateNumberOfMessages'], '0');
        assert.equal(attributes.Attributes?.['ApproximateNumberOfMessagesNotVisible'], '0');
      } finally {
        sqs.destroy();
        await server.stop();
        await double.stop();
      }
    });
  });
