import { changeFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { aliasKey } from '../functions/keys.ts';
import { qualifierRemoval } from '../functions/removal.ts';
import { findFunction } from '../functions/resolve.ts';
import { applyProvisioned } from '../invoke/provisioned-plan.ts';
import type { Operation } from './operation.ts';

/** An alias that does not exist is as good as deleted. */
export const deleteAlias: Operation<'DeleteAlias'> = async (context, input) => {
  const { services } = context;
  const functionName = parseUnqualified(context, input.FunctionName);
  await changeFunction(services, context, functionName, async () => {
    await findFunction(services.metadata, context, functionName);
    await services.metadata.commit([
      { type: 'delete', key: aliasKey(context, functionName, input.Name) },
      ...qualifierRemoval(context, functionName, input.Name),
    ]);
    await applyProvisioned(services, context, functionName);
  });
  return { output: {} };
};
