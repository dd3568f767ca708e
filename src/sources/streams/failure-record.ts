/** What a failure destination is told of a batch that was given up (lambda-facts 8.6). */
import { mappedFunctionArn } from '../mapping-record.ts';
import type { BatchOutcome, MappingRun } from '../mapping-run.ts';
import type { SourceRecord } from '../source-port.ts';
import { batchEvent } from './batch-event.ts';

export type FailureCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded' | 'MaximumPayloadSizeExceeded';

export interface GivenUp {
  readonly condition: FailureCondition;
  /** At least one. */
  readonly records: readonly SourceRecord[];
  readonly shardId: string;
  /** Invokes with these records that the function answered. */
  readonly invokes: number;
  readonly last?: Extract<BatchOutcome, { type: 'answered' }> | undefined;
  /** Names the record where no invoke did. */
  readonly uuid: string;
  /** Epoch milliseconds. */
  readonly endedMs: number;
}

/** `withPayload`: for a bucket, the event comes along, as a text of JSON. */
export function failureRecord(
  { namespace, mapping }: Pick<MappingRun, 'namespace' | 'mapping'>,
  failure: GivenUp,
  withPayload: boolean,
): Buffer {
  const { condition, records, shardId, invokes, last, endedMs } = failure;
  const [first, end] = [records[0] as SourceRecord, records.at(-1) as SourceRecord];
  const { kind, arn } = mapping.source;
  return Buffer.from(
    JSON.stringify({
      requestContext: {
        requestId: requestIdOf(failure),
        functionArn: mappedFunctionArn(namespace, mapping),
        condition,
        approximateInvokeCount: invokes,
      },
      responseContext: last
        ? { statusCode: 200, executedVersion: last.executedVersion, functionError: last.functionError ?? null }
        : null,
      version: '1.0',
      timestamp: new Date(endedMs).toISOString(),
      [kind === 'kinesis' ? 'KinesisBatchInfo' : 'DDBStreamBatchInfo']: {
        shardId,
        startSequenceNumber: first.id,
        endSequenceNumber: end.id,
        approximateArrivalOfFirstRecord: instant(first.arrivedMs),
        approximateArrivalOfLastRecord: instant(end.arrivedMs),
        batchSize: records.length,
        streamArn: arn,
      },
      ...(withPayload ? { payload: batchEvent(records).toString() } : {}),
    }),
  );
}

/** `aws/lambda/MAPPING/SHARD/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-UUID`: what is sent twice is one object. */
export function failureObjectKey(uuid: string, failure: GivenUp): string {
  const at = new Date(failure.endedMs).toISOString();
  const day = at.slice(0, 10).replaceAll('-', '/');
  const time = at.slice(0, 19).replaceAll(':', '.');
  return `aws/lambda/${uuid}/${failure.shardId}/${day}/${time}-${requestIdOf(failure)}`;
}

export function requestIdOf({ last, uuid }: GivenUp): string {
  return last?.requestId ?? uuid;
}

/** Whole seconds have no fraction, as DynamoDB's times are written. */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
