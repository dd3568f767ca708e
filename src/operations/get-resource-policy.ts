import { parseReference } from '../functions/function-name.ts';
import { readPolicyAnswer } from '../functions/function-policy.ts';
import type { Operation } from './operation.ts';

/** The same policy as GetPolicy's. */
export const getResourcePolicy: Operation<'GetResourcePolicy'> = async (context, input) => {
  const target = parseReference(context, input.ResourceArn);
  return { output: await readPolicyAnswer(context.services.metadata, context, target) };
};
