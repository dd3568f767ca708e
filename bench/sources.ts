/**
 * Messages of an SQS queue to a handler: our delivery against a bare consumer on the same client that has as many reads on
 * their way, reads as many at a time, calls the same handler and deletes. Both handlers are in this process.
 */
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { systemClock } from '../src/base/clock.ts';
import { randomIds } from '../src/base/ids.ts';
import { linkTo } from '../src/neighbours/link.ts';
import { sqsSource } from '../src/pollers/sqs.ts';
import { QueueDelivery } from '../src/sources/queue-delivery.ts';
import { startElasticMq } from '../test/support/elasticmq.ts';
import { type Row, row } from './statistics.ts';

const BLOCKS = 3;
const MESSAGES = 2_000;
const BATCH_SIZE = 10;
const MESSAGE_BYTES = 512;
/** What a queue's delivery begins with, and is held to here. */
const CONCURRENCY = 5;
const NAMESPACE = { account: '000000000000', region: 'us-east-1' };
const PAYLOAD = Buffer.from('null');

type Handle = (event: Uint8Array) => Promise<void>;
type Consume = (handle: Handle, signal: AbortSignal) => Promise<void>;

export async function benchSources(): Promise<Row[]> {
  const server = await startElasticMq();
  const client = new SQSClient({
    endpoint: server.url,
    region: NAMESPACE.region,
    credentials: { accessKeyId: NAMESPACE.account, secretAccessKey: 'bench' },
    useQueueUrlAsEndpoint: false,
  });
  try {
    const blocks: { ours: number; bare: number }[] = [];
    // The first is for warming up.
    for (let block = 0; block <= BLOCKS; block++) {
      const pair = {
        ours: await measure(client, `ours-${block}`, (_, arn) => ours(server.url, arn)),
        bare: await measure(client, `bare-${block}`, (url) => bare(client, url)),
      };
      if (block > 0) blocks.push(pair);
    }
    return [row(`SQS, ${CONCURRENCY} batches of ${BATCH_SIZE} at once`, 'messages/s', '≥ 0.7', blocks)];
  } finally {
    client.destroy();
    await server.stop();
  }
}

/**
 * Messages a second, from the start until all are handled and deleted. Each measure has a queue of its own: the server goes on
 * serving polls that were given up, and would hand the next one's messages to nobody.
 */
async function measure(
  client: SQSClient,
  QueueName: string,
  consumer: (queueUrl: string, arn: string) => Consume,
): Promise<number> {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName }));
  const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
  const arn = (await client.send(asked)).Attributes?.['QueueArn'] ?? '';
  await fill(client, QueueUrl);
  const consume = consumer(QueueUrl, arn);
  const stop = new AbortController();
  let left = MESSAGES;
  const startedMs = performance.now();
  await consume(async (event) => {
    const { Records } = JSON.parse(Buffer.from(event).toString()) as { readonly Records: readonly unknown[] };
    left -= Records.length;
    if (left <= 0) stop.abort();
  }, stop.signal);
  const perSecond = (MESSAGES * 1000) / (performance.now() - startedMs);
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
  );
  const isEmpty = AttributeNames.every((name) => Attributes?.[name] === '0');
  if (!isEmpty) throw new Error(`messages are left: ${JSON.stringify(Attributes)}`);
  return perSecond;
}

async function fill(client: SQSClient, QueueUrl: string): Promise<void> {
  const MessageBody = 'x'.repeat(MESSAGE_BYTES);
  for (let n = 0; n < MESSAGES; n += BATCH_SIZE) {
    const Entries = Array.from({ length: BATCH_SIZE }, (_, at) => ({ Id: String(at), MessageBody }));
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
}

function ours(url: string, arn: string): Consume {
  const link = linkTo('sqs', { endpoints: { sqs: url } });
  if (link === undefined) throw new Error('no address');
  const source = { kind: 'sqs', arn } as const;
  return async (handle, signal) => {
    const connection = sqsSource(link).connect(NAMESPACE, source);
    await new QueueDelivery().run({
      namespace: NAMESPACE,
      mapping: {
        uuid: randomIds.uuid(),
        source,
        functionName: 'f',
        settings: { BatchSize: BATCH_SIZE, ScalingConfig: { MaximumConcurrency: CONCURRENCY } },
        tags: {},
        enabled: true,
        status: { state: 'Enabled', reason: 'USER_INITIATED', sinceMs: 0 },
      },
      connection,
      clock: systemClock,
      ids: randomIds,
      signal,
      passes: () => true,
      async invoke(event) {
        await handle(event);
        return { type: 'answered', requestId: '', functionArn: '', executedVersion: '$LATEST', payload: PAYLOAD };
      },
      count: () => {},
      age: () => {},
      opened: () => {},
      report: () => {},
      note: (line) => console.error(line),
    });
    connection.close();
  };
}

function bare(client: SQSClient, QueueUrl: string): Consume {
  const loop = async (handle: Handle, abortSignal: AbortSignal) => {
    const receive = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: BATCH_SIZE,
      WaitTimeSeconds: 20,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    while (!abortSignal.aborted) {
      const answer = await client.send(receive, { abortSignal }).catch((error: unknown) => {
        if (!abortSignal.aborted) throw error;
      });
      const messages = answer?.Messages ?? [];
      if (messages.length === 0) continue;
      await handle(Buffer.from(JSON.stringify({ Records: messages })));
      const Entries = messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
  return async (handle, signal) => {
    await Promise.all(Array.from({ length: CONCURRENCY }, () => loop(handle, signal)));
  };
}
