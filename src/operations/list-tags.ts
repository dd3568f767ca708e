import type { Operation } from './operation.ts';
import { taggedResource } from './tagged-resource.ts';

export const listTags: Operation<'ListTags'> = async (context, input) => ({
  output: { Tags: await taggedResource(context, input.Resource).tags() },
});
