import { findEventInvokeConfig, viewEventInvokeConfig } from '../functions/event-invoke-config.ts';
import { parseQualified } from '../functions/function-name.ts';
import type { Operation } from './operation.ts';

export const getFunctionEventInvokeConfig: Operation<'GetFunctionEventInvokeConfig'> = async (context, input) => {
  const subject = parseQualified(context, input.FunctionName, input.Qualifier);
  const { body } = await findEventInvokeConfig(context.services.metadata, context, subject);
  return { output: viewEventInvokeConfig(context, body) };
};
