import { groupOfArn } from './log-group-key.ts';
import { addTags } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

export const tagResource: LogsOperation<'TagResource'> = async (context, { resourceArn, tags }) => {
  await addTags(context, groupOfArn(context, resourceArn), tags, { resourceName: resourceArn });
  return undefined;
};
