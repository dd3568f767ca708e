import { readMarker } from '../functions/paging.ts';
import { findVersion } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** No function here is a durable one. */
export const listDurableExecutionsByFunction: Operation<'ListDurableExecutionsByFunction'> = async (context, input) => {
  await findVersion(context.services.metadata, context, input.FunctionName, input.Qualifier);
  readMarker(input.Marker);
  return { output: { DurableExecutions: [] } };
};
