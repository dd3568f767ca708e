import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** Terminate for a function that nothing was set for. */
export const getFunctionRecursionConfig: Operation<'GetFunctionRecursionConfig'> = async (context, input) => {
  const name = parseUnqualified(context, input.FunctionName);
  const { recursiveLoop } = (await findFunction(context.services.metadata, context, name)).body;
  return { output: { RecursiveLoop: recursiveLoop ?? 'Terminate' } };
};
