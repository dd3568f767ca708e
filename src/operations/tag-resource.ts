import { addTags } from '../functions/tags.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';
import { taggedResource } from './tagged-resource.ts';

export const tagResource: Operation<'TagResource'> = async (context, input) => {
  const resource = taggedResource(context, input.Resource);
  if (Object.keys(input.Tags).length === 0)
    throw invalidParameter('An error occurred and the request cannot be processed.');
  await resource.change((tags) => addTags(tags, input.Tags));
  return { output: {} };
};
