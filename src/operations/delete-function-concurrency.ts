import { changeFunction, putFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** A function without a reservation is left as it is. */
export const deleteFunctionConcurrency: Operation<'DeleteFunctionConcurrency'> = async (context, input) => {
  const { services } = context;
  const name = parseUnqualified(context, input.FunctionName);
  await changeFunction(services, context, name, async () => {
    const read = await findFunction(services.metadata, context, name);
    const { reservedConcurrency, ...body } = read.body;
    if (reservedConcurrency !== undefined) await services.metadata.commit([putFunction(context, read, body)]);
  });
  return { output: {} };
};
