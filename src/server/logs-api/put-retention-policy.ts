import { changed } from './log-group-tags.ts';
import { invalidParameter } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

const DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

export const putRetentionPolicy: LogsOperation<'PutRetentionPolicy'> = async ({ store, account, region }, input) => {
  const { logGroupName: group, retentionInDays } = input;
  if (!DAYS.includes(retentionInDays))
    throw invalidParameter(`Invalid retention value. Valid values are: [${DAYS.join(', ')}]`);
  await changed(
    store.changeGroup({ account, region, group }, (settings) => {
      if (settings.logClass === 'DELIVERY')
        throw invalidParameter('The retention of a log group of the DELIVERY class cannot be changed.');
      return { ...settings, retentionDays: retentionInDays };
    }),
  );
  return undefined;
};
