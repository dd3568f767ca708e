import { ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import { parseReference } from './function-name.ts';
import type { Namespace } from './keys.ts';

/** Tags of one function (lambda-facts 6.3.22). */
const TAGS_MAX = 50;

export type Tags = Readonly<Record<string, string>>;

/** The tags after more were given. Throws InvalidParameterValueException. */
export function addTags(current: Tags, more: Tags): Tags {
  // The prefix is AWS's in any spelling; the text is that of AWS's other services, Lambda's own was not recorded.
  if (Object.keys(more).some((key) => key.toLowerCase().startsWith('aws:')))
    throw invalidParameter('aws: prefixed tag key names are not allowed for external use.');
  const tags = { ...current, ...more };
  if (Object.keys(tags).length > TAGS_MAX) throw invalidParameter('Number of tags exceeds resource tag limit.');
  return tags;
}

export function removeTags(current: Tags, keys: readonly string[]): Tags {
  const gone = new Set(keys);
  return Object.fromEntries(Object.entries(current).filter(([key]) => !gone.has(key)));
}

/**
 * The function whose ARN a tag operation names. The other kinds of resources cannot be made yet, so none is found,
 * each with its own text. Throws ResourceNotFoundException, InvalidParameterValueException for versions and aliases.
 */
export function taggedFunction(namespace: Namespace, resource: string): string {
  const [, , , , , kind] = resource.split(':');
  if (kind === 'event-source-mapping') throw notFound(`Event source mapping not found: ${resource}`);
  if (kind === 'capacity-provider') throw notFound(`Capacity provider not found: ${resource}`);
  if (kind === 'network-connector') throw notFound(`Network connector not found: ${resource}`);
  if (kind === 'code-signing-config')
    throw new ApiError(
      'ResourceNotFoundException',
      `The Lambda code signing configuration ${resource} can not be found.`,
    );
  const { name, qualifier } = parseReference(namespace, resource);
  if (qualifier === undefined) return name;
  throw invalidParameter('Tags on function aliases and versions are not supported. Please specify a function ARN.');
}
