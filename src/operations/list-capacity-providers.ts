import { readMarker } from '../functions/paging.ts';
import type { Operation } from './operation.ts';

/** None can be made. */
export const listCapacityProviders: Operation<'ListCapacityProviders'> = async (_context, input) => {
  readMarker(input.Marker);
  return { output: { CapacityProviders: [] } };
};
