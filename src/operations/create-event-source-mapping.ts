import { changeFunction } from '../functions/change-function.ts';
import { addTags } from '../functions/tags.ts';
import { askSource, noteInertSettings } from '../sources/ask-source.ts';
import { checkFilters, keepFilters } from '../sources/filter-criteria.ts';
import { checkDuplicate } from '../sources/mapping-duplicate.ts';
import { checkFunctionTimeout, findMappedFunction } from '../sources/mapping-function.ts';
import { type MappingBody, mappingArn, mappingKey, PAIRS_LOCK } from '../sources/mapping-record.ts';
import { newSettings } from '../sources/mapping-settings.ts';
import { beginChange } from '../sources/mapping-state.ts';
import { viewMapping } from '../sources/mapping-view.ts';
import { readSource } from '../sources/source-kind.ts';
import type { Operation } from './operation.ts';

/** Settings are judged before the function is looked for, and that before the source is asked (lambda-facts 8.2). */
export const createEventSourceMapping: Operation<'CreateEventSourceMapping'> = async (context, input) => {
  const { services } = context;
  const { metadata, clock, ids, vault } = services;
  const source = readSource(input.EventSourceArn, input.SelfManagedEventSource);
  const uuid = ids.uuid();
  const key = mappingKey(context, uuid);
  const settings = newSettings(input, source, { uuid, now: clock.now() });
  checkFilters(source.kind, input.FilterCriteria);
  const tags = addTags({}, input.Tags ?? {});
  const { reference, version } = await findMappedFunction(metadata, context, input.FunctionName);
  checkFunctionTimeout(source.kind, version);
  await askSource(services, context, source, version, mappingArn(context, uuid));
  const filters = await keepFilters(vault, context, uuid, input.FilterCriteria, input.KMSKeyArn || undefined);
  const draft = { uuid, source, ...reference, settings, ...filters, tags, enabled: input.Enabled ?? true };
  const body = await changeFunction(services, context, PAIRS_LOCK, async () => {
    await checkDuplicate(services, context, draft);
    const created: MappingBody = { ...draft, status: beginChange('create', source, clock.now()) };
    await metadata.commit([{ type: 'put', key, body: created, expect: 0 }]);
    return created;
  });
  noteInertSettings(services, context, body);
  services.sources.changed(key);
  return { output: await viewMapping(services, context, body) };
};
