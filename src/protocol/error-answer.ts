import { ApiError, type ErrorName, errorKind } from '../model/api-error.ts';
import type { WireAnswer } from './serialise.ts';

function answer(name: ErrorName, message: string, extras: ApiError['extras']): WireAnswer {
  const { status, messageKey, fault } = errorKind(name);
  const body = { ...extras.body, Type: fault ? 'Service' : 'User', [messageKey]: message };
  const headers = ['Content-Type', 'application/json', 'x-amzn-ErrorType', name];
  for (const [header, value] of Object.entries(extras.headers ?? {})) headers.push(header, value);
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** True for what is our fault: to be logged with its request id, while the caller learns no more than that. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof ApiError);
}

/**
 * The answer to whatever an operation threw (lambda-facts 6.1): status, `x-amzn-ErrorType` and the body
 * `{"Type":"User"|"Service","Message"|"message":…}` with the error's extra members. Anything but an ApiError is a 500
 * ServiceException that names the request id and nothing else.
 */
export function errorAnswer(error: unknown, requestId: string): WireAnswer {
  if (error instanceof ApiError) return answer(error.name, error.message, error.extras);
  return answer('ServiceException', `An internal error occurred. Request id: ${requestId}`, {});
}
