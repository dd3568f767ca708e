import { letGo, letGoWhenWritten } from '../base/let-go.ts';
import { decodeClientContext } from '../functions/client-context.ts';
import { checkJsonPayload } from '../functions/json-payload.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { acceptEvent } from './event-acceptance.ts';
import { checkTenant, isSpecialJson, refuseWrongRequest } from './invoke-request.ts';
import type { Operation } from './operation.ts';

/** What a runtime is given when the caller sent nothing. */
const EMPTY_PAYLOAD = Buffer.from('{}');

export const invoke: Operation<'Invoke'> = async (context, input) => {
  const { services } = context;
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
  if (input.InvocationType === 'Event') {
    const accepted = await acceptEvent(context, target, input, isEmpty ? EMPTY_PAYLOAD : given);
    return { output: { StatusCode: 202 }, status: 202, headers: { 'X-Amzn-Trace-Id': accepted.traceHeader } };
  }
  const tenantTarget = input.TenantId === undefined ? target : { ...target, tenantId: input.TenantId };
  const outcome = await services.invoker.invoke(tenantTarget, {
    requestId: context.requestId,
    payload: isEmpty ? EMPTY_PAYLOAD : given,
    tail: input.LogType === 'Tail',
    ...(isSpecialJson(context.contentType) ? { contentType: context.contentType } : {}),
    ...(clientContext === undefined ? {} : { clientContext }),
    ...(context.traceHeader === undefined ? {} : { traceHeader: context.traceHeader }),
  });
  if (!isEmpty) letGo(given);
  // What the function says of a failure may be wanted for its trace.
  if (outcome.functionError === undefined) letGoWhenWritten(outcome.payload);
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
