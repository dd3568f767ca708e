import { changeFunction } from '../functions/change-function.ts';
import { parseReference } from '../functions/function-name.ts';
import {
  findProvisionedTarget,
  provisionedKey,
  provisionedQualifier,
  readProvisioned,
} from '../functions/provisioned-concurrency.ts';
import { applyProvisioned } from '../invoke/provisioned-plan.ts';
import type { Operation } from './operation.ts';

/** A configuration that does not exist is as good as deleted; a version or alias that does not exist is not. */
export const deleteProvisionedConcurrencyConfig: Operation<'DeleteProvisionedConcurrencyConfig'> = async (
  context,
  input,
) => {
  const { services } = context;
  const { metadata } = services;
  const reference = parseReference(context, input.FunctionName, input.Qualifier);
  const { name } = reference;
  const qualifier = provisionedQualifier(reference);
  await changeFunction(services, context, name, async () => {
    await findProvisionedTarget(metadata, context, name, qualifier);
    const read = await readProvisioned(metadata, context, name, qualifier);
    if (!read) return;
    await metadata.commit([{ type: 'delete', key: provisionedKey(context, name, qualifier), expect: read.revision }]);
    await applyProvisioned(services, context, name);
  });
  return { output: {} };
};
