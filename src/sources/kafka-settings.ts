/** Consumer groups, schema registries and the mode of consumption of Kafka mappings (lambda-facts 2, 8.1). */
import { invalidParameter } from '../model/api-error.ts';
import type {
  CreateEventSourceMappingRequest,
  KafkaSchemaRegistryConfig,
  SelfManagedKafkaEventSourceConfig,
  UpdateEventSourceMappingRequest,
} from '../model/types.gen.ts';
import { lowerFirst } from '../protocol/rendered-value.ts';
import type { MappingSettings } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';
import { isKafka, missing, unsupported } from './source-traits.ts';

const CONFIGS = ['AmazonManagedKafkaEventSourceConfig', 'SelfManagedKafkaEventSourceConfig'] as const;

/** Queues of Kafka's share groups have no position and no window; they hand out what is there. */
const NOT_IN_QUEUE_MODE = ['StartingPosition', 'StartingPositionTimestamp', 'MaximumBatchingWindowInSeconds'] as const;

/** The Kafka settings of a new mapping; `uuid` names its consumer group when the caller does not. */
export function newKafka(kind: SourceKind, input: CreateEventSourceMappingRequest, uuid: string): MappingSettings {
  if (!isKafka(kind)) return {};
  const name = kind === 'msk' ? CONFIGS[0] : CONFIGS[1];
  const given: SelfManagedKafkaEventSourceConfig = input[name] ?? {};
  if (given.ConsumptionMode === 'Queue') {
    const refused = NOT_IN_QUEUE_MODE.find((parameter) => input[parameter] !== undefined);
    if (refused !== undefined) throw unsupported(kind, refused);
  }
  const { SchemaRegistryConfig: registry, ...others } = given;
  return {
    [name]: { ConsumerGroupId: uuid, ...others, ...(isEmpty(registry) ? {} : { SchemaRegistryConfig: registry }) },
  };
}

/**
 * The Kafka settings after an update. Consumer group and mode stay what they were, and are refused even when they are
 * the same; an empty schema registry configuration takes the present one away, an empty block changes nothing.
 */
export function changeKafka(
  present: MappingSettings,
  input: Omit<UpdateEventSourceMappingRequest, 'UUID'>,
): MappingSettings {
  const name = CONFIGS.find((config) => input[config] !== undefined);
  if (name === undefined) return {};
  const given: SelfManagedKafkaEventSourceConfig = input[name] ?? {};
  for (const fixed of ['ConsumerGroupId', 'ConsumptionMode'] as const)
    if (given[fixed] !== undefined)
      throw invalidParameter(`Unsupported '${memberPath(name, fixed)}' parameter for given event source mapping type.`);
  if (given.SchemaRegistryConfig === undefined) return {};
  const { SchemaRegistryConfig: _, ...others } = present[name] ?? {};
  const registry = isEmpty(given.SchemaRegistryConfig) ? {} : { SchemaRegistryConfig: given.SchemaRegistryConfig };
  return { [name]: { ...others, ...registry } };
}

export function isQueueMode({ SelfManagedKafkaEventSourceConfig: config }: MappingSettings): boolean {
  return config?.ConsumptionMode === 'Queue';
}

/** Throws InvalidParameterValueException for settings that do not go together. */
export function checkKafka(settings: MappingSettings): void {
  if (isQueueMode(settings) && settings.MaximumBatchingWindowInSeconds !== undefined)
    throw unsupported('kafka', 'MaximumBatchingWindowInSeconds');
  for (const name of CONFIGS) {
    const registry = settings[name]?.SchemaRegistryConfig;
    if (registry !== undefined) checkRegistry(registry, settings, memberPath(name, 'SchemaRegistryConfig'));
  }
}

/** AWS was seen to demand provisioned mode and at least one attribute to validate; its texts are not known. */
function checkRegistry(registry: KafkaSchemaRegistryConfig, settings: MappingSettings, path: string): void {
  if (settings.ProvisionedPollerConfig === undefined)
    throw invalidParameter('SchemaRegistryConfig is only available for event source mappings in provisioned mode.');
  if (registry.SchemaRegistryURI === undefined) throw missing(`${path}.schemaRegistryURI`);
  if (registry.EventRecordFormat === undefined) throw missing(`${path}.eventRecordFormat`);
  if ((registry.SchemaValidationConfigs ?? []).length === 0) throw missing(`${path}.schemaValidationConfigs`);
  if (registry.SchemaValidationConfigs?.some(({ Attribute }) => Attribute === undefined))
    throw missing(`${path}.schemaValidationConfigs.attribute`);
  if (registry.AccessConfigs?.some(({ Type, URI }) => Type === undefined || URI === undefined))
    throw invalidParameter('Every access configuration of a schema registry requires a Type and a URI.');
}

function isEmpty(registry: KafkaSchemaRegistryConfig | undefined): boolean {
  return registry === undefined || Object.values(registry).every((value) => value === undefined);
}

function memberPath(config: (typeof CONFIGS)[number], member: string): string {
  return [config, member].map(lowerFirst).join('.');
}
