import { tagsOf } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

/** ListTagsForResource as it was before. */
export const listTagsLogGroup: LogsOperation<'ListTagsLogGroup'> = async (context, { logGroupName: group }) => {
  const { account, region } = context;
  return { tags: await tagsOf(context, { account, region, group }) };
};
