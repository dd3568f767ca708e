import { retentionDaysOf } from '../../logs/log-retention.ts';
import type { LogGroupView } from '../../logs/log-store.ts';
import type { DescribeLogGroupsRequest, LogGroup } from '../../model/logs-types.gen.ts';
import { groupArn } from '../logs-access.ts';
import { groupKey } from './log-group-key.ts';
import { pageOf } from './log-page.ts';
import { invalidParameter } from './logs-error.ts';
import type { LogsContext, LogsOperation } from './logs-operation.ts';

/** No accounts are linked, so that asking for theirs adds nothing. */
export const describeLogGroups: LogsOperation<'DescribeLogGroups'> = async (context, input) => {
  const { account, region, store } = context;
  const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern, accountIdentifiers: accounts } = input;
  if (prefix !== undefined && pattern !== undefined) {
    throw invalidParameter('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
  }
  const isWanted = filterOf(context, input);
  const isOwnWanted = accounts === undefined || accounts.length === 0 || accounts.includes(account);
  const groups = (isOwnWanted ? await store.groups(account, region) : []).filter(isWanted);
  const keyed = groups.map((view) => ({ ...view, sortKey: view.group }));
  const { page, nextToken } = pageOf(keyed, { limit: input.limit, token: input.nextToken });
  return { logGroups: page.map((view) => viewOf(context, view, pattern !== undefined)), nextToken };
};

function filterOf(context: LogsContext, input: DescribeLogGroupsRequest): (view: LogGroupView) => boolean {
  const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern, logGroupClass, logGroupIdentifiers } = input;
  if (logGroupIdentifiers) {
    if ((prefix ?? pattern ?? logGroupClass) !== undefined)
      throw invalidParameter('LogGroup identifiers cannot be combined with other filters.');
    const wanted = new Set(
      logGroupIdentifiers.map((logGroupIdentifier) => groupKey(context, { logGroupIdentifier }).group),
    );
    return ({ group }) => wanted.has(group);
  }
  return ({ group, logClass }) =>
    group.startsWith(prefix ?? '') &&
    group.includes(pattern ?? '') &&
    (logGroupClass === undefined || logClass === logGroupClass);
}

/** What was found by a pattern is shown in short (seen in AWS's reference of the operation). */
function viewOf({ account, region }: LogsContext, view: LogGroupView, inShort: boolean): LogGroup {
  const { group, createdAt, storedBytes, logClass, isProtected } = view;
  const logGroupArn = groupArn({ account, region, group });
  const short = { logGroupName: group, creationTime: createdAt, arn: `${logGroupArn}:*` };
  if (inShort) return short;
  const retentionInDays = retentionDaysOf(view);
  return {
    ...short,
    ...(retentionInDays !== undefined && { retentionInDays }),
    metricFilterCount: 0,
    storedBytes,
    logGroupClass: logClass,
    logGroupArn,
    deletionProtectionEnabled: isProtected,
  };
}
