import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { GetFunctionCodeSigningConfigResponse } from '../model/types.gen.ts';
import type { Operation } from './operation.ts';

/** An empty answer for a function without one, although the model requires both members. */
export const getFunctionCodeSigningConfig: Operation<'GetFunctionCodeSigningConfig'> = async (context, input) => {
  const name = parseUnqualified(context, input.FunctionName);
  const { codeSigningConfigArn } = (await findFunction(context.services.metadata, context, name)).body;
  if (codeSigningConfigArn === undefined) return { output: {} as GetFunctionCodeSigningConfigResponse };
  return { output: { CodeSigningConfigArn: codeSigningConfigArn, FunctionName: name } };
};
