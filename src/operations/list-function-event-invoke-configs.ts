import { eventInvokeConfigsOf, functionMissing, viewEventInvokeConfig } from '../functions/event-invoke-config.ts';
import { parseReference } from '../functions/function-name.ts';
import { readFunction } from '../functions/keys.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import type { Operation } from './operation.ts';

/** The configurations of the function and all its versions and aliases; a qualifier in the name narrows nothing. */
export const listFunctionEventInvokeConfigs: Operation<'ListFunctionEventInvokeConfigs'> = async (context, input) => {
  const { metadata } = context.services;
  const { name } = parseReference(context, input.FunctionName);
  if ((await readFunction(metadata, context, name)) === undefined) throw functionMissing();
  const [after] = readMarker(input.Marker);
  const configs = eventInvokeConfigsOf(metadata, context, name, after);
  const { items, nextMarker } = await takePage(configs, input.MaxItems, ({ qualifier }) => [qualifier]);
  return {
    output: {
      FunctionEventInvokeConfigs: items.map((body) => viewEventInvokeConfig(context, body)),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
