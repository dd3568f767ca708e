import { checkJsonPayload } from '../functions/json-payload.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { ApiError } from '../model/api-error.ts';
import { acceptEvent } from './event-acceptance.ts';
import { checkTenant } from './invoke-request.ts';
import type { Operation } from './operation.ts';

/** It kept the limit that asynchronous invokes once had (lambda-facts 7.1). */
const ARGS_BYTES_MAX = 262_144;

const EMPTY_ARGS = Buffer.from('{}');

/** The older way to invoke asynchronously: without qualifier, tenant or client context. */
export const invokeAsync: Operation<'InvokeAsync'> = async (context, { FunctionName, InvokeArgs }) => {
  const { services } = context;
  if (InvokeArgs.byteLength > ARGS_BYTES_MAX)
    throw new ApiError(
      'RequestTooLargeException',
      `Request must be smaller than ${ARGS_BYTES_MAX} bytes for the InvokeAsync operation`,
    );
  const target = await resolveInvoke(services.metadata, services.ids, context, FunctionName);
  checkInvocable(target.version);
  checkTenant(target.version, undefined);
  const isEmpty = InvokeArgs.byteLength === 0;
  if (!isEmpty) checkJsonPayload(InvokeArgs);
  const { traceHeader } = await acceptEvent(context, target, { FunctionName }, isEmpty ? EMPTY_ARGS : InvokeArgs);
  return { output: { Status: 202 }, headers: { 'X-Amzn-Trace-Id': traceHeader } };
};
