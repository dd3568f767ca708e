import { alreadyThere, limitExceeded, noSuch } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

export const createLogStream: LogsOperation<'CreateLogStream'> = async ({ store, account, region }, input) => {
  const { logGroupName: group, logStreamName: stream } = input;
  const result = await store.createStream({ account, region, group, stream });
  if (result === 'no group') throw noSuch('group');
  if (result === 'exists') throw alreadyThere('stream');
  if (result === 'full') throw limitExceeded();
  return undefined;
};
