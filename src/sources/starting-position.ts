import { invalidParameter } from '../model/api-error.ts';
import type { CreateEventSourceMappingRequest } from '../model/types.gen.ts';
import type { MappingSettings } from './mapping-record.ts';
import type { Source } from './source-kind.ts';
import { isKafka, isStream } from './source-traits.ts';

type Given = Pick<
  CreateEventSourceMappingRequest,
  'StartingPosition' | 'StartingPositionTimestamp' | 'SelfManagedKafkaEventSourceConfig'
>;

/**
 * Where reading begins. Streams and DocumentDB must be told; Kafka begins with the oldest record it has.
 * Throws InvalidParameterValueException.
 */
export function startingPosition({ kind, arn }: Source, input: Given, now: number): MappingSettings {
  const { StartingPosition: position, StartingPositionTimestamp: timestamp } = input;
  if (!isKafka(kind) && !isStream(kind) && kind !== 'documentdb') return {};
  if (input.SelfManagedKafkaEventSourceConfig?.ConsumptionMode === 'Queue') return {};
  if (position === undefined) {
    if (timestamp !== undefined) throw invalidParameter(ONLY_AT_TIMESTAMP);
    if (isKafka(kind)) return { StartingPosition: 'TRIM_HORIZON' };
    throw invalidParameter(
      `1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.`,
    );
  }
  if (position !== 'AT_TIMESTAMP') {
    if (timestamp !== undefined) throw invalidParameter(ONLY_AT_TIMESTAMP);
    return { StartingPosition: position };
  }
  if (kind === 'dynamodb') throw invalidParameter(`Unsupported starting position for arn type: ${arn}`);
  if (timestamp === undefined) throw invalidParameter('Need to specify a timestamp');
  const startingPositionMs = timestamp.getTime();
  if (startingPositionMs < 0)
    throw invalidParameter(
      'Received Exception while reading from provided stream. class java.lang.Long can not be converted to a Timestamp',
    );
  // AWS documents the rule; its text is not known.
  if (startingPositionMs > now) throw invalidParameter('StartingPositionTimestamp cannot be in the future.');
  return { StartingPosition: position, startingPositionMs };
}

const ONLY_AT_TIMESTAMP = 'Timestamp only valid with StartingPosition AT_TIMESTAMP';
