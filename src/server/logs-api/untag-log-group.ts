import { removeTags } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

/** UntagResource as it was before. */
export const untagLogGroup: LogsOperation<'UntagLogGroup'> = async (context, { logGroupName: group, tags }) => {
  const { account, region } = context;
  await removeTags(context, { account, region, group }, tags);
  return undefined;
};
