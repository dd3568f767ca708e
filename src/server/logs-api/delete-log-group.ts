import { isProtected, noSuch } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

export const deleteLogGroup: LogsOperation<'DeleteLogGroup'> = async ({ store, account, region }, input) => {
  const result = await store.deleteGroup({ account, region, group: input.logGroupName });
  if (result === 'no group') throw noSuch('group');
  if (result === 'protected') throw isProtected();
  return undefined;
};
