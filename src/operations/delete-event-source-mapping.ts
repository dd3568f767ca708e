import { changeFunction } from '../functions/change-function.ts';
import { findMapping, type MappingBody, mappingKey, mappingLock } from '../sources/mapping-record.ts';
import { beginChange, checkAtRest } from '../sources/mapping-state.ts';
import { viewMapping } from '../sources/mapping-view.ts';
import type { Operation } from './operation.ts';

/** Answers the mapping in state Deleting; a moment later it is gone. */
export const deleteEventSourceMapping: Operation<'DeleteEventSourceMapping'> = async (context, input) => {
  const { services } = context;
  const { metadata, clock } = services;
  const key = mappingKey(context, input.UUID);
  const body = await changeFunction(services, context, mappingLock(input.UUID), async () => {
    const read = await findMapping(services, context, input.UUID);
    checkAtRest(read.body.status, 'delete');
    const leaving: MappingBody = { ...read.body, status: beginChange('delete', read.body.source, clock.now()) };
    await metadata.commit([{ type: 'put', key, body: leaving, expect: read.revision }]);
    return leaving;
  });
  services.sources.changed(key);
  return { output: await viewMapping(services, context, body) };
};
