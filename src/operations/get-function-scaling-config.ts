import { refuseScaling } from '../functions/scaling-config.ts';
import type { Operation } from './operation.ts';

export const getFunctionScalingConfig: Operation<'GetFunctionScalingConfig'> = async (context, input) => {
  return refuseScaling(context.services.metadata, context, input.FunctionName, input.Qualifier);
};
