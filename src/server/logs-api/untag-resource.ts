import { groupOfArn } from './log-group-key.ts';
import { removeTags } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

export const untagResource: LogsOperation<'UntagResource'> = async (context, { resourceArn, tagKeys }) => {
  await removeTags(context, groupOfArn(context, resourceArn), tagKeys);
  return undefined;
};
