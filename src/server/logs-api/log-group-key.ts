/** Which group a request means. */
import type { LogGroupKey, LogStreamView } from '../../logs/log-store.ts';
import { invalidParameter, noSuch } from './logs-error.ts';
import type { LogsContext } from './logs-operation.ts';

interface Named {
  readonly logGroupName?: string | undefined;
  /** A name or an ARN. */
  readonly logGroupIdentifier?: string | undefined;
}

const GROUP_ARN = /^arn:[^:]*:logs:([^:]*):([^:]*):log-group:([^:]+)(?::\*)?$/;

/** The group by name, or by an identifier that is a name or an ARN. */
export function groupKey({ account, region }: LogsContext, input: Named): LogGroupKey {
  const { logGroupName: name, logGroupIdentifier: identifier } = input;
  if (name !== undefined && identifier !== undefined) {
    throw invalidParameter('LogGroup name and LogGroup identifier are mutually exclusive parameters.');
  }
  const given = name ?? identifier;
  if (given === undefined) {
    throw invalidParameter(
      "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null",
    );
  }
  return given.startsWith('arn:') ? groupOfArn({ account, region }, given) : { account, region, group: given };
}

/** Another's group is like one that does not exist. */
export function groupOfArn(
  { account, region }: { readonly account: string; readonly region: string },
  text: string,
): LogGroupKey {
  const [, arnRegion, arnAccount, group] = GROUP_ARN.exec(text) ?? [];
  if (group === undefined) throw invalidParameter('The specified ARN is not that of a log group.');
  if (arnRegion !== region || arnAccount !== account) throw noSuch('group');
  return { account, region, group };
}

/** Throws LogsError where there is no such group. */
export async function streamsOf({ store }: LogsContext, key: LogGroupKey): Promise<readonly LogStreamView[]> {
  const streams = await store.streams(key);
  if (!streams) throw noSuch('group');
  return streams;
}
