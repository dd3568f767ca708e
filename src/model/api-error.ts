import { type ModelErrorName, modelErrors } from './errors.gen.ts';

/**
 * Errors that AWS's front end answers before an operation runs, and that no model lists.
 * Source: lambda-facts 3.2, 15, and the common errors of Signature Version 4.
 */
const frameworkErrors = {
  AccessDeniedException: { status: 403, messageKey: 'Message', fault: false },
  ExpiredTokenException: { status: 403, messageKey: 'message', fault: false },
  IncompleteSignatureException: { status: 400, messageKey: 'message', fault: false },
  InvalidSignatureException: { status: 403, messageKey: 'message', fault: false },
  MissingAuthenticationTokenException: { status: 403, messageKey: 'message', fault: false },
  NotImplementedException: { status: 501, messageKey: 'message', fault: true },
  RequestEntityTooLargeException: { status: 413, messageKey: 'message', fault: false },
  RequestTimeoutException: { status: 408, messageKey: 'message', fault: false },
  SerializationException: { status: 400, messageKey: 'Message', fault: false },
  UnknownOperationException: { status: 404, messageKey: 'message', fault: false },
  UnrecognizedClientException: { status: 403, messageKey: 'message', fault: false },
  ValidationException: { status: 400, messageKey: 'message', fault: false },
} as const;

export type ErrorName = ModelErrorName | keyof typeof frameworkErrors;

interface ErrorKind {
  readonly status: number;
  readonly messageKey: 'message' | 'Message';
  readonly fault: boolean;
}

/** Members that some errors carry beside the message: `Reason` and the Retry-After header of throttles. */
export interface ErrorExtras {
  readonly body?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The one place that maps an error name to its HTTP status and message key. */
export function errorKind(name: ErrorName): ErrorKind {
  return name in modelErrors
    ? modelErrors[name as ModelErrorName]
    : frameworkErrors[name as keyof typeof frameworkErrors];
}

/** The caller's fault: answered with AWS's name, status and text. Anything else thrown is our fault, a 500. */
export class ApiError extends Error {
  override readonly name: ErrorName;
  readonly extras: ErrorExtras;

  constructor(name: ErrorName, message: string, extras: ErrorExtras = {}) {
    super(message);
    this.name = name;
    this.extras = extras;
  }
}

/** Shorthand for the commonest refusal, InvalidParameterValueException (400). */
export function invalidParameter(message: string): ApiError {
  return new ApiError('InvalidParameterValueException', message);
}

/** Shorthand for ResourceNotFoundException (404). */
export function notFound(message: string): ApiError {
  return new ApiError('ResourceNotFoundException', message);
}
