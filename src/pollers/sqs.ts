/** SQS queues as a source (lambda-facts 8.3, 8.5): standard and FIFO, read by long polling. */
import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { ask, type Link } from '../neighbours/link.ts';
import type { Asker } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import { inRegion, sdkClients } from '../neighbours/sdk-clients.ts';
import type { Source } from '../sources/source-kind.ts';
import type { ReadRequest, SourceAdapter, SourceConnection, SourceRecord } from '../sources/source-port.ts';
import { queueTrouble } from './queue-trouble.ts';
import { ReadGate } from './read-gate.ts';

/** SQS holds an answer back for so long, and hands out and takes back so many messages at a time. */
const POLL_MS_MAX = 20_000;
const ENTRIES_MAX = 10;
/** Ten messages of 1 MiB, as JSON that may write a byte as six, do not all come at once in practice: SQS answers less. */
const ANSWER_BYTES_MAX = 20_971_520;
/** Questions of one acknowledgement that are on their way at the same time. */
const ASKED_AT_ONCE = 8;
/** Long polls of all queues together that hold a connection; more take turns, and then shorter ones. */
const READS_MAX = 200;
const CROWDED_POLL_MS = 1_000;

type Clients = (asker: Asker) => Promise<SQSClient>;

interface Tools {
  readonly link: Link;
  readonly clients: Clients;
  /** Reading has connections of its own: what is done with may not wait for a poll to end. */
  readonly readLink: Link;
  readonly readClients: Clients;
  readonly gate: ReadGate;
}

export function sqsSource(link: Link): SourceAdapter {
  const readLink: Link = { ...link, answerMsMax: link.answerMsMax + POLL_MS_MAX, answerBytesMax: ANSWER_BYTES_MAX };
  const load = async () => {
    const { SQSClient: Client } = await import('@aws-sdk/client-sqs');
    // The queue's own URL may carry a name under which only the double itself knows its address. The client's digests
    // of bodies are off: one that is wrong fails the whole answer, whose messages then come again and again and hold up
    // all others; what is on the way is guarded by TCP or TLS already, and functions see the queue's digest.
    return (settings: ConstructorParameters<typeof Client>[0] & object) =>
      new Client({ ...settings, useQueueUrlAsEndpoint: false, md5: false });
  };
  const tools: Tools = {
    link,
    clients: sdkClients(link, load),
    readLink,
    readClients: sdkClients(readLink, load),
    gate: new ReadGate(READS_MAX),
  };
  return { connect: (asker, source) => connect(tools, asker, source) };
}

function connect(tools: Tools, asker: Asker, { arn = '' }: Source): SourceConnection {
  const parts = partsOfArn(arn);
  const place = inRegion(asker, parts.region);
  const about = { eventSource: 'aws:sqs', eventSourceARN: arn, awsRegion: place.region };
  const queue = new Queue(tools, place, parts);
  return {
    partitions: async () => [{ id: '', parentIds: [] }],
    open: async () => ({
      async read(request) {
        const messages = await queue.receive(request);
        return { records: messages.map((message) => recordOf(message, about)), isEnd: false };
      },
    }),
    acknowledge: (records) => queue.remove(records),
    release: (records, afterMs) => queue.show(records, afterMs),
    hiddenMs: (signal) => queue.hiddenMs(signal),
    close() {},
  };
}

/** One queue and what is asked of it; refusals come as SourceTrouble. */
class Queue {
  readonly #tools: Tools;
  readonly #place: Asker;
  readonly #parts: ReturnType<typeof partsOfArn>;
  #url: Promise<string> | undefined;

  constructor(tools: Tools, place: Asker, parts: ReturnType<typeof partsOfArn>) {
    this.#tools = tools;
    this.#place = place;
    this.#parts = parts;
  }

  async receive(request: ReadRequest): Promise<readonly Message[]> {
    const { gate } = this.#tools;
    try {
      await gate.enter(request.signal);
      try {
        const waitMs = gate.isCrowded ? Math.min(request.waitMs, CROWDED_POLL_MS) : request.waitMs;
        return await this.#receive({ ...request, waitMs });
      } finally {
        gate.leave();
      }
    } catch (error) {
      // A queue that was made again has another address.
      this.#url = undefined;
      throw queueTrouble(error, 'ReceiveMessage');
    }
  }

  async #receive({ recordsMax, waitMs, hiddenMs, signal }: ReadRequest): Promise<readonly Message[]> {
    const { ReceiveMessageCommand } = await import('@aws-sdk/client-sqs');
    const { readLink, readClients } = this.#tools;
    const QueueUrl = await this.#urlOf();
    const client = await readClients(this.#place);
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: Math.min(recordsMax, ENTRIES_MAX),
      WaitTimeSeconds: Math.ceil(Math.min(waitMs, POLL_MS_MAX) / 1000),
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...(hiddenMs === undefined ? {} : { VisibilityTimeout: Math.ceil(hiddenMs / 1000) }),
    });
    const { Messages = [] } = await ask(readLink, 'ReceiveMessage', (limit) =>
      client.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
    );
    return Messages;
  }

  /** Resolves with those that are still there, whatever the reason. */
  async remove(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    const { DeleteMessageBatchCommand } = await import('@aws-sdk/client-sqs');
    const { link, clients } = this.#tools;
    const left = await inParts(records, async (some) => {
      const [QueueUrl, client] = await Promise.all([this.#urlOf(), clients(this.#place)]);
      const command = new DeleteMessageBatchCommand({ QueueUrl, Entries: entriesOf(some) });
      const { Failed = [] } = await ask(link, 'DeleteMessageBatch', (abortSignal) =>
        client.send(command, { abortSignal }),
      );
      return some.filter((_, at) => Failed.some(({ Id }) => Id === String(at)));
    });
    return left.flatMap(({ some, outcome }) => (Array.isArray(outcome) ? outcome : some));
  }

  async show(records: readonly SourceRecord[], afterMs: number): Promise<void> {
    const { ChangeMessageVisibilityBatchCommand } = await import('@aws-sdk/client-sqs');
    const { link, clients } = this.#tools;
    const VisibilityTimeout = Math.ceil(afterMs / 1000);
    const told = await inParts(records, async (some) => {
      const [QueueUrl, client] = await Promise.all([this.#urlOf(), clients(this.#place)]);
      const Entries = entriesOf(some).map((entry) => ({ ...entry, VisibilityTimeout }));
      const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries });
      await ask(link, 'ChangeMessageVisibilityBatch', (abortSignal) => client.send(command, { abortSignal }));
    });
    const trouble = told.find(({ outcome }) => outcome instanceof Error);
    if (trouble !== undefined) throw queueTrouble(trouble.outcome, 'ChangeMessageVisibility');
  }

  async hiddenMs(signal: AbortSignal): Promise<number> {
    const { GetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
    const { link, clients } = this.#tools;
    try {
      const [QueueUrl, client] = await Promise.all([this.#urlOf(), clients(this.#place)]);
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['VisibilityTimeout'] });
      const { Attributes = {} } = await ask(link, 'GetQueueAttributes', (limit) =>
        client.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
      );
      const seconds = Number(Attributes['VisibilityTimeout']);
      if (!Number.isFinite(seconds)) throw new Error('the queue names no VisibilityTimeout');
      return seconds * 1000;
    } catch (error) {
      throw queueTrouble(error, 'GetQueueAttributes');
    }
  }

  /** The queue's address, asked for once. */
  #urlOf(): Promise<string> {
    this.#url ??= findUrl(this.#tools, this.#place, this.#parts).catch((error: unknown) => {
      this.#url = undefined;
      throw error;
    });
    return this.#url;
  }
}

async function findUrl(tools: Tools, place: Asker, parts: ReturnType<typeof partsOfArn>): Promise<string> {
  const { GetQueueUrlCommand } = await import('@aws-sdk/client-sqs');
  const client = await tools.clients(place);
  const command = new GetQueueUrlCommand({
    QueueName: parts.resource,
    ...(parts.account === '' ? {} : { QueueOwnerAWSAccountId: parts.account }),
  });
  const { QueueUrl = '' } = await ask(tools.link, 'GetQueueUrl', (abortSignal) =>
    client.send(command, { abortSignal }),
  );
  return QueueUrl;
}

interface Part<T> {
  readonly some: readonly SourceRecord[];
  /** What came of it, or why nothing did. */
  readonly outcome: T | Error;
}

/** Asks about all of them, ten at a time, whatever becomes of one part. */
async function inParts<T>(
  records: readonly SourceRecord[],
  asking: (some: readonly SourceRecord[]) => Promise<T>,
): Promise<Part<T>[]> {
  const parts: (readonly SourceRecord[])[] = [];
  for (let at = 0; at < records.length; at += ENTRIES_MAX) parts.push(records.slice(at, at + ENTRIES_MAX));
  const told: Part<T>[] = [];
  for (let at = 0; at < parts.length; at += ASKED_AT_ONCE) {
    const together = parts.slice(at, at + ASKED_AT_ONCE).map(async (some): Promise<Part<T>> => {
      const outcome = await asking(some).catch((error: Error) => error);
      return { some, outcome };
    });
    told.push(...(await Promise.all(together)));
  }
  return told;
}

function entriesOf(records: readonly SourceRecord[]) {
  return records.map(({ receipt }, at) => ({ Id: String(at), ReceiptHandle: receipt }));
}

/** In the order in which AWS shows them; others are not shown to functions. */
const SYSTEM_ATTRIBUTES = [
  'ApproximateReceiveCount',
  'AWSTraceHeader',
  'SentTimestamp',
  'SequenceNumber',
  'MessageGroupId',
  'SenderId',
  'MessageDeduplicationId',
  'ApproximateFirstReceiveTimestamp',
  'DeadLetterQueueSourceArn',
] as const;

type About = { readonly eventSource: string; readonly eventSourceARN: string; readonly awsRegion: string };

function recordOf(message: Message, about: About): SourceRecord {
  const { MessageId: id = '', ReceiptHandle: receipt = '', Body: body = '', Attributes = {} } = message;
  const { MessageAttributes = {}, MD5OfBody, MD5OfMessageAttributes } = message;
  const attributes = Object.fromEntries(
    SYSTEM_ATTRIBUTES.flatMap((name) => (Attributes[name] === undefined ? [] : [[name, Attributes[name]]])),
  );
  const event = {
    messageId: id,
    receiptHandle: receipt,
    body,
    attributes,
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, value]) => [name, attributeOf(value)]),
    ),
    md5OfBody: MD5OfBody,
    ...(MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: MD5OfMessageAttributes }),
    ...about,
  };
  const { AWSTraceHeader: traceHeader, MessageGroupId } = Attributes;
  // A standard queue's groups share it fairly and have no order.
  const orderKey = about.eventSourceARN.endsWith('.fifo') ? MessageGroupId : undefined;
  return {
    id,
    event,
    eventBytes: Buffer.byteLength(JSON.stringify(event)),
    arrivedMs: Number(Attributes.SentTimestamp ?? 0),
    receipt,
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}

function attributeOf({ StringValue, BinaryValue, DataType }: MessageAttributeValue) {
  return {
    ...(StringValue === undefined ? {} : { stringValue: StringValue }),
    ...(BinaryValue === undefined ? {} : { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: DataType,
  };
}
