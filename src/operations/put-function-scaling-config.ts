import { refuseScaling } from '../functions/scaling-config.ts';
import type { Operation } from './operation.ts';

export const putFunctionScalingConfig: Operation<'PutFunctionScalingConfig'> = async (context, input) => {
  return refuseScaling(context.services.metadata, context, input.FunctionName, input.Qualifier);
};
