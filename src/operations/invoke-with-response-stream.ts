/**
 * Invokes a function and hands its response on while the function writes it (lambda-facts 7.2).
 *
 * Deliberate difference from AWS: the response is not held to 2 MB a second beyond its first 6 MB.
 */
import { decodeClientContext } from '../functions/client-context.ts';
import { checkJsonPayload } from '../functions/json-payload.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { invokeStreaming } from '../invoke/invoke-streaming.ts';
import { ResponseEvents } from '../invoke/response-events.ts';
import { checkTenant, isSpecialJson, refuseWrongRequest } from './invoke-request.ts';
import type { Operation } from './operation.ts';

const EMPTY_PAYLOAD = Buffer.from('{}');

export const invokeWithResponseStream: Operation<'InvokeWithResponseStream'> = async (context, input) => {
  const { services } = context;
  refuseWrongRequest(context, input);
  const target = await resolveInvoke(services.metadata, services.ids, context, input.FunctionName, input.Qualifier);
  checkInvocable(target.version);
  checkTenant(target.version, input.TenantId);
  const given = input.Payload;
  const isEmpty = given === undefined || given.byteLength === 0;
  if (!isEmpty) checkJsonPayload(given);
  const clientContext = decodeClientContext(input.ClientContext);
  if (input.InvocationType === 'DryRun') return { output: { StatusCode: 204 }, status: 204 };
  const tenantTarget = input.TenantId === undefined ? target : { ...target, tenantId: input.TenantId };
  const invoked = await invokeStreaming(services, tenantTarget, {
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
      ExecutedVersion: target.version.version,
      ResponseStreamContentType: 'application/vnd.amazon.eventstream',
    },
    headers: { 'X-Amzn-Trace-Id': invoked.traceHeader },
    stream: new ResponseEvents(invoked),
  };
};
