import { readMarker, takePage } from '../functions/paging.ts';
import { readReference } from '../sources/mapping-function.ts';
import { type MappingBody, mappedFunctionArn, walkMappings } from '../sources/mapping-record.ts';
import { viewMapping } from '../sources/mapping-view.ts';
import type { Operation, OperationContext } from './operation.ts';

/** AWS documents twice the page of its other lists for this one. */
const PAGE_MAPPINGS_MAX = 100;

/**
 * By function (with the very qualifier that a mapping was made with), by source, or all; 100 at most. A function need
 * not exist any more: its mappings outlive it.
 */
export const listEventSourceMappings: Operation<'ListEventSourceMappings'> = async (context, input) => {
  const { EventSourceArn: sourceArn, FunctionName } = input;
  const functionArn = FunctionName && mappedFunctionArn(context, readReference(context, FunctionName));
  const [after] = readMarker(input.Marker);
  const wanted = (body: MappingBody) =>
    (functionArn === undefined || mappedFunctionArn(context, body) === functionArn) &&
    (sourceArn === undefined || body.source.arn === sourceArn);
  const found = await takePage(
    mappings(context, after, wanted),
    input.MaxItems,
    ({ uuid }) => [uuid],
    PAGE_MAPPINGS_MAX,
  );
  const views = found.items.map((body) => viewMapping(context.services, context, body, { listed: true }));
  return {
    output: {
      ...(found.nextMarker === undefined ? {} : { NextMarker: found.nextMarker }),
      EventSourceMappings: await Promise.all(views),
    },
  };
};

async function* mappings(
  context: OperationContext,
  after: string | undefined,
  wanted: (body: MappingBody) => boolean,
): AsyncGenerator<MappingBody> {
  const options = after === undefined ? {} : { after };
  for await (const { body } of walkMappings(context.services, context, options)) if (wanted(body)) yield body;
}
