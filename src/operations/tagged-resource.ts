import { changeTags } from '../functions/change-tags.ts';
import { changeCodeSigningTags, codeSigningTags } from '../functions/code-signing-config.ts';
import { parseReference } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Tags } from '../functions/tags.ts';
import { invalidParameter, notFound } from '../model/api-error.ts';
import { changeMappingTags, mappingTags } from '../sources/mapping-tags.ts';
import type { OperationContext } from './operation.ts';

/** A resource that can have tags. Both throw ResourceNotFoundException when it is not there, each kind in its own words. */
export interface TaggedResource {
  tags(): Promise<Tags>;
  /** Throws what `change` throws. */
  change(change: (tags: Tags) => Tags): Promise<void>;
}

/**
 * The resource that a tag operation names by its ARN (lambda-facts 6.3.22, 6.7). Throws InvalidParameterValueException
 * for versions and aliases, ResourceNotFoundException for the kinds of which there are none here.
 */
export function taggedResource(context: OperationContext, arn: string): TaggedResource {
  const { services } = context;
  switch (arn.split(':')[5]) {
    case 'event-source-mapping':
      return {
        tags: () => mappingTags(services, context, arn),
        change: (change) => changeMappingTags(services, context, arn, change),
      };
    case 'code-signing-config':
      return {
        tags: () => codeSigningTags(services, context, arn),
        change: (change) => changeCodeSigningTags(services, context, arn, change),
      };
    case 'capacity-provider':
      throw notFound(`Capacity provider not found: ${arn}`);
    case 'network-connector':
      throw notFound(`Network connector not found: ${arn}`);
    default:
      return taggedFunction(context, arn);
  }
}

function taggedFunction(context: OperationContext, arn: string): TaggedResource {
  const { services } = context;
  const { name, qualifier } = parseReference(context, arn);
  if (qualifier !== undefined)
    throw invalidParameter('Tags on function aliases and versions are not supported. Please specify a function ARN.');
  return {
    tags: async () => (await findFunction(services.metadata, context, name)).body.tags,
    change: (change) => changeTags(services, context, name, change),
  };
}
