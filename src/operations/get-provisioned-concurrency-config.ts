import { parseReference } from '../functions/function-name.ts';
import {
  findProvisionedTarget,
  provisionedQualifier,
  readProvisioned,
  viewProvisioned,
} from '../functions/provisioned-concurrency.ts';
import { ApiError } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** With the environments as they are now, counted. */
export const getProvisionedConcurrencyConfig: Operation<'GetProvisionedConcurrencyConfig'> = async (context, input) => {
  const { metadata, invoker } = context.services;
  const reference = parseReference(context, input.FunctionName, input.Qualifier);
  const { name } = reference;
  const qualifier = provisionedQualifier(reference);
  await findProvisionedTarget(metadata, context, name, qualifier);
  const read = await readProvisioned(metadata, context, name, qualifier);
  if (!read)
    throw new ApiError(
      'ProvisionedConcurrencyConfigNotFoundException',
      'No Provisioned Concurrency Config found for this function',
    );
  return { output: viewProvisioned(read.body, invoker.provisioned(context, name, qualifier)) };
};
