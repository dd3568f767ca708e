import { parseReference } from '../functions/function-name.ts';
import { readPolicyAnswer } from '../functions/function-policy.ts';
import type { Operation } from './operation.ts';

export const getPolicy: Operation<'GetPolicy'> = async (context, input) => {
  const target = parseReference(context, input.FunctionName, input.Qualifier);
  return { output: await readPolicyAnswer(context.services.metadata, context, target) };
};
