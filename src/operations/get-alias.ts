import { aliasArn, viewAlias } from '../functions/alias-routing.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { readAlias } from '../functions/keys.ts';
import { notFound } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

export const getAlias: Operation<'GetAlias'> = async (context, input) => {
  const functionName = parseUnqualified(context, input.FunctionName);
  const alias = await readAlias(context.services.metadata, context, functionName, input.Name);
  if (!alias) throw notFound(`Cannot find alias arn: ${aliasArn(context, functionName, input.Name)}`);
  return { output: viewAlias(context, alias.body) };
};
