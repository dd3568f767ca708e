/** What every way to invoke asynchronously does once the request is found to be good. */
import { parseReference } from '../functions/function-name.ts';
import type { InvokeTarget } from '../invoke/invoker.ts';
import type { OperationContext } from './operation.ts';

interface AskedFunction {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
  readonly TenantId?: string | undefined;
}

/** What was found for it; `functionId` tells the function from a later one of its name. */
type AcceptingTarget = InvokeTarget & { readonly functionId?: string | undefined };

/** The event is on disk when this resolves. The client context stays behind, as at AWS. */
export async function acceptEvent(
  context: OperationContext,
  target: AcceptingTarget,
  { FunctionName, Qualifier, TenantId }: AskedFunction,
  payload: Uint8Array,
): Promise<{ readonly traceHeader: string }> {
  const { account, region, requestId, services } = context;
  const { name: functionName, qualifier } = parseReference(context, FunctionName, Qualifier);
  const { kept, told } = services.invoker.eventTrace(target, context.traceHeader);
  await services.asyncInvokes.accept(
    { account, region, functionName },
    {
      requestId,
      functionId: target.functionId,
      traceHeader: kept,
      payload,
      ...(qualifier === undefined ? {} : { qualifier }),
      ...(TenantId === undefined ? {} : { tenantId: TenantId }),
    },
  );
  return { traceHeader: told };
}
