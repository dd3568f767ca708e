/** What the store keeps of event source mappings: kind `event-source-mapping`, id = UUID. */
import { functionArn, lambdaArn } from '../base/arn.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { ChangeTools } from '../functions/change-function.ts';
import type { Tags } from '../functions/tags.ts';
import { notFound } from '../model/api-error.ts';
import type { EventSourceMappingConfiguration, FilterCriteria } from '../model/types.gen.ts';
import type { InertSettings, Neighbours } from '../neighbours/neighbours.ts';
import type { Sealed, Vault } from '../neighbours/vault.ts';
import type { RecordKey, StoredRecord } from '../store/metadata.ts';
import { type Namespace, type WalkOptions, walkRecords } from '../store/namespace.ts';
import type { MappingStatus } from './mapping-state.ts';
import type { Source } from './source-kind.ts';
import type { SourcesAtWork } from './sources-at-work.ts';

/** What work on mappings needs; the operations' services fit. */
export interface MappingTools extends ChangeTools {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly neighbours: Neighbours;
  readonly inert: InertSettings;
  /** What reads from the sources. */
  readonly sources: SourcesAtWork;
}

/** Settings as answers show them, by AWS's names, with defaults filled in. */
export type MappingSettings = Pick<
  EventSourceMappingConfiguration,
  | 'StartingPosition'
  | 'BatchSize'
  | 'MaximumBatchingWindowInSeconds'
  | 'ParallelizationFactor'
  | 'TumblingWindowInSeconds'
  | 'MaximumRetryAttempts'
  | 'MaximumRecordAgeInSeconds'
  | 'BisectBatchOnFunctionError'
  | 'FunctionResponseTypes'
  | 'DestinationConfig'
  | 'ScalingConfig'
  | 'ProvisionedPollerConfig'
  | 'MetricsConfig'
  | 'LoggingConfig'
  | 'Topics'
  | 'Queues'
  | 'SourceAccessConfigurations'
  | 'AmazonManagedKafkaEventSourceConfig'
  | 'SelfManagedKafkaEventSourceConfig'
  | 'DocumentDBEventSourceConfig'
> & {
  /** Epoch milliseconds. */
  readonly startingPositionMs?: number | undefined;
};

export interface MappingBody {
  readonly uuid: string;
  readonly source: Source;
  /** The function may be deleted while the mapping stays. */
  readonly functionName: string;
  readonly qualifier?: string;
  readonly settings: MappingSettings;
  /** Filter criteria in clear, or sealed where the caller named a KMS key. */
  readonly filters?: FilterCriteria;
  readonly sealedFilters?: Sealed;
  readonly kmsKeyArn?: string;
  readonly tags: Tags;
  /** What the caller asked for, whatever the state is. */
  readonly enabled: boolean;
  readonly status: MappingStatus;
}

export type StoredMapping = StoredRecord<MappingBody>;

/** Who adds a pair of source and function takes this lock of the namespace; `#` is in no function's name. */
export const PAIRS_LOCK = '#event-source-mappings';

/** Writers of one mapping take turns under this name; PAIRS_LOCK may be taken inside, not outside. */
export function mappingLock(uuid: string): string {
  return `#event-source-mapping:${uuid}`;
}

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

export function mappingKey({ account, region }: Namespace, uuid: string): RecordKey {
  return { account, region, kind: 'event-source-mapping', id: uuid };
}

export function mappingArn({ account, region }: Namespace, uuid: string): string {
  return lambdaArn(region, account, `event-source-mapping:${uuid}`);
}

/** ARN of the function, with the qualifier that the caller gave. */
export function mappedFunctionArn({ account, region }: Namespace, body: FunctionOfMapping): string {
  return functionArn(region, account, body.functionName, body.qualifier);
}

export type FunctionOfMapping = Pick<MappingBody, 'functionName' | 'qualifier'>;

/** Undefined when it was never there, or its deletion has come to its end. */
export async function readMapping(
  { metadata }: Pick<MappingTools, 'metadata'>,
  namespace: Namespace,
  uuid: string,
): Promise<StoredMapping | undefined> {
  if (!UUID.test(uuid)) return undefined;
  return (await metadata.get(mappingKey(namespace, uuid))) as StoredMapping | undefined;
}

/** Throws ResourceNotFoundException. */
export async function findMapping(
  tools: Pick<MappingTools, 'metadata'>,
  namespace: Namespace,
  uuid: string,
): Promise<StoredMapping> {
  const record = await readMapping(tools, namespace, uuid);
  if (!record) throw notFound('The resource you requested does not exist.');
  return record;
}

/** All mappings in order of UUID. */
export function walkMappings(
  { metadata }: Pick<MappingTools, 'metadata'>,
  namespace: Namespace,
  options: WalkOptions = {},
): AsyncGenerator<StoredMapping> {
  return walkRecords<MappingBody>(metadata, namespace, 'event-source-mapping', options);
}
