import { parseQualified } from '../functions/function-name.ts';
import { findFunctionUrl, viewReadFunctionUrl } from '../functions/function-url.ts';
import type { Operation } from './operation.ts';

export const getFunctionUrlConfig: Operation<'GetFunctionUrlConfig'> = async (context, input) => {
  const owner = parseQualified(context, input.FunctionName, input.Qualifier);
  const { body } = await findFunctionUrl(context.services.metadata, context, owner);
  return { output: viewReadFunctionUrl(context, body) };
};
