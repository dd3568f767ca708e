import { changed } from './log-group-tags.ts';
import type { LogsOperation } from './logs-operation.ts';

export const deleteRetentionPolicy: LogsOperation<'DeleteRetentionPolicy'> = async (context, input) => {
  const { store, account, region } = context;
  const key = { account, region, group: input.logGroupName };
  await changed(store.changeGroup(key, (settings) => ({ ...settings, retentionDays: undefined })));
  return undefined;
};
