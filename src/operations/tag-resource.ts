import { changeTags } from '../functions/change-tags.ts';
import { addTags, taggedFunction } from '../functions/tags.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

export const tagResource: Operation<'TagResource'> = async (context, input) => {
  const name = taggedFunction(context, input.Resource);
  if (Object.keys(input.Tags).length === 0)
    throw invalidParameter('An error occurred and the request cannot be processed.');
  await changeTags(context.services, context, name, (tags) => addTags(tags, input.Tags));
  return { output: {} };
};
