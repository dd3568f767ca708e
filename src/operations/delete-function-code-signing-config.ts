import { changeFunction, putFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** A function without one is left as it is. */
export const deleteFunctionCodeSigningConfig: Operation<'DeleteFunctionCodeSigningConfig'> = async (context, input) => {
  const { services } = context;
  const name = parseUnqualified(context, input.FunctionName);
  await changeFunction(services, context, name, async () => {
    const read = await findFunction(services.metadata, context, name);
    const { codeSigningConfigArn, ...body } = read.body;
    if (codeSigningConfigArn !== undefined) await services.metadata.commit([putFunction(context, read, body)]);
  });
  return { output: {} };
};
