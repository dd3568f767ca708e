import { changeFunction } from '../functions/change-function.ts';
import { parseQualified } from '../functions/function-name.ts';
import { findFunctionUrl, functionUrlKey } from '../functions/function-url.ts';
import type { Operation } from './operation.ts';

/** The address is gone for good: the next one gets another id. Statements of the policy that allow calling it stay. */
export const deleteFunctionUrlConfig: Operation<'DeleteFunctionUrlConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata } = services;
  const owner = parseQualified(context, input.FunctionName, input.Qualifier);
  await changeFunction(services, context, owner.name, async () => {
    const { revision } = await findFunctionUrl(metadata, context, owner);
    await metadata.commit([{ type: 'delete', key: functionUrlKey(context, owner), expect: revision }]);
  });
  return { output: {} };
};
