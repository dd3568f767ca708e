import { changeFunction } from '../functions/change-function.ts';
import { isVersionNumber, parseReference } from '../functions/function-name.ts';
import { canBeVersion, LATEST } from '../functions/records.ts';
import { checkNoAlias, functionRemoval, versionRemoval } from '../functions/removal.ts';
import { findFunction } from '../functions/resolve.ts';
import { applyProvisioned } from '../invoke/provisioned-plan.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** Deletes the function with everything of it, or one published version. AWS answers 204 where its model says 200. */
export const deleteFunction: Operation<'DeleteFunction'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, invoker } = services;
  const { name, qualifier } = parseReference(context, input.FunctionName, input.Qualifier);
  if (qualifier === LATEST) throw invalidParameter('$LATEST version cannot be deleted without deleting the function.');
  if (qualifier !== undefined && !isVersionNumber(qualifier))
    throw invalidParameter('Deletion of aliases is not currently supported.');
  await changeFunction(services, context, name, async () => {
    const owner = await findFunction(metadata, context, name);
    if (qualifier === undefined) await metadata.commit(functionRemoval(context, owner));
    else {
      if (!canBeVersion(qualifier)) return;
      await checkNoAlias(metadata, context, name, qualifier);
      await metadata.commit(versionRemoval(context, name, qualifier));
    }
    await applyProvisioned(services, context, name);
  });
  invoker.retire(account, region, name, qualifier);
  return { output: { StatusCode: 204 }, status: 204 };
};
