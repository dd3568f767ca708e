/**
 * Kinesis data streams as a source (lambda-facts 8.3, 8.5). Records of the producer library, which holds several in one, come
 * as they are: functions take them apart, as they do on AWS.
 *
 * Deliberate difference from AWS: a mapping on a consumer of enhanced fan-out is read by GetRecords like any other. Its
 * function is given the same records, at a second's pace.
 */
import type { KinesisClient, _Record as KinesisRecord, ShardIteratorType } from '@aws-sdk/client-kinesis';
import { ask, type Link } from '../neighbours/link.ts';
import type { Asker } from '../neighbours/neighbours.ts';
import { NeighbourRefusal } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import { inRegion, sdkClients } from '../neighbours/sdk-clients.ts';
import type { Source } from '../sources/source-kind.ts';
import {
  type ReadPosition,
  type SourceAdapter,
  type SourceConnection,
  type SourceRecord,
  SourceTrouble,
} from '../sources/source-port.ts';
import { IteratedReader, type ShardCalls } from './iterated-reader.ts';
import { streamTrouble } from './stream-trouble.ts';

/** GetRecords answers 10 MiB of data at most, as base64 and with what stands around it. */
const ANSWER_BYTES_MAX = 20_971_520;
const READ_RECORDS_MAX = 10_000;
const LIST_SHARDS_MAX = 1_000;
const LIST_PAGES_MAX = 100;
const HOUR_MS = 3_600_000;

type Clients = (asker: Asker) => Promise<KinesisClient>;

export function kinesisSource(link: Link): SourceAdapter {
  const bounded: Link = { ...link, answerBytesMax: ANSWER_BYTES_MAX };
  const clients = sdkClients(bounded, async () => {
    const { KinesisClient: Client } = await import('@aws-sdk/client-kinesis');
    return (settings) => new Client(settings);
  });
  return { connect: (asker, source) => connect(bounded, clients, asker, source) };
}

function connect(link: Link, clients: Clients, asker: Asker, { arn = '' }: Source): SourceConnection {
  const [StreamARN = ''] = arn.split('/consumer/');
  const reader = inRegion(asker, partsOfArn(arn).region);
  const { region: awsRegion } = reader;
  const invokeIdentityArn = asker.actingAs?.roleArn ?? '';
  const client = () => clients(reader);
  const about = { awsRegion, eventSourceARN: arn, invokeIdentityArn };
  return {
    async partitions(signal) {
      const { ListShardsCommand } = await import('@aws-sdk/client-kinesis');
      const kinesis = await client();
      const list = async (NextToken: string | undefined) => {
        const place = NextToken === undefined ? { StreamARN } : { NextToken };
        const command = new ListShardsCommand({ ...place, MaxResults: LIST_SHARDS_MAX });
        return await ask(link, 'ListShards', (limit) => kinesis.send(command, { abortSignal: either(limit, signal) }));
      };
      try {
        const partitions = [];
        let token: string | undefined;
        for (let page = 0; page < LIST_PAGES_MAX; page++) {
          const { Shards = [], NextToken } = await list(token);
          for (const { ShardId: id = '', ParentShardId, AdjacentParentShardId } of Shards)
            partitions.push({ id, parentIds: [ParentShardId, AdjacentParentShardId].filter(isText) });
          token = NextToken;
          if (!token) break;
        }
        return partitions;
      } catch (error) {
        throw streamTrouble(error, StreamARN);
      }
    },
    async open({ id: ShardId }, position = { type: 'TRIM_HORIZON' }) {
      return new IteratedReader(shardCalls(link, client, StreamARN, ShardId, about), position);
    },
    async retentionMs(signal) {
      const { DescribeStreamSummaryCommand } = await import('@aws-sdk/client-kinesis');
      const kinesis = await client();
      const command = new DescribeStreamSummaryCommand({ StreamARN });
      try {
        const { StreamDescriptionSummary: summary } = await ask(link, 'DescribeStreamSummary', (limit) =>
          kinesis.send(command, { abortSignal: either(limit, signal) }),
        );
        return (summary?.RetentionPeriodHours ?? 24) * HOUR_MS;
      } catch (error) {
        throw streamTrouble(error, StreamARN);
      }
    },
    acknowledge: async () => [],
    release: async () => {},
    close() {},
  };
}

type About = { readonly awsRegion: string; readonly eventSourceARN: string; readonly invokeIdentityArn: string };

function shardCalls(
  link: Link,
  client: () => Promise<KinesisClient>,
  streamArn: string,
  ShardId: string,
  about: About,
): ShardCalls {
  const iterator = async (position: ReadPosition, signal: AbortSignal): Promise<string> => {
    const { GetShardIteratorCommand } = await import('@aws-sdk/client-kinesis');
    const kinesis = await client();
    const command = new GetShardIteratorCommand({ StreamARN: streamArn, ShardId, ...startOf(position) });
    try {
      const answer = await ask(link, 'GetShardIterator', (limit) =>
        kinesis.send(command, { abortSignal: either(limit, signal) }),
      );
      return answer.ShardIterator ?? '';
    } catch (error) {
      const code = error instanceof NeighbourRefusal ? error.code : '';
      const isRefused = code === 'InvalidArgumentException';
      // The stream of this name that had the record is gone: where there is another one, it begins anew.
      if (position.type === 'AFTER' && (isRefused || code === 'ResourceNotFoundException'))
        throw new SourceTrouble('trimmed', `${ShardId} knows no record ${position.id}`, { cause: error });
      // Moments are refused that are still to come: the machine that wrote this one down is a little before the service.
      if (position.type !== 'AT_TIMESTAMP' || !isRefused) throw error;
      return iterator({ type: 'LATEST' }, signal);
    }
  };
  return {
    streamArn,
    iterator,
    async page(ShardIterator, recordsMax, signal) {
      const { GetRecordsCommand } = await import('@aws-sdk/client-kinesis');
      const kinesis = await client();
      const command = new GetRecordsCommand({
        StreamARN: streamArn,
        ShardIterator,
        Limit: Math.min(recordsMax, READ_RECORDS_MAX),
      });
      const answer = await ask(link, 'GetRecords', (limit) =>
        kinesis.send(command, { abortSignal: either(limit, signal) }),
      );
      return {
        records: (answer.Records ?? []).map((record) => recordOf(record, ShardId, about)),
        next: answer.NextShardIterator || undefined,
        behindMs: answer.MillisBehindLatest,
      };
    },
  };
}

function startOf(position: ReadPosition): {
  readonly ShardIteratorType: ShardIteratorType;
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: Date;
} {
  switch (position.type) {
    case 'AFTER':
      return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: position.id };
    case 'AT_TIMESTAMP':
      return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(position.ms) };
    default:
      return { ShardIteratorType: position.type };
  }
}

function recordOf(record: KinesisRecord, shardId: string, about: About): SourceRecord {
  const { PartitionKey: partitionKey = '', SequenceNumber: id = '', Data = new Uint8Array() } = record;
  const arrivedMs = record.ApproximateArrivalTimestamp?.getTime() ?? 0;
  const data = Buffer.from(Data.buffer, Data.byteOffset, Data.byteLength).toString('base64');
  const event = (text: string) => ({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey,
      sequenceNumber: id,
      data: text,
      approximateArrivalTimestamp: arrivedMs / 1000,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shardId}:${id}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: about.invokeIdentityArn,
    awsRegion: about.awsRegion,
    eventSourceARN: about.eventSourceARN,
  });
  // Base64 has no character that JSON writes otherwise.
  const eventBytes = Buffer.byteLength(JSON.stringify(event(''))) + data.length;
  return { id, event: event(data), eventBytes, arrivedMs, orderKey: partitionKey };
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function either(one: AbortSignal, other: AbortSignal): AbortSignal {
  return AbortSignal.any([one, other]);
}
