import { removeTags } from '../functions/tags.ts';
import type { Operation } from './operation.ts';
import { taggedResource } from './tagged-resource.ts';

/** Keys that the resource does not have are no error. */
export const untagResource: Operation<'UntagResource'> = async (context, input) => {
  await taggedResource(context, input.Resource).change((tags) => removeTags(tags, input.TagKeys));
  return { output: {} };
};
