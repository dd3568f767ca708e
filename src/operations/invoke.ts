import { decodeClientContext } from '../functions/client-context.ts';
import { checkJsonPayload } from '../functions/json-payload.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import type { VersionBody } from '../functions/records.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type { InvocationRequest } from '../model/types.gen.ts';
import type { Operation, OperationContext } from './operation.ts';

/** Payload of a synchronous invoke (lambda-facts 7.1). */
const PAYLOAD_BYTES_MAX = 6_291_456;

/** What a runtime is given when the caller sent nothing. */
const EMPTY_PAYLOAD = Buffer.from('{}');

/** AWS takes JSON, and the types that SDKs send by habit; these are plainly something else. */
const OTHER_MEDIA = /^(multipart|image|audio|video)\/|[/+]xml\b/i;

const JSON_MEDIA = /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i;

export const invoke: Operation<'Invoke'> = async (context, input) => {
  const { services } = context;
  if (input.InvocationType === 'Event')
    throw new ApiError('NotImplementedException', 'lambdad does not queue asynchronous invokes yet.');
  refuseWrongRequest(context, input);
  const found = resolveInvoke(services.metadata, services.ids, context, input.FunctionName, input.Qualifier);
  // Nothing is awaited when the store has the function in memory.
  const target = found instanceof Promise ? await found : found;
  checkInvocable(target.version);
  checkTenant(target.version, input.TenantId);
  const given = input.Payload;
  const isEmpty = given === undefined || given.byteLength === 0;
  if (!isEmpty) checkJsonPayload(given);
  const clientContext = decodeClientContext(input.ClientContext);
  if (input.InvocationType === 'DryRun') return { output: { StatusCode: 204 }, status: 204 };
  const tenantTarget = input.TenantId === undefined ? target : { ...target, tenantId: input.TenantId };
  const outcome = await services.invoker.invoke(tenantTarget, {
    requestId: context.requestId,
    payload: isEmpty ? EMPTY_PAYLOAD : given,
    tail: input.LogType === 'Tail',
    ...(isSpecialJson(context.contentType) ? { contentType: context.contentType } : {}),
    ...(clientContext === undefined ? {} : { clientContext }),
    ...(context.traceHeader === undefined ? {} : { traceHeader: context.traceHeader }),
  });
  return {
    output: {
      StatusCode: 200,
      Payload: outcome.payload,
      ExecutedVersion: outcome.executedVersion,
      FunctionError: outcome.functionError,
      LogResult: outcome.logTail,
    },
    headers:
      outcome.contentType === undefined
        ? { 'X-Amzn-Trace-Id': outcome.traceHeader }
        : { 'X-Amzn-Trace-Id': outcome.traceHeader, 'Content-Type': outcome.contentType },
  };
};

/** SDKs send other types by habit: the runtime hears of JSON alone, and plain JSON goes without saying. */
function isSpecialJson(contentType: string | undefined): contentType is string {
  return contentType !== undefined && contentType !== 'application/json' && JSON_MEDIA.test(contentType);
}

function refuseWrongRequest({ contentType }: OperationContext, input: InvocationRequest): void {
  if (contentType !== undefined && OTHER_MEDIA.test(contentType))
    throw new ApiError('UnsupportedMediaTypeException', 'The content type of the Invoke request body is not JSON.');
  if (input.Payload !== undefined && input.Payload.byteLength > PAYLOAD_BYTES_MAX)
    throw new ApiError(
      'RequestTooLargeException',
      `Request must be smaller than ${PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation`,
    );
  // Durable functions cannot be asked for when a function is made.
  if (input.DurableExecutionName !== undefined)
    throw invalidParameter('The invoked function is not enabled with durable execution configuration.');
}

/** Tenant isolation needs a tenant with each invoke, and other functions take none (lambda-facts 6.9). */
function checkTenant({ settings }: VersionBody, tenantId: string | undefined): void {
  if (settings.tenantIsolation === undefined && tenantId !== undefined)
    throw invalidParameter(
      'The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.',
    );
  if (settings.tenantIsolation !== undefined && tenantId === undefined)
    throw invalidParameter(
      'The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.',
    );
}
