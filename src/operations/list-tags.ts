import { findFunction } from '../functions/resolve.ts';
import { taggedFunction } from '../functions/tags.ts';
import type { Operation } from './operation.ts';

export const listTags: Operation<'ListTags'> = async (context, input) => {
  const name = taggedFunction(context, input.Resource);
  const { body } = await findFunction(context.services.metadata, context, name);
  return { output: { Tags: body.tags } };
};
