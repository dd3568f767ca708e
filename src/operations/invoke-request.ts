/** What the operations that invoke ask of a request alike (lambda-facts 7.1). */
import type { VersionBody } from '../functions/records.ts';
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type { InvocationRequest } from '../model/types.gen.ts';
import type { OperationContext } from './operation.ts';

/** Payload of an invoke whose caller waits, and of one whose caller does not. */
const PAYLOAD_BYTES_MAX = 6_291_456;
const EVENT_BYTES_MAX = 1_048_576;

/** AWS takes JSON, and the types that SDKs send by habit; these are plainly something else. */
const OTHER_MEDIA = /^(multipart|image|audio|video)\/|[/+]xml\b/i;

const JSON_MEDIA = /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i;

/** SDKs send other types by habit: the runtime hears of JSON alone, and plain JSON goes without saying. */
export function isSpecialJson(contentType: string | undefined): contentType is string {
  return contentType !== undefined && contentType !== 'application/json' && JSON_MEDIA.test(contentType);
}

/** Throws UnsupportedMediaTypeException, RequestTooLargeException, and the refusal of durable executions. */
export function refuseWrongRequest(
  { contentType }: OperationContext,
  input: Pick<InvocationRequest, 'Payload' | 'DurableExecutionName'> & { readonly InvocationType?: string | undefined },
): void {
  if (contentType !== undefined && OTHER_MEDIA.test(contentType))
    throw new ApiError('UnsupportedMediaTypeException', 'The content type of the Invoke request body is not JSON.');
  const bytesMax = input.InvocationType === 'Event' ? EVENT_BYTES_MAX : PAYLOAD_BYTES_MAX;
  if (input.Payload !== undefined && input.Payload.byteLength > bytesMax)
    throw new ApiError(
      'RequestTooLargeException',
      `Request must be smaller than ${bytesMax} bytes for the InvokeFunction operation`,
    );
  // Durable functions cannot be asked for when a function is made.
  if (input.DurableExecutionName !== undefined)
    throw invalidParameter('The invoked function is not enabled with durable execution configuration.');
}

/** Tenant isolation needs a tenant with each invoke, and other functions take none (lambda-facts 6.9). */
export function checkTenant({ settings }: VersionBody, tenantId: string | undefined): void {
  if (settings.tenantIsolation === undefined && tenantId !== undefined)
    throw invalidParameter(
      'The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.',
    );
  if (settings.tenantIsolation !== undefined && tenantId === undefined)
    throw invalidParameter(
      'The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.',
    );
}
