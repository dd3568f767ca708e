import { groupKey } from './log-group-key.ts';
import { changed } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

export const putLogGroupDeletionProtection: LogsOperation<'PutLogGroupDeletionProtection'> = async (context, input) => {
  const isProtected = input.deletionProtectionEnabled;
  await changed(context.store.changeGroup(groupKey(context, input), (settings) => ({ ...settings, isProtected })));
  return undefined;
};
