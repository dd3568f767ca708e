/** What a destination and a dead-letter queue are sent. Source: lambda-facts 7.3. */
import { functionArn } from '../base/arn.ts';
import { LATEST } from '../functions/records.ts';
import type { ItemOwner } from '../store/event-queue.ts';
import type { AsyncEvent, Ending } from './async-event.ts';

export interface RecordedEvent {
  readonly owner: ItemOwner;
  readonly event: AsyncEvent;
  readonly ending: Ending;
  /** Epoch milliseconds. */
  readonly endedMs: number;
  /** JSON. */
  readonly requestPayload: Uint8Array;
  /** What the function answered; JSON unless `isOpaque`. Absent when nothing is at hand. */
  readonly responsePayload?: Uint8Array;
  readonly isOpaque?: boolean;
}

/** With its qualifier, `$LATEST` where the caller named none. */
export function recordedArn({ account, region, functionName }: ItemOwner, { qualifier }: AsyncEvent): string {
  return functionArn(region, account, functionName, qualifier ?? LATEST);
}

/** The invocation record. Payloads go in as they are, numbers of any length included. */
export function invocationRecord(recorded: RecordedEvent): Uint8Array {
  const { owner, event, ending, endedMs, requestPayload } = recorded;
  const { condition, invokeCount, answer } = ending;
  const head = JSON.stringify({
    version: '1.0',
    timestamp: new Date(endedMs).toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn: recordedArn(owner, event),
      condition,
      approximateInvokeCount: invokeCount,
    },
  });
  const responseContext = answer && {
    statusCode: answer.statusCode,
    ...(answer.executedVersion === undefined ? {} : { executedVersion: answer.executedVersion }),
    functionError: answer.functionError ?? null,
  };
  return Buffer.concat([
    Buffer.from(`${head.slice(0, -1)},"requestPayload":`),
    requestPayload,
    Buffer.from(`,"responseContext":${JSON.stringify(responseContext ?? null)},"responsePayload":`),
    responseJson(recorded),
    Buffer.from('}'),
  ]);
}

function responseJson({ responsePayload, isOpaque }: RecordedEvent): Uint8Array {
  if (responsePayload === undefined || responsePayload.byteLength === 0) return Buffer.from('null');
  if (!isOpaque && isJson(responsePayload)) return responsePayload;
  return Buffer.from(JSON.stringify(Buffer.from(responsePayload).toString()));
}

/** Runtimes answer JSON, but nobody holds a `provided` one to it. */
function isJson(payload: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(payload).toString());
    return true;
  } catch {
    return false;
  }
}

/** Attributes of a dead letter, whose body is the event alone; those that are absent are not sent. */
export interface DeadLetterAttributes {
  readonly RequestID: string;
  /** A number in decimal. */
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

const NEVER_INVOKED = 'Function not invoked. Function is configured with zero reserved concurrent executions';

export function deadLetterAttributes({ requestId }: AsyncEvent, { condition, answer }: Ending): DeadLetterAttributes {
  const message = condition === 'ZeroReservedConcurrency' ? NEVER_INVOKED : answer?.errorMessage;
  return {
    RequestID: requestId,
    ...(answer === undefined ? {} : { ErrorCode: String(answer.statusCode) }),
    // An attribute may not be empty.
    ...(message ? { ErrorMessage: message } : {}),
  };
}
