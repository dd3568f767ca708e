import { findMapping } from '../sources/mapping-record.ts';
import { viewMapping } from '../sources/mapping-view.ts';
import type { Operation } from './operation.ts';

export const getEventSourceMapping: Operation<'GetEventSourceMapping'> = async (context, input) => {
  const { body } = await findMapping(context.services, context, input.UUID);
  return { output: await viewMapping(context.services, context, body) };
};
