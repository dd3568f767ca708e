import { changeFunction, putFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

export const putFunctionRecursionConfig: Operation<'PutFunctionRecursionConfig'> = async (context, input) => {
  const { services } = context;
  const { RecursiveLoop: recursiveLoop } = input;
  const name = parseUnqualified(context, input.FunctionName);
  await changeFunction(services, context, name, async () => {
    const read = await findFunction(services.metadata, context, name);
    await services.metadata.commit([putFunction(context, read, { ...read.body, recursiveLoop })]);
  });
  return { output: { RecursiveLoop: recursiveLoop } };
};
