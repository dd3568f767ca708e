import { addTags } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

/** TagResource as it was before. */
export const tagLogGroup: LogsOperation<'TagLogGroup'> = async (context, { logGroupName: group, tags }) => {
  const { account, region } = context;
  await addTags(context, { account, region, group }, tags);
  return undefined;
};
