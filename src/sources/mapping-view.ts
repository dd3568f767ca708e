/** Mappings as answers show them (lambda-facts 8.2): each source has its own members, and so has its record. */
import type { EventSourceMappingConfiguration } from '../model/types.gen.ts';
import type { Namespace } from '../store/namespace.ts';
import { viewFilters } from './filter-criteria.ts';
import { type MappingBody, type MappingTools, mappedFunctionArn, mappingArn } from './mapping-record.ts';

/** `listed`: a list shows no filters that are under a KMS key. */
export async function viewMapping(
  { vault, sources }: Pick<MappingTools, 'vault' | 'sources'>,
  namespace: Namespace,
  body: MappingBody,
  { listed = false }: { readonly listed?: boolean } = {},
): Promise<EventSourceMappingConfiguration> {
  const { uuid, source, kmsKeyArn, status } = body;
  const { startingPositionMs, ...settings } = body.settings;
  const result = sources.resultOf(uuid);
  const isQueue = source.kind === 'sqs';
  const hidden = listed && body.sealedFilters !== undefined;
  return {
    UUID: uuid,
    ...settings,
    ...(startingPositionMs === undefined ? {} : { StartingPositionTimestamp: new Date(startingPositionMs) }),
    ...(source.arn === undefined ? {} : { EventSourceArn: source.arn }),
    ...(source.servers === undefined
      ? {}
      : { SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: source.servers } } }),
    ...(hidden ? {} : await viewFilters(vault, namespace, body)),
    ...(kmsKeyArn === undefined ? {} : { KMSKeyArn: kmsKeyArn }),
    FunctionArn: mappedFunctionArn(namespace, body),
    LastModified: new Date(status.sinceMs),
    ...(isQueue ? {} : { LastProcessingResult: result ?? 'No records processed' }),
    State: status.state,
    // Mappings of queues have no LastProcessingResult that would say it.
    StateTransitionReason: (isQueue && problemIn(result)) || status.reason,
    EventSourceMappingArn: mappingArn(namespace, uuid),
  };
}

function problemIn(result: string | undefined): string | undefined {
  return result?.startsWith('PROBLEM') ? result : undefined;
}
