/** What the operations of CloudWatch Logs ask of the policies of an identity. */
import { partitionOf } from '../base/arn.ts';
import type { LogGroupKey, LogStore } from '../logs/log-store.ts';
import { type ConditionKeys, requestTags, resourceTags } from '../operations/access-resource.ts';
import type { Namespace } from '../store/namespace.ts';

export interface LogsDemand {
  /** `logs:GetLogEvents` */
  readonly action: string;
  readonly resource: string;
  /** Condition keys that follow from the request and the group's tags. */
  readonly keys: ConditionKeys;
}

/** These name the stream, others end where its name would be. */
const onStream: ReadonlySet<string> = new Set(['CreateLogStream', 'DeleteLogStream', 'GetLogEvents', 'PutLogEvents']);
/** AWS knows the group of these by its bare ARN. */
const onBareGroup: ReadonlySet<string> = new Set(['ListTagsForResource', 'TagResource', 'UntagResource']);

const GROUP_ARN = /^arn:[^:]*:logs:([^:]*):([^:]*):log-group:([^:]+)(?::\*)?$/;

/** ARN of a log group, without the `:*` that AWS shows behind it in places. */
export function groupArn({ account, region, group }: LogGroupKey): string {
  return `arn:${partitionOf(region)}:logs:${region}:${account}:log-group:${group}`;
}

/**
 * All that a request asks for; its input is of the model's types. As AWS names resources in refusals: every one is a stream,
 * be its name, or its group's, empty; but for the operations that tag by ARN. Who makes a group with tags must be allowed to
 * tag it, too.
 */
export async function logsDemands(
  operation: string,
  input: object,
  { store, account, region }: Namespace & { readonly store: LogStore },
): Promise<readonly LogsDemand[]> {
  const here = { account, region };
  const { tags, tagKeys } = input as { readonly tags?: unknown; readonly tagKeys?: readonly string[] };
  const { key } = namedGroup(operation, input, here);
  const isOwn = key?.account === account && key.region === region;
  const found = isOwn ? await store.group(key) : undefined;
  // Where tags are taken away, both generations of the operation list keys.
  const removed = Array.isArray(tags) ? (tags as readonly string[]) : tagKeys;
  const brought = Array.isArray(tags) ? undefined : (tags as Readonly<Record<string, string>> | undefined);
  const keys: ConditionKeys = {
    ...resourceTags(found?.tags ?? {}),
    ...requestTags(brought),
    ...(removed && { 'aws:tagkeys': removed }),
  };
  const demand = { action: `logs:${operation}`, resource: resourceOf(operation, input, here), keys };
  if (operation !== 'CreateLogGroup' || tags === undefined) return [demand];
  return [demand, { action: 'logs:TagResource', resource: resourceOf('TagResource', input, here), keys }];
}

/** The ARN that policies are asked about. */
export function resourceOf(operation: string, input: object, here: Namespace): string {
  const { arn } = namedGroup(operation, input, here);
  if (onBareGroup.has(operation)) return arn;
  const { logStreamName } = input as { readonly logStreamName?: unknown };
  return `${arn}:log-stream:${onStream.has(operation) && typeof logStreamName === 'string' ? logStreamName : ''}`;
}

/** A group named by its ARN is found whatever partition that names; policies know it by its own ARN. */
function namedGroup(
  operation: string,
  input: object,
  here: Namespace,
): { readonly key?: LogGroupKey; readonly arn: string } {
  const { logGroupName, logGroupIdentifier, resourceArn } = input as { readonly [name: string]: unknown };
  const names = operation === 'DescribeLogGroups' ? [] : [logGroupName, logGroupIdentifier, resourceArn];
  const given = names.find((value) => typeof value === 'string') ?? '';
  const [, region, account, name] = GROUP_ARN.exec(given) ?? [];
  if (region === undefined || account === undefined || name === undefined) {
    if (given.startsWith('arn:')) return { arn: given.replace(/:\*$/, '') };
    const key = { ...here, group: given };
    return { key, arn: groupArn(key) };
  }
  const key = { region, account, group: name };
  return { key, arn: groupArn(key) };
}
