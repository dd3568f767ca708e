/**
 * Streams of DynamoDB tables as a source (lambda-facts 8.3, 8.5).
 *
 * These streams know no moments: reading from one on is reading from the oldest record and leaving out what is older,
 * by whole seconds as the records have them.
 */
import type { AttributeValue, DynamoDBStreamsClient, _Record as DynamoRecord } from '@aws-sdk/client-dynamodb-streams';
import { ask, type Link } from '../neighbours/link.ts';
import type { Asker } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import { inRegion, sdkClients } from '../neighbours/sdk-clients.ts';
import type { Source } from '../sources/source-kind.ts';
import type {
  ReadPosition,
  SourceAdapter,
  SourceConnection,
  SourcePartition,
  SourceRecord,
} from '../sources/source-port.ts';
import { IteratedReader, type ShardCalls } from './iterated-reader.ts';
import { streamTrouble } from './stream-trouble.ts';

/** GetRecords answers 1 MB of data at most; binary attributes come as base64. */
const ANSWER_BYTES_MAX = 8_388_608;
const READ_RECORDS_MAX = 1_000;
const LIST_SHARDS_MAX = 100;
const LIST_PAGES_MAX = 1_000;
/** Pages of older records that one read passes over. */
const SKIPPED_PAGES_MAX = 20;
/** What streams of tables keep. */
const RETENTION_MS = 86_400_000;

type Clients = (asker: Asker) => Promise<DynamoDBStreamsClient>;

export function dynamoStreamsSource(link: Link): SourceAdapter {
  const bounded: Link = { ...link, answerBytesMax: ANSWER_BYTES_MAX };
  const clients = sdkClients(bounded, async () => {
    const { DynamoDBStreamsClient: Client } = await import('@aws-sdk/client-dynamodb-streams');
    return (settings) => new Client(settings);
  });
  return { connect: (asker, source) => connect(bounded, clients, asker, source) };
}

function connect(link: Link, clients: Clients, asker: Asker, { arn: StreamArn = '' }: Source): SourceConnection {
  const reader = inRegion(asker, partsOfArn(StreamArn).region);
  const { region: awsRegion } = reader;
  const client = () => clients(reader);
  return {
    async partitions(signal) {
      const { DescribeStreamCommand } = await import('@aws-sdk/client-dynamodb-streams');
      const streams = await client();
      const partitions: SourcePartition[] = [];
      try {
        let ExclusiveStartShardId: string | undefined;
        for (let page = 0; page < LIST_PAGES_MAX; page++) {
          const command = new DescribeStreamCommand({ StreamArn, Limit: LIST_SHARDS_MAX, ExclusiveStartShardId });
          const { StreamDescription: stream } = await ask(link, 'DescribeStream', (limit) =>
            streams.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
          );
          for (const { ShardId: id = '', ParentShardId } of stream?.Shards ?? [])
            partitions.push({ id, parentIds: ParentShardId ? [ParentShardId] : [] });
          ExclusiveStartShardId = stream?.LastEvaluatedShardId;
          if (!ExclusiveStartShardId) break;
        }
      } catch (error) {
        throw streamTrouble(error, StreamArn);
      }
      return partitions;
    },
    async open({ id }, position = { type: 'TRIM_HORIZON' }) {
      return new IteratedReader(shardCalls(link, client, StreamArn, id, awsRegion, position), position);
    },
    retentionMs: async () => RETENTION_MS,
    acknowledge: async () => [],
    release: async () => {},
    close() {},
  };
}

function shardCalls(
  link: Link,
  client: () => Promise<DynamoDBStreamsClient>,
  streamArn: string,
  ShardId: string,
  awsRegion: string,
  begin: ReadPosition,
): ShardCalls {
  const sinceMs = begin.type === 'AT_TIMESTAMP' ? Math.floor(begin.ms / 1000) * 1000 : 0;
  const page = async (ShardIterator: string, recordsMax: number, signal: AbortSignal) => {
    const { GetRecordsCommand } = await import('@aws-sdk/client-dynamodb-streams');
    const streams = await client();
    const command = new GetRecordsCommand({ ShardIterator, Limit: Math.min(recordsMax, READ_RECORDS_MAX) });
    const answer = await ask(link, 'GetRecords', (limit) =>
      streams.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
    );
    const records = (answer.Records ?? []).map((record) => recordOf(record, awsRegion, streamArn));
    return { records, next: answer.NextShardIterator || undefined };
  };
  return {
    streamArn,
    async iterator(position, signal) {
      const { GetShardIteratorCommand } = await import('@aws-sdk/client-dynamodb-streams');
      const streams = await client();
      const command = new GetShardIteratorCommand({ StreamArn: streamArn, ShardId, ...startOf(position) });
      const answer = await ask(link, 'GetShardIterator', (limit) =>
        streams.send(command, { abortSignal: AbortSignal.any([limit, signal]) }),
      );
      return answer.ShardIterator ?? '';
    },
    async page(iterator, recordsMax, signal) {
      let found = await page(iterator, recordsMax, signal);
      for (let pages = 1; ; pages++) {
        const records = found.records.filter(({ arrivedMs }) => arrivedMs >= sinceMs);
        const isSkipping = records.length === 0 && found.records.length > 0;
        if (!isSkipping || found.next === undefined) return { records, next: found.next };
        if (pages >= SKIPPED_PAGES_MAX) return { records, next: found.next, behindMs: 1 };
        found = await page(found.next, recordsMax, signal);
      }
    },
  };
}

function startOf(position: ReadPosition) {
  switch (position.type) {
    case 'AFTER':
      return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position.id } as const;
    case 'LATEST':
      return { ShardIteratorType: 'LATEST' } as const;
    default:
      return { ShardIteratorType: 'TRIM_HORIZON' } as const;
  }
}

function recordOf(record: DynamoRecord, region: string, eventSourceARN: string): SourceRecord {
  const { eventID, eventName, eventVersion, eventSource, awsRegion, dynamodb = {}, userIdentity } = record;
  const { ApproximateCreationDateTime, Keys, NewImage, OldImage, SequenceNumber = '', SizeBytes } = dynamodb;
  const arrivedMs = ApproximateCreationDateTime?.getTime() ?? 0;
  const keys = Keys && item(Keys);
  // Members that are undefined are not written.
  const event = {
    eventID,
    eventName,
    eventVersion: eventVersion ?? '1.1',
    eventSource: eventSource ?? 'aws:dynamodb',
    awsRegion: awsRegion ?? region,
    dynamodb: {
      ApproximateCreationDateTime: arrivedMs / 1000,
      Keys: keys,
      NewImage: NewImage && item(NewImage),
      OldImage: OldImage && item(OldImage),
      SequenceNumber,
      SizeBytes,
      StreamViewType: dynamodb.StreamViewType,
    },
    eventSourceARN,
    userIdentity: userIdentity && { type: userIdentity.Type, principalId: userIdentity.PrincipalId },
  };
  const eventBytes = Buffer.byteLength(JSON.stringify(event));
  return { id: SequenceNumber, event, eventBytes, arrivedMs, orderKey: JSON.stringify(keys) };
}

function item(attributes: Readonly<Record<string, AttributeValue>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attribute(value)]));
}

/** An attribute's value as it stands in JSON: what is binary as base64. */
function attribute(value: AttributeValue): unknown {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.M !== undefined) return { M: item(value.M) };
  if (value.L !== undefined) return { L: value.L.map(attribute) };
  return value;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
