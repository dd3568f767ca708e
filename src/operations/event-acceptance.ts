/** What every way to invoke asynchronously does once the request is found to be good. */
import { parseReference } from '../functions/function-name.ts';
import { traceHeaderOf } from '../invoke/trace-header.ts';
import type { OperationContext } from './operation.ts';

interface AskedFunction {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
  readonly TenantId?: string | undefined;
}

/** The event is on disk when this resolves. The client context stays behind, as at AWS. */
export async function acceptEvent(
  context: OperationContext,
  { FunctionName, Qualifier, TenantId }: AskedFunction,
  functionId: string | undefined,
  payload: Uint8Array,
): Promise<{ readonly traceHeader: string }> {
  const { account, region, requestId, services } = context;
  const { name: functionName, qualifier } = parseReference(context, FunctionName, Qualifier);
  const traceHeader = traceHeaderOf(context.traceHeader, services.clock, services.ids);
  await services.asyncInvokes.accept(
    { account, region, functionName },
    {
      requestId,
      functionId,
      traceHeader,
      payload,
      ...(qualifier === undefined ? {} : { qualifier }),
      ...(TenantId === undefined ? {} : { tenantId: TenantId }),
    },
  );
  return { traceHeader };
}
