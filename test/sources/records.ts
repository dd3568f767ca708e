/** Records as the sources' functions see them (lambda-facts 8.5), the least that filters and deliveries ask of them. */
import type { SourceRecord } from '../../src/sources/source-port.ts';
import { ACCOUNT, REGION } from '../support/function-world.ts';

type Fields = Readonly<Record<string, unknown>>;

const ARRIVED_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function recordOf(id: string, event: Fields, more: Partial<SourceRecord> = {}): SourceRecord {
  return { id, event, eventBytes: Buffer.byteLength(JSON.stringify(event)), arrivedMs: ARRIVED_MS, ...more };
}

/** `fields`: more of the event, or in the place of what is there. */
export function sqsRecord(body: string, fields: Fields = {}): SourceRecord {
  const attributes = {
    ApproximateReceiveCount: '1',
    SentTimestamp: String(ARRIVED_MS),
    SenderId: ACCOUNT,
    ApproximateFirstReceiveTimestamp: String(ARRIVED_MS + 1),
  };
  const event = {
    messageId: '059f36b4-87a3-44ab-83d2-661975830a7d',
    receiptHandle: 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a',
    body,
    attributes,
    messageAttributes: {},
    md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:orders`,
    awsRegion: REGION,
    ...fields,
  };
  return recordOf(event.messageId, event, { receipt: event.receiptHandle });
}

/** `data`: bytes, or a text in UTF-8. `fields` are of the member `kinesis`. */
export function kinesisRecord(data: string | Uint8Array, fields: Fields = {}): SourceRecord {
  const sequenceNumber = '49590338271490256608559692538361571095921575989136588898';
  const kinesis = {
    kinesisSchemaVersion: '1.0',
    partitionKey: '1',
    sequenceNumber,
    data: base64(data),
    approximateArrivalTimestamp: ARRIVED_MS / 1000,
    ...fields,
  };
  const event = {
    kinesis,
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `shardId-000000000006:${sequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: `arn:aws:iam::${ACCOUNT}:role/lambda-role`,
    awsRegion: REGION,
    eventSourceARN: `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/clicks`,
  };
  return recordOf(sequenceNumber, event, { orderKey: String(kinesis.partitionKey) });
}

/** `dynamodb`: members of that name, or in the place of what is there. */
export function dynamodbRecord(dynamodb: Fields, fields: Fields = {}): SourceRecord {
  const event = {
    eventID: 'c4ca4238a0b923820dcc509a6f75849b',
    eventName: 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: REGION,
    dynamodb: {
      ApproximateCreationDateTime: ARRIVED_MS / 1000,
      Keys: { Id: { N: '101' } },
      SequenceNumber: '4421584500000000017450439091',
      SizeBytes: 26,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
      ...dynamodb,
    },
    eventSourceARN: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/users/stream/2025-02-22T03:03:25.490`,
    ...fields,
  };
  return recordOf(String(event.dynamodb.SequenceNumber), event);
}

/** `value` null: a tombstone. */
export function kafkaRecord(value: string | Uint8Array | null, fields: Fields = {}): SourceRecord {
  const event = {
    topic: 'topic',
    partition: 0,
    offset: 15,
    timestamp: ARRIVED_MS,
    timestampType: 'CREATE_TIME',
    key: base64('key'),
    value: value === null ? null : base64(value),
    headers: [{ kind: [...Buffer.from('order')] }],
    ...fields,
  };
  return recordOf(`topic-0-${event.offset}`, event);
}

export function mqRecord(data: string | Uint8Array, fields: Fields = {}): SourceRecord {
  const event = {
    messageID: 'ID:b-9bcfa592-423a-4942-879d-eb284b418fc8-1.mq',
    messageType: 'jms/text-message',
    deliveryMode: 1,
    priority: 4,
    redelivered: false,
    destination: { physicalName: 'testQueue' },
    data: base64(data),
    timestamp: ARRIVED_MS,
    ...fields,
  };
  return recordOf(event.messageID, event);
}

function base64(data: string | Uint8Array): string {
  return Buffer.from(data as string).toString('base64');
}
