/**
 * The part of the CloudWatch Logs API (2014-03-28, AWS JSON 1.1) that is about what lambdad holds: groups, streams, events,
 * retention, tags. Operations are in logs-api/, one file each.
 *
 * Deliberate differences from AWS: other operations answer UnknownOperationException; the class of a group decides nothing
 * but how long DELIVERY keeps events (one day), so that all classes are read in the same way.
 */
import type { Clock } from '../base/clock.ts';
import { type LogStore, LogStoreUnavailable } from '../logs/log-store.ts';
import { ApiError } from '../model/api-error.ts';
import { type LogsOperationName, logsInputShapes } from '../model/logs-shapes.gen.ts';
import type { OperationInputs } from '../model/logs-types.gen.ts';
import type { ConditionKeys } from '../operations/access-resource.ts';
import { parseJson } from '../protocol/json-text.ts';
import { fromJson } from '../protocol/json-value.ts';
import { complaintAbout } from '../protocol/validate.ts';
import { logsDemands } from './logs-access.ts';
import { logsOperations } from './logs-api/all.ts';
import { invalidParameter, LogsError } from './logs-api/logs-error.ts';
import type { LogsContext, LogsOperation } from './logs-api/logs-operation.ts';

/** Whose logs: the account of the credential and the region of the signature. */
export interface LogsCaller {
  readonly account: string;
  readonly region: string;
  /** The refusal of an action on a resource in AWS's words; undefined when the caller may. */
  readonly refusal: (action: string, resource: string, keys: ConditionKeys) => string | undefined;
}

export interface LogsAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `target` is the X-Amz-Target header: `Logs_20140328.FilterLogEvents`. Never rejects for what the caller sent. */
export type LogsApi = (target: string, body: Uint8Array, who: LogsCaller) => Promise<LogsAnswer>;

const TARGET_PREFIX = 'Logs_20140328.';
const HEADERS = { 'Content-Type': 'application/x-amz-json-1.1' };

export function createLogsApi(store: LogStore, clock: Clock): LogsApi {
  return async (target, body, who) => {
    try {
      const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
      if (!isServed(name)) {
        throw new LogsError('UnknownOperationException', `lambdad does not know the operation ${name}`);
      }
      return await call(name, body, who, { store, clock, account: who.account, region: who.region });
    } catch (error) {
      const { type, message, status, extras } = failureOf(error);
      return { status, body: JSON.stringify({ __type: type, message, ...extras }), headers: HEADERS };
    }
  };
}

async function call<Name extends LogsOperationName>(
  name: Name,
  body: Uint8Array,
  who: LogsCaller,
  context: LogsContext,
): Promise<LogsAnswer> {
  const input = parseInput(name, body);
  const complaint = complaintAbout(logsInputShapes[name], input);
  if (complaint !== undefined) throw invalidParameter(complaint);
  for (const { action, resource, keys } of await logsDemands(name, input, context)) {
    const refusal = who.refusal(action, resource, keys);
    if (refusal !== undefined) return refused(refusal);
  }
  const operation: LogsOperation<Name> = logsOperations[name];
  const output = await operation(context, input);
  return { status: 200, body: output ? JSON.stringify(output) : '', headers: HEADERS };
}

function isServed(name: string): name is LogsOperationName {
  return Object.hasOwn(logsInputShapes, name);
}

function parseInput<Name extends LogsOperationName>(name: Name, body: Uint8Array): OperationInputs[Name] {
  return fromJson(logsInputShapes[name], body.length === 0 ? {} : parseJson(body)) as OperationInputs[Name];
}

/** This one error has its text under a capital. */
function refused(text: string): LogsAnswer {
  return { status: 400, body: JSON.stringify({ __type: 'AccessDeniedException', Message: text }), headers: HEADERS };
}

/** Throws what is our own fault. */
function failureOf(error: unknown): LogsError {
  if (error instanceof LogsError) return error;
  if (error instanceof ApiError) return new LogsError(error.name, error.message);
  if (!(error instanceof LogStoreUnavailable)) throw error;
  const text = 'The service cannot complete the request: the logs cannot be written.';
  return new LogsError('ServiceUnavailableException', text, { status: 500 });
}
