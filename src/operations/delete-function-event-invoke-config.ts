import { changeFunction } from '../functions/change-function.ts';
import { eventInvokeConfigKey, findEventInvokeConfig } from '../functions/event-invoke-config.ts';
import { parseQualified } from '../functions/function-name.ts';
import type { Operation } from './operation.ts';

export const deleteFunctionEventInvokeConfig: Operation<'DeleteFunctionEventInvokeConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata } = services;
  const subject = parseQualified(context, input.FunctionName, input.Qualifier);
  await changeFunction(services, context, subject.name, async () => {
    const { revision } = await findEventInvokeConfig(metadata, context, subject);
    await metadata.commit([{ type: 'delete', key: eventInvokeConfigKey(context, subject), expect: revision }]);
  });
  return { output: {} };
};
