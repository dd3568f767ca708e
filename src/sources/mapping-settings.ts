/**
 * The settings of a mapping: what a request may say for its source, what holds when it says nothing, what an update
 * may change (lambda-facts 8.1, 8.2). Texts without a recording are said to be so where they stand.
 */
import { invalidParameter } from '../model/api-error.ts';
import type { CreateEventSourceMappingRequest, UpdateEventSourceMappingRequest } from '../model/types.gen.ts';
import { changeAccess, checkAccess } from './access-configurations.ts';
import { failureDestination } from './failure-destination.ts';
import { changeKafka, checkKafka, isQueueMode, newKafka } from './kafka-settings.ts';
import type { MappingSettings } from './mapping-record.ts';
import { checkMetrics, checkPollers, checkRecordAge } from './setting-ranges.ts';
import { isFifo, type Source, type SourceKind } from './source-kind.ts';
import { checkParameters, isKafka, isStream, missing, unsupported } from './source-traits.ts';
import { startingPosition } from './starting-position.ts';

/** What both requests can say. */
type Given = Omit<UpdateEventSourceMappingRequest, 'UUID'>;

const BATCH_SIZE_DEFAULT = 100;
const QUEUE_BATCH_SIZE_DEFAULT = 10;
/** A queue hands out this many messages at a time: who wants more must give it time. */
const UNWINDOWED_BATCH_SIZE_MAX = 10;

/** Throws InvalidParameterValueException. `uuid` names the consumer group of a Kafka mapping that was given none. */
export function newSettings(
  input: CreateEventSourceMappingRequest,
  source: Source,
  { uuid, now }: { readonly uuid: string; readonly now: number },
): MappingSettings {
  const { kind } = source;
  checkParameters(kind, input);
  checkRequired(kind, input);
  return completed(
    {
      ...defaultsOf(kind),
      ...startingPosition(source, input, now),
      ...plainSettings(input),
      ...clearable(kind, input),
      ...(input.Topics === undefined ? {} : { Topics: input.Topics }),
      ...(input.Queues === undefined ? {} : { Queues: input.Queues }),
      ...(input.SourceAccessConfigurations === undefined
        ? {}
        : { SourceAccessConfigurations: input.SourceAccessConfigurations }),
      ...newKafka(kind, input, uuid),
      ...newDocumentDb(input),
    },
    source,
    input,
  );
}

/** Throws InvalidParameterValueException. What the request does not name stays as it is. */
export function changedSettings(current: MappingSettings, input: Given, source: Source): MappingSettings {
  const { kind } = source;
  checkParameters(kind, input);
  return completed(
    {
      ...current,
      ...plainSettings(input),
      ...clearable(kind, input),
      ...changeAccess(kind, current, input.SourceAccessConfigurations),
      ...changeKafka(current, input),
      ...changeDocumentDb(current, input),
    },
    source,
    input,
  );
}

/** Fills in what follows from other settings, judges the whole, and leaves out what was taken away. */
function completed(draft: MappingSettings, source: Source, input: Given): MappingSettings {
  const { kind } = source;
  const settings = isKafka(kind) ? withRetries(draft, kind, input) : draft;
  checkBatch(settings, source);
  checkRecordAge(settings);
  checkPollers(kind, settings);
  checkMetrics(kind, settings);
  checkAccess(kind, settings.SourceAccessConfigurations);
  checkKafka(settings);
  return defined(settings);
}

function checkRequired(kind: SourceKind, input: CreateEventSourceMappingRequest): void {
  if (isKafka(kind) && input.Topics === undefined) throw missing('topics');
  if (kind === 'mq' && input.Queues === undefined) throw missing('queues');
  if (kind === 'documentdb' && input.DocumentDBEventSourceConfig?.DatabaseName === undefined)
    throw missing('documentDBEventSourceConfig.databaseName');
}

const STREAM_RETRIES = {
  MaximumRetryAttempts: -1,
  MaximumRecordAgeInSeconds: -1,
  BisectBatchOnFunctionError: false,
} as const;

function defaultsOf(kind: SourceKind): MappingSettings {
  switch (kind) {
    case 'sqs':
      return { BatchSize: QUEUE_BATCH_SIZE_DEFAULT, MaximumBatchingWindowInSeconds: 0, FunctionResponseTypes: [] };
    case 'kinesis':
    case 'dynamodb':
      return {
        ...STREAM_RETRIES,
        BatchSize: BATCH_SIZE_DEFAULT,
        MaximumBatchingWindowInSeconds: 0,
        ParallelizationFactor: 1,
        TumblingWindowInSeconds: 0,
        FunctionResponseTypes: [],
        DestinationConfig: failureDestination(kind, undefined),
      };
    case 'msk':
    case 'kafka':
      return { BatchSize: BATCH_SIZE_DEFAULT, DestinationConfig: failureDestination(kind, undefined) };
    default:
      // The window of half a second that holds for these cannot be said in whole seconds, and is not shown.
      return { BatchSize: BATCH_SIZE_DEFAULT };
  }
}

function plainSettings(input: Given): MappingSettings {
  const names = [
    'BatchSize',
    'MaximumBatchingWindowInSeconds',
    'ParallelizationFactor',
    'TumblingWindowInSeconds',
    'MaximumRetryAttempts',
    'MaximumRecordAgeInSeconds',
    'BisectBatchOnFunctionError',
    'FunctionResponseTypes',
  ] as const;
  return Object.fromEntries(names.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])));
}

/** Settings that an empty object takes away: they become undefined. */
function clearable(kind: SourceKind, input: Given): MappingSettings {
  const { ScalingConfig, ProvisionedPollerConfig: pollers, MetricsConfig, LoggingConfig, DestinationConfig } = input;
  const pollersMin = kind === 'sqs' ? 2 : 1;
  return {
    ...(ScalingConfig && { ScalingConfig: ScalingConfig.MaximumConcurrency === undefined ? undefined : ScalingConfig }),
    ...(pollers && {
      ProvisionedPollerConfig: hasMembers(pollers)
        ? { MinimumPollers: pollersMin, MaximumPollers: POLLERS_MAX_DEFAULT, ...defined(pollers) }
        : undefined,
    }),
    ...(MetricsConfig && { MetricsConfig: MetricsConfig.Metrics?.length ? MetricsConfig : undefined }),
    ...(LoggingConfig && { LoggingConfig: hasMembers(LoggingConfig) ? LoggingConfig : undefined }),
    ...(DestinationConfig && { DestinationConfig: failureDestination(kind, DestinationConfig) }),
  };
}

const POLLERS_MAX_DEFAULT = 200;

function hasMembers(value: object): boolean {
  return Object.keys(defined(value)).length > 0;
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}

/** Kafka retries are the pollers' own and have settings in provisioned mode only (lambda-facts 8.1). */
function withRetries(settings: MappingSettings, kind: SourceKind, input: Given): MappingSettings {
  if (settings.ProvisionedPollerConfig !== undefined) {
    const attempts = isQueueMode(settings) ? 0 : STREAM_RETRIES.MaximumRetryAttempts;
    return { ...STREAM_RETRIES, MaximumRetryAttempts: attempts, ...settings };
  }
  const refused = Object.keys(STREAM_RETRIES).find((name) => input[name as keyof Given] !== undefined);
  if (refused !== undefined) throw unsupported(kind, refused);
  const without = Object.fromEntries(Object.keys(STREAM_RETRIES).map((name) => [name, undefined]));
  return { ...settings, ...without };
}

function checkBatch(settings: MappingSettings, source: Source): void {
  const { BatchSize: batchSize = 1, MaximumBatchingWindowInSeconds: windowS = 0 } = settings;
  if (source.kind === 'sqs') {
    if (batchSize > UNWINDOWED_BATCH_SIZE_MAX && windowS === 0)
      throw invalidParameter(
        'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10',
      );
    if (isFifo(source) && windowS > 0) throw invalidParameter('Batching window is not supported for FIFO queues');
  }
  // Windows of one after the other need one batch at a time; AWS's text is not known.
  if (isStream(source.kind) && (settings.TumblingWindowInSeconds ?? 0) > 0 && (settings.ParallelizationFactor ?? 1) > 1)
    throw invalidParameter('Tumbling windows are not supported with a parallelization factor greater than 1.');
}

function newDocumentDb({ DocumentDBEventSourceConfig: config }: CreateEventSourceMappingRequest): MappingSettings {
  return config === undefined ? {} : { DocumentDBEventSourceConfig: { FullDocument: 'Default', ...defined(config) } };
}

/** Database and collection stay what they were made with. */
function changeDocumentDb(
  { DocumentDBEventSourceConfig: present }: MappingSettings,
  { DocumentDBEventSourceConfig: config }: Given,
): MappingSettings {
  if (config === undefined) return {};
  const fixed = [
    ...(config.CollectionName === undefined ? [] : ['collectionName']),
    ...(config.DatabaseName === undefined ? [] : ['databaseName']),
  ];
  if (fixed.length > 0) throw invalidParameter(`Invalid parameters: ${fixed.join(', ')}`);
  return { DocumentDBEventSourceConfig: { ...present, ...defined(config) } };
}
