import { changeTags } from '../functions/change-tags.ts';
import { removeTags, taggedFunction } from '../functions/tags.ts';
import type { Operation } from './operation.ts';

/** Keys that the function does not have are no error. */
export const untagResource: Operation<'UntagResource'> = async (context, input) => {
  const name = taggedFunction(context, input.Resource);
  await changeTags(context.services, context, name, (tags) => removeTags(tags, input.TagKeys));
  return { output: {} };
};
