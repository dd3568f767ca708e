/** The queues and the stream whose records are counted: servers that outlive lambdad, filled and drained by the test. */
import assert from 'node:assert/strict';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type Calls, callsOf } from '../sources/aws-double.ts';
import { type ElasticMq, startElasticMq } from '../support/elasticmq.ts';
import { type KinesisLocal, startKinesisLocal } from '../support/kinesis-local.ts';
import type { GivenUp } from './judgement.ts';
import type { MappingName } from './ledger.ts';

const ACCOUNT = '000000000000';
const SEND_MAX = 10;
const PUT_MAX = 500;
/** Handed out so often, a message goes to the dead letter queue. */
const RECEIVES_MAX = 3;
const POLL_MS = 50;

interface Queue {
  readonly url: string;
  readonly arn: string;
}

export interface SourcesOptions {
  readonly shards: number;
  readonly keys: Readonly<Record<MappingName, number>>;
  readonly visibilityS: number;
}

export class CountedSources {
  readonly put: Record<MappingName, number> = { standard: 0, fifo: 0, stream: 0 };
  readonly dead = { standard: new Set<number>(), fifo: new Set<number>() };
  readonly givenUp: GivenUp[] = [];
  readonly arns: Record<MappingName | 'givenUp', string>;
  readonly #options: SourcesOptions;
  readonly #servers: readonly [ElasticMq, KinesisLocal];
  readonly #sqs: SQSClient;
  readonly #kinesis: Calls;
  readonly #urls: Record<'standard' | 'fifo', string>;
  readonly #drains: Promise<void>[];
  #isClosing = false;

  private constructor(
    options: SourcesOptions,
    servers: readonly [ElasticMq, KinesisLocal],
    sqs: SQSClient,
    queues: Record<'standard' | 'fifo' | 'deadStandard' | 'deadFifo' | 'givenUp', Queue>,
    streamArn: string,
  ) {
    this.#options = options;
    this.#servers = servers;
    this.#sqs = sqs;
    this.#kinesis = callsOf(servers[1].url, 'kinesis', ACCOUNT);
    const { standard, fifo, deadStandard, deadFifo, givenUp } = queues;
    this.#urls = { standard: standard.url, fifo: fifo.url };
    this.arns = { standard: standard.arn, fifo: fifo.arn, stream: streamArn, givenUp: givenUp.arn };
    this.#drains = [
      this.#drain(deadStandard, ({ Body }) => this.dead.standard.add(Number(Body))),
      this.#drain(deadFifo, ({ Body }) => this.dead.fifo.add(Number(Body))),
      this.#drain(givenUp, ({ Body }) => this.givenUp.push(givenUpIn(Body))),
    ];
  }

  static async open(options: SourcesOptions): Promise<CountedSources> {
    const servers = await Promise.all([startElasticMq(), startKinesisLocal()]);
    const sqs = new SQSClient({
      endpoint: servers[0].url,
      region: 'us-east-1',
      credentials: { accessKeyId: ACCOUNT, secretAccessKey: 'x' },
      useQueueUrlAsEndpoint: false,
    });
    const make = async (QueueName: string, dead?: Queue): Promise<Queue> => {
      const Attributes = {
        VisibilityTimeout: String(options.visibilityS),
        ...(QueueName.endsWith('.fifo') ? { FifoQueue: 'true' } : {}),
        ...(dead
          ? { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: String(RECEIVES_MAX) }) }
          : {}),
      };
      const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      const asked = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] });
      return { url, arn: (await sqs.send(asked)).Attributes?.['QueueArn'] ?? '' };
    };
    const [deadStandard, deadFifo, givenUp] = await Promise.all([make('dead'), make('dead.fifo'), make('given-up')]);
    const [standard, fifo] = await Promise.all([make('jobs', deadStandard), make('jobs.fifo', deadFifo)]);
    const streamArn = await makeStream(callsOf(servers[1].url, 'kinesis', ACCOUNT), options.shards);
    return new CountedSources(options, servers, sqs, { standard, fifo, deadStandard, deadFifo, givenUp }, streamArn);
  }

  /** Variables of a server that reads them. */
  get environment(): Record<string, string> {
    const [{ url: sqs }, { url: kinesis }] = this.#servers;
    return { AWS_ENDPOINT_URL_SQS: sqs, AWS_ENDPOINT_URL_KINESIS: kinesis };
  }

  /** Puts what is missing of so many into each source; keys take turns. */
  async fillTo(counts: Readonly<Record<MappingName, number>>): Promise<void> {
    await Promise.all([this.#send('standard', counts), this.#send('fifo', counts), this.#putRecords(counts)]);
  }

  /** Messages that are still in the queue, whoever has them in hand. */
  async waiting(name: 'standard' | 'fifo'): Promise<number> {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const asked = new GetQueueAttributesCommand({ QueueUrl: this.#urls[name], AttributeNames: [...AttributeNames] });
    const { Attributes = {} } = await this.#sqs.send(asked);
    return AttributeNames.reduce((sum, attribute) => sum + Number(Attributes[attribute]), 0);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#drains);
    this.#sqs.destroy();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  async #send(name: 'standard' | 'fifo', counts: Readonly<Record<MappingName, number>>): Promise<void> {
    while (this.put[name] < counts[name]) {
      const count = Math.min(SEND_MAX, counts[name] - this.put[name]);
      const Entries = Array.from({ length: count }, (_, at) => {
        const n = this.put[name] + at;
        const group = { MessageGroupId: `group-${n % this.#options.keys.fifo}`, MessageDeduplicationId: String(n) };
        return { Id: String(n), MessageBody: String(n), ...(name === 'fifo' ? group : {}) };
      });
      const { Failed = [] } = await this.#sqs.send(
        new SendMessageBatchCommand({ QueueUrl: this.#urls[name], Entries }),
      );
      assert.deepEqual(Failed, []);
      this.put[name] += count;
    }
  }

  async #putRecords(counts: Readonly<Record<MappingName, number>>): Promise<void> {
    while (this.put.stream < counts.stream) {
      const count = Math.min(PUT_MAX, counts.stream - this.put.stream);
      const Records = Array.from({ length: count }, (_, at) => {
        const n = this.put.stream + at;
        const Data = Buffer.from(String(n)).toString('base64');
        return { PartitionKey: `key-${n % this.#options.keys.stream}`, Data };
      });
      const { FailedRecordCount } = await this.#kinesis('PutRecords', { StreamName: 'records', Records });
      assert.ok(!FailedRecordCount);
      this.put.stream += count;
    }
  }

  /** Takes whatever comes into a queue, until the sources are closed. */
  async #drain({ url: QueueUrl }: Queue, take: (message: Message) => void): Promise<void> {
    while (!this.#isClosing) {
      const asked = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MaxNumberOfMessages: SEND_MAX });
      const { Messages = [] } = await this.#sqs.send(asked);
      if (Messages.length === 0) continue;
      for (const message of Messages) take(message);
      const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
      await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
}

async function makeStream(kinesis: Calls, ShardCount: number): Promise<string> {
  const StreamName = 'records';
  await kinesis('CreateStream', { StreamName, ShardCount });
  for (;;) {
    const { StreamDescriptionSummary: summary } = await kinesis('DescribeStreamSummary', { StreamName });
    const { StreamStatus, StreamARN = '' } = summary as Record<string, string>;
    if (StreamStatus === 'ACTIVE') return StreamARN;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function givenUpIn(body = ''): GivenUp {
  const { requestContext, KinesisBatchInfo: info } = JSON.parse(body);
  return {
    requestId: requestContext.requestId,
    shardId: info.shardId,
    first: BigInt(info.startSequenceNumber),
    last: BigInt(info.endSequenceNumber),
    batchSize: info.batchSize,
  };
}
