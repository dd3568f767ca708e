import { parseReference } from '../functions/function-name.ts';
import { functionUrlsOf, noUrlOwner, viewReadFunctionUrl } from '../functions/function-url.ts';
import { readFunction } from '../functions/keys.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import type { Operation } from './operation.ts';

/** The addresses of the function and of all its aliases; a qualifier in the name narrows nothing. */
export const listFunctionUrlConfigs: Operation<'ListFunctionUrlConfigs'> = async (context, input) => {
  const { metadata } = context.services;
  const { name } = parseReference(context, input.FunctionName);
  if ((await readFunction(metadata, context, name)) === undefined) throw noUrlOwner();
  const [after] = readMarker(input.Marker);
  const urls = functionUrlsOf(metadata, context, name, after);
  const { items, nextMarker } = await takePage(urls, input.MaxItems, ({ qualifier }) => [qualifier]);
  return {
    output: {
      FunctionUrlConfigs: items.map((body) => viewReadFunctionUrl(context, body)),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
