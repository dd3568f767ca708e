/** SQS queues as a source (lambda-facts 8.3, 8.5): standard and FIFO, read by long polling. */
import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import { ask, type Link } from '../neighbours/link.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import { sdkClients } from '../neighbours/sdk-clients.ts';
import type { Source } from '../sources/source-kind.ts';
import type { SourceAdapter, SourceConnection, SourceRecord } from '../sources/source-port.ts';
import type { Namespace } from '../store/namespace.ts';
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

type Clients = (namespace: Namespace) => Promise<SQSClient>;

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
    // The queue's own URL may carry a name under which only the double itself knows its address.
    return (settings: ConstructorParameters<typeof Client>[0] & object) =>
      new Client({ ...settings, useQueueUrlAsEndpoint: false });
  };
  const tools: Tools = {
    link,
    clients: sdkClients(link, load),
    readLink,
    readClients: sdkClients(readLink, load),
    gate: new ReadGate(READS_MAX),
  };
  return { connect: (namespace, source) => connect(tools, namespace, source) };
}

function connect(tools: Tools, { account, region }: Namespace, { arn = '' }: Source): SourceConnection {
  const { link, readLink, gate } = tools;
  const parts = partsOfArn(arn);
  const place = { account, region: parts.region || region };
  const about = { eventSource: 'aws:sqs', eventSourceARN: arn, awsRegion: place.region };
  let known: Promise<string> | undefined;

  /** The queue's address, asked for once. */
  const urlOf = () => {
    known ??= findUrl(tools, place, parts).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const receive = async (recordsMax: number, waitMs: number, hiddenMs: number | undefined, signal: AbortSignal) => {
    const { ReceiveMessageCommand } = await import('@aws-sdk/client-sqs');
    const QueueUrl = await urlOf();
    const client = await tools.readClients(place);
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: Math.min(recordsMax, ENTRIES_MAX),
      WaitTimeSeconds: Math.ceil(Math.min(waitMs, POLL_MS_MAX) / 1000),
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...(hiddenMs === undefined ? {} : { VisibilityTimeout: Math.ceil(hiddenMs / 1000) }),
    });
    return await ask(readLink, 'ReceiveMessage', (limit) =>
      client.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
    );
  };
  return {
    partitions: async () => [{ id: '', parentIds: [] }],
    open: async () => ({
      async read({ recordsMax, waitMs, hiddenMs, signal }) {
        try {
          await gate.enter(signal);
          try {
            const wait = gate.isCrowded ? Math.min(waitMs, CROWDED_POLL_MS) : waitMs;
            const { Messages = [] } = await receive(recordsMax, wait, hiddenMs, signal);
            return { records: Messages.map((message) => recordOf(message, about)), isEnd: false };
          } finally {
            gate.leave();
          }
        } catch (error) {
          known = undefined;
          throw queueTrouble(error, 'ReceiveMessage');
        }
      },
    }),
    async acknowledge(records) {
      const { DeleteMessageBatchCommand } = await import('@aws-sdk/client-sqs');
      const left = await inParts(records, async (some) => {
        const [QueueUrl, client] = await Promise.all([urlOf(), tools.clients(place)]);
        const command = new DeleteMessageBatchCommand({ QueueUrl, Entries: entriesOf(some) });
        const { Failed = [] } = await ask(link, 'DeleteMessageBatch', (abortSignal) =>
          client.send(command, { abortSignal }),
        );
        return some.filter((_, at) => Failed.some(({ Id }) => Id === String(at)));
      });
      return left.flatMap(({ some, outcome }) => (Array.isArray(outcome) ? outcome : some));
    },
    async release(records, afterMs) {
      const { ChangeMessageVisibilityBatchCommand } = await import('@aws-sdk/client-sqs');
      const VisibilityTimeout = Math.ceil(afterMs / 1000);
      const told = await inParts(records, async (some) => {
        const [QueueUrl, client] = await Promise.all([urlOf(), tools.clients(place)]);
        const Entries = entriesOf(some).map((entry) => ({ ...entry, VisibilityTimeout }));
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries });
        await ask(link, 'ChangeMessageVisibilityBatch', (abortSignal) => client.send(command, { abortSignal }));
      });
      const trouble = told.find(({ outcome }) => outcome instanceof Error);
      if (trouble !== undefined) throw queueTrouble(trouble.outcome, 'ChangeMessageVisibility');
    },
    close() {},
  };
}

async function findUrl(tools: Tools, place: Namespace, parts: ReturnType<typeof partsOfArn>): Promise<string> {
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
    ...(MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: MD5OfMessageAttributes }),
    md5OfBody: MD5OfBody,
    ...about,
  };
  const { MessageGroupId: orderKey, AWSTraceHeader: traceHeader } = Attributes;
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
