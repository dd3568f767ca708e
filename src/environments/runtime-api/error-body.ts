import type { Result } from './request-parser.ts';

/** What the caller gets of an error that a runtime reports. Source: runtime-facts 1, "Request headers from the runtime". */
export interface ErrorBody {
  readonly body: Buffer;
  /** Set when it is not what its content type says. */
  readonly contentType?: 'application/octet-stream';
}

const OCTETS = 'application/octet-stream';
const WITH_CAUSE = 'application/vnd.aws.lambda.error.cause+json';
const INVALID: ErrorBody = { body: Buffer.from('"Invalid error body"'), contentType: OCTETS };

/** Of an invocation: the runtime's bytes, or of a body with a cause its first three members. */
export function invocationError({ headers, body }: Result): ErrorBody {
  if (headers.get('content-type') !== WITH_CAUSE) return { body };
  const given = parsed(body);
  if (typeof given !== 'object' || Array.isArray(given)) return INVALID;
  const { errorMessage = '', errorType = '', stackTrace } = (given ?? {}) as Record<string, unknown>;
  if (typeof errorMessage !== 'string' || typeof errorType !== 'string' || !isTrace(stackTrace)) return INVALID;
  const trace = stackTrace?.length ? { stackTrace } : {};
  return { body: Buffer.from(JSON.stringify({ errorMessage, errorType, ...trace })) };
}

/** Of an init: the runtime's bytes. */
export function initError({ body }: Result): ErrorBody {
  return parsed(body) === undefined ? { body, contentType: OCTETS } : { body };
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
