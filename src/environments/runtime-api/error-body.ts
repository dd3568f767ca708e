import type { Result } from './request-parser.ts';

/** What the caller gets of an error that a runtime reports. Source: runtime-facts 1, "Request headers from the runtime". */
export interface ErrorBody {
  readonly body: Buffer;
  /** Set when it is not what its content type says. */
  readonly contentType?: 'application/octet-stream';
  /** For X-Ray, as the runtime wrote it; nobody has looked at it. */
  readonly cause?: string;
}

export const CAUSE_HEADER = 'lambda-runtime-function-xray-error-cause';
const OCTETS = 'application/octet-stream';
const WITH_CAUSE = 'application/vnd.aws.lambda.error.cause+json';
const INVALID: ErrorBody = { body: Buffer.from('"Invalid error body"'), contentType: OCTETS };

/** Of an invocation: the runtime's bytes, or of a body with a cause its first three members. */
export function invocationError({ headers, body }: Result): ErrorBody {
  if (headers.get('content-type') !== WITH_CAUSE) return { body, ...causeOf(headers) };
  const given = parsed(body);
  if (typeof given !== 'object' || Array.isArray(given)) return INVALID;
  const { errorMessage = '', errorType = '', stackTrace, errorCause } = (given ?? {}) as Record<string, unknown>;
  if (typeof errorMessage !== 'string' || typeof errorType !== 'string' || !isTrace(stackTrace)) return INVALID;
  const trace = stackTrace?.length ? { stackTrace } : {};
  const cause = errorCause == null ? causeOf(headers) : { cause: JSON.stringify(errorCause) };
  return { body: Buffer.from(JSON.stringify({ errorMessage, errorType, ...trace })), ...cause };
}

/** Of an init: the runtime's bytes. */
export function initError({ headers, body }: Result): ErrorBody {
  const cause = causeOf(headers);
  return parsed(body) === undefined ? { body, contentType: OCTETS, ...cause } : { body, ...cause };
}

/** Heads are read as Latin-1; a runtime that does not escape writes UTF-8. */
function causeOf(headers: Result['headers']): { readonly cause?: string } {
  const cause = headers.get(CAUSE_HEADER);
  return cause === undefined ? {} : { cause: Buffer.from(cause, 'latin1').toString() };
}

/** Undefined when it is no JSON. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function isTrace(value: unknown): value is readonly string[] | null | undefined {
  return value == null || (Array.isArray(value) && value.every((line) => typeof line === 'string'));
}
