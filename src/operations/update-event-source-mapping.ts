import { changeFunction } from '../functions/change-function.ts';
import type { VersionBody } from '../functions/records.ts';
import type { UpdateEventSourceMappingRequest } from '../model/types.gen.ts';
import { askSource, noteInertSettings } from '../sources/ask-source.ts';
import { checkFilters, keepFilters, openFilters } from '../sources/filter-criteria.ts';
import { checkDuplicate } from '../sources/mapping-duplicate.ts';
import { checkFunctionTimeout, findMappedFunction } from '../sources/mapping-function.ts';
import {
  findMapping,
  type MappingBody,
  mappingArn,
  mappingKey,
  mappingLock,
  PAIRS_LOCK,
} from '../sources/mapping-record.ts';
import { changedSettings } from '../sources/mapping-settings.ts';
import { beginChange, checkAtRest, type MappingChange } from '../sources/mapping-state.ts';
import { viewMapping } from '../sources/mapping-view.ts';
import type { Operation, OperationContext } from './operation.ts';

/** What the request does not name stays as it is; source, topic and queue always do. */
export const updateEventSourceMapping: Operation<'UpdateEventSourceMapping'> = async (context, input) => {
  const { services } = context;
  const key = mappingKey(context, input.UUID);
  const body = await changeFunction(services, context, mappingLock(input.UUID), async () => {
    const { body: present, revision } = await findMapping(services, context, input.UUID);
    checkAtRest(present.status, 'update');
    const draft = await changed(context, present, input);
    const commit = async () => {
      const updated = {
        ...draft,
        status: beginChange(kindOfChange(present, draft), draft.source, services.clock.now()),
      };
      await services.metadata.commit([{ type: 'put', key, body: updated, expect: revision }]);
      return updated;
    };
    if (input.FunctionName === undefined) return commit();
    return services.locks.run(`${context.account}/${context.region}/${PAIRS_LOCK}`, async () => {
      await checkDuplicate(services, context, draft);
      return commit();
    });
  });
  noteInertSettings(services, context, body);
  services.sources.changed(key);
  return { output: await viewMapping(services, context, body) };
};

async function changed(
  context: OperationContext,
  present: MappingBody,
  input: UpdateEventSourceMappingRequest,
): Promise<MappingBody> {
  const { services } = context;
  const { uuid, source, qualifier: _, ...others } = present;
  const settings = changedSettings(present.settings, input, source);
  checkFilters(source.kind, input.FilterCriteria);
  const enabled = input.Enabled ?? present.enabled;
  const target = await newFunction(context, present, input.FunctionName);
  if (target.version !== undefined || (enabled && !present.enabled))
    await askSource(services, context, source, target.version, mappingArn(context, uuid));
  const { filters, sealedFilters, kmsKeyArn, ...rest } = others;
  const kept = await changedFilters(context, present, input);
  return { ...rest, ...target.reference, ...kept, uuid, source, settings, enabled };
}

/** The function that the request names, or the present one, which may be gone by now and is not looked for. */
async function newFunction(
  context: OperationContext,
  { functionName, qualifier, source }: MappingBody,
  text: string | undefined,
): Promise<{
  readonly reference: Pick<MappingBody, 'functionName' | 'qualifier'>;
  readonly version?: VersionBody;
}> {
  if (text === undefined)
    return { reference: qualifier === undefined ? { functionName } : { functionName, qualifier } };
  const found = await findMappedFunction(context.services.metadata, context, text);
  checkFunctionTimeout(source.kind, found.version);
  return found;
}

/** An empty key takes the present one away; filters are sealed anew when either changes. */
async function changedFilters(
  context: OperationContext,
  present: MappingBody,
  { FilterCriteria, KMSKeyArn }: UpdateEventSourceMappingRequest,
): Promise<Pick<MappingBody, 'filters' | 'sealedFilters' | 'kmsKeyArn'>> {
  const { vault } = context.services;
  if (FilterCriteria === undefined && KMSKeyArn === undefined) {
    const { filters, sealedFilters, kmsKeyArn } = present;
    return {
      ...(filters === undefined ? {} : { filters }),
      ...(sealedFilters === undefined ? {} : { sealedFilters }),
      ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
    };
  }
  const criteria = FilterCriteria ?? (await openFilters(vault, context, present));
  const key = KMSKeyArn === undefined ? present.kmsKeyArn : KMSKeyArn || undefined;
  return keepFilters(vault, context, present.uuid, criteria, key);
}

function kindOfChange(present: MappingBody, draft: MappingBody): MappingChange {
  if (present.enabled === draft.enabled) return 'update';
  return draft.enabled ? 'enable' : 'disable';
}
