import { refuseReserved } from './log-group-tags.ts';
import { alreadyThere, invalidParameter, limitExceeded } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

/** Deliberate difference from AWS: a KMS key is refused, because logs are not encrypted. */
export const createLogGroup: LogsOperation<'CreateLogGroup'> = async ({ store, account, region }, input) => {
  const { logGroupName: group, tags = {}, logGroupClass: logClass = 'STANDARD' } = input;
  if (input.kmsKeyId !== undefined) throw invalidParameter('lambdad does not encrypt logs: leave kmsKeyId out.');
  refuseReserved(tags);
  const settings = { logClass, retentionDays: undefined, tags, isProtected: input.deletionProtectionEnabled ?? false };
  const result = await store.createGroup({ account, region, group }, settings);
  if (result === 'exists') throw alreadyThere('group');
  if (result === 'full') throw limitExceeded();
  return undefined;
};
