import { isProtected, noSuch } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

export const deleteLogStream: LogsOperation<'DeleteLogStream'> = async ({ store, account, region }, input) => {
  const { logGroupName: group, logStreamName: stream } = input;
  const result = await store.deleteStream({ account, region, group, stream });
  if (result === 'no group') throw noSuch('group');
  if (result === 'no stream') throw noSuch('stream');
  if (result === 'protected') throw isProtected();
  return undefined;
};
