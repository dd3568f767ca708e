/** What the operations of CloudWatch Logs ask of the policies of an identity. */
import { partitionOf } from '../base/arn.ts';
import type { LogGroupKey } from '../logs/log-store.ts';
import type { Namespace } from '../store/namespace.ts';

export interface LogsDemand {
  /** `logs:GetLogEvents` */
  readonly action: string;
  readonly resource: string;
}

/** ARN of a log group, without the `:*` that AWS shows behind it in places. */
export function groupArn({ account, region, group }: LogGroupKey): string {
  return `arn:${partitionOf(region)}:logs:${region}:${account}:log-group:${group}`;
}

/** As AWS names resources in refusals: every one of them is a stream, be its name, or its group's, empty. */
export function logsDemand(operation: string, input: Readonly<Record<string, unknown>>, here: Namespace): LogsDemand {
  const { logGroupName, logGroupIdentifier, resourceArn, logStreamName } = input;
  const group = operation === 'DescribeLogGroups' ? '' : given(logGroupName, logGroupIdentifier, resourceArn);
  const arn = arnOf(group, here);
  const stream = operation === 'GetLogEvents' ? given(logStreamName) : '';
  return { action: `logs:${operation}`, resource: `${arn}:log-stream:${stream}` };
}

/** A group named by its ARN is found whatever partition that names; policies know it by its own ARN. */
function arnOf(group: string, here: Namespace): string {
  const [, region, account, name] = /^arn:[^:]*:logs:([^:]*):([^:]*):log-group:([^:]+)(?::\*)?$/.exec(group) ?? [];
  if (region !== undefined && account !== undefined && name !== undefined)
    return groupArn({ account, region, group: name });
  return group.startsWith('arn:') ? group.replace(/:\*$/, '') : groupArn({ ...here, group });
}

function given(...values: readonly unknown[]): string {
  for (const value of values) if (typeof value === 'string') return value;
  return '';
}
