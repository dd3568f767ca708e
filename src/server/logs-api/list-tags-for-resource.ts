import { groupOfArn } from './log-group-key.ts';
import { tagsOf } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

export const listTagsForResource: LogsOperation<'ListTagsForResource'> = async (context, { resourceArn }) => {
  return { tags: await tagsOf(context, groupOfArn(context, resourceArn)) };
};
