/** Which setting belongs to which source, and what a setting is when the caller leaves it out (lambda-facts 8.1). */
import { invalidParameter } from '../model/api-error.ts';
import type { CreateEventSourceMappingRequest } from '../model/types.gen.ts';
import { lowerFirst } from '../protocol/rendered-value.ts';
import type { SourceKind } from './source-kind.ts';

const KAFKA: readonly SourceKind[] = ['msk', 'kafka'];
const STREAMS: readonly SourceKind[] = ['kinesis', 'dynamodb'];
const STREAMS_AND_KAFKA: readonly SourceKind[] = [...STREAMS, ...KAFKA];

type Parameter = keyof CreateEventSourceMappingRequest;

/** What is not in the table belongs to every source. */
const sourcesOf: Partial<Record<Parameter, readonly SourceKind[]>> = {
  StartingPosition: [...STREAMS_AND_KAFKA, 'documentdb'],
  StartingPositionTimestamp: [...STREAMS_AND_KAFKA, 'documentdb'],
  ParallelizationFactor: STREAMS,
  TumblingWindowInSeconds: STREAMS,
  MaximumRetryAttempts: STREAMS_AND_KAFKA,
  MaximumRecordAgeInSeconds: STREAMS_AND_KAFKA,
  BisectBatchOnFunctionError: STREAMS_AND_KAFKA,
  DestinationConfig: STREAMS_AND_KAFKA,
  FunctionResponseTypes: ['sqs', ...STREAMS_AND_KAFKA],
  MetricsConfig: ['sqs', ...STREAMS_AND_KAFKA],
  LoggingConfig: KAFKA,
  ScalingConfig: ['sqs'],
  ProvisionedPollerConfig: ['sqs', ...KAFKA],
  FilterCriteria: ['sqs', ...STREAMS_AND_KAFKA, 'mq'],
  Topics: KAFKA,
  Queues: ['mq'],
  SourceAccessConfigurations: [...KAFKA, 'mq', 'documentdb'],
  AmazonManagedKafkaEventSourceConfig: ['msk'],
  SelfManagedKafkaEventSourceConfig: ['kafka'],
  DocumentDBEventSourceConfig: ['documentdb'],
};

export function isKafka(kind: SourceKind): boolean {
  return KAFKA.includes(kind);
}

export function isStream(kind: SourceKind): boolean {
  return STREAMS.includes(kind);
}

/** Throws InvalidParameterValueException for the first setting that the source does not have. */
export function checkParameters(kind: SourceKind, input: Partial<Record<Parameter, unknown>>): void {
  for (const [name, sources] of Object.entries(sourcesOf) as [Parameter, readonly SourceKind[]][])
    if (input[name] !== undefined && !sources.includes(kind)) throw unsupported(kind, name);
}

/** The refusal of a setting that the source does not have. */
export function unsupported(kind: SourceKind, name: string): Error {
  if (kind === 'sqs' && name.startsWith('StartingPosition'))
    return invalidParameter('StartingPosition is not valid for SQS event sources.');
  const shown = name === 'DestinationConfig' ? name : `'${lowerFirst(name)}'`;
  return invalidParameter(`Unsupported ${shown} parameter for given event source mapping type.`);
}

/** The refusal of a request that lacks what its source needs. */
export function missing(name: string): Error {
  return invalidParameter(`Required '${name}' parameter is missing.`);
}

/** Functions behind these may run this long at most, in seconds (lambda-facts 8.3). */
export const QUEUED_FUNCTION_TIMEOUT_S_MAX = 840;

/** True where a function may not use the whole 15 minutes. */
export function limitsFunctionTimeout(kind: SourceKind): boolean {
  return isKafka(kind) || kind === 'mq' || kind === 'documentdb';
}

/** How a change by the user is called; the services were built at different times. */
export function userReason(kind: SourceKind): string {
  return isStream(kind) ? 'User action' : 'USER_INITIATED';
}
