import { ApiError } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import { type MappingBody, type MappingTools, mappedFunctionArn, walkMappings } from './mapping-record.ts';

type Candidate = Pick<MappingBody, 'uuid' | 'source' | 'functionName' | 'qualifier' | 'settings'>;

/**
 * Throws ResourceConflictException when another mapping leads from the same source (for Kafka the same topic, for
 * brokers the same queue, for DocumentDB the same collection) to the same function. Run it with the mappings' lock held.
 */
export async function checkDuplicate(tools: MappingTools, namespace: Namespace, candidate: Candidate): Promise<void> {
  for await (const { body } of walkMappings(tools, namespace))
    if (body.uuid !== candidate.uuid && isSame(body, candidate))
      throw new ApiError('ResourceConflictException', conflictText(namespace, candidate, body.uuid));
}

function isSame(one: Candidate, other: Candidate): boolean {
  return (
    one.functionName === other.functionName &&
    one.qualifier === other.qualifier &&
    overlap(addressesOf(one), addressesOf(other)) &&
    partOf(one) === partOf(other)
  );
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((address) => others.includes(address));
}

function addressesOf({ source }: Candidate): readonly string[] {
  return source.arn === undefined ? (source.servers ?? []) : [source.arn];
}

/** The part of the source that is read. */
function partOf({ settings }: Candidate): string {
  const { DatabaseName, CollectionName } = settings.DocumentDBEventSourceConfig ?? {};
  return JSON.stringify([settings.Topics, settings.Queues, DatabaseName, CollectionName]);
}

/** Every service was given a text of its own (lambda-facts 15). */
function conflictText(namespace: Namespace, candidate: Candidate, uuid: string): string {
  const { source, functionName, qualifier, settings } = candidate;
  const name = qualifier === undefined ? functionName : `${functionName}:${qualifier}`;
  const advice = `Please update or delete the existing mapping with UUID ${uuid}`;
  const addresses = addressesOf(candidate).join(',');
  switch (source.kind) {
    case 'sqs':
      return `An event source mapping with SQS arn (" ${addresses} ") and function (" ${name} ") already exists. ${advice}`;
    case 'msk':
    case 'kafka':
      return `An event source mapping with event source ("${addresses}"), function ("${mappedFunctionArn(namespace, candidate)}"), topics ("${settings.Topics?.join(',')}") already exists. ${advice}`;
    default:
      return `The event source arn (" ${addresses} ") and function (" ${name} ") provided mapping already exists. ${advice}`;
  }
}
