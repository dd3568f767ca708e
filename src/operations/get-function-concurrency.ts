import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** An empty answer for a function without a reservation. */
export const getFunctionConcurrency: Operation<'GetFunctionConcurrency'> = async (context, input) => {
  const name = parseUnqualified(context, input.FunctionName);
  const { reservedConcurrency } = (await findFunction(context.services.metadata, context, name)).body;
  return { output: reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency } };
};
