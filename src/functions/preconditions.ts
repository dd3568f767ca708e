/** What must hold before a function may be changed or invoked (lambda-facts 6.3). */
import { functionArn } from '../base/arn.ts';
import { ApiError } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import type { VersionBody } from './records.ts';

/**
 * Throws PreconditionFailedException when the caller wrote to another revision than this one; the text names the
 * operation that would have told the right one.
 */
export function checkRevision(
  given: string | undefined,
  current: string | undefined,
  reader: 'GetFunction/GetAlias' | 'GetPolicy' | 'GetLayerPolicy' = 'GetFunction/GetAlias',
): void {
  // An empty id counts as none, which is what SDKs send for an empty string parameter.
  if (given === undefined || given === '' || given === current) return;
  throw new ApiError(
    'PreconditionFailedException',
    `The Revision Id provided does not match the latest Revision Id. Call the ${reader} API to retrieve the latest Revision Id`,
  );
}

/** Throws ResourceConflictException while `$LATEST` is being created or updated. */
export function checkChangeable(namespace: Namespace, latest: VersionBody): void {
  if (latest.status.state === 'Pending') throw inState(latest);
  if (latest.status.lastUpdateStatus !== 'InProgress') return;
  const arn = functionArn(namespace.region, namespace.account, latest.functionName);
  throw new ApiError(
    'ResourceConflictException',
    `The operation cannot be performed at this time. An update is in progress for resource: ${arn}`,
  );
}

/** Throws ResourceConflictException unless the version can be invoked. */
export function checkInvocable(version: VersionBody): void {
  if (version.status.state !== 'Active') throw inState(version);
}

function inState(version: VersionBody): ApiError {
  return new ApiError(
    'ResourceConflictException',
    `The operation cannot be performed at this time. The function is currently in the following state: ${version.status.state}`,
  );
}
