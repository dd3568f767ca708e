import { changeFunction } from '../functions/change-function.ts';
import { zipOf } from '../functions/code-source.ts';
import { checkCodeStorage } from '../functions/code-storage.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { parseNewName } from '../functions/function-name.ts';
import { functionKey, readFunction, versionKey } from '../functions/keys.ts';
import { CREATING, publishLatest } from '../functions/publish.ts';
import { type FunctionBody, LATEST } from '../functions/records.ts';
import { settingsOfNew } from '../functions/settings.ts';
import { addTags } from '../functions/tags.ts';
import { ApiError } from '../model/api-error.ts';
import type { Change } from '../store/metadata.ts';
import type { Operation } from './operation.ts';

/** Answers with the function Pending; it becomes Active, or Failed, when its package is unpacked. */
export const createFunction: Operation<'CreateFunction'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, packages, activation, clock, ids, limits } = services;
  const name = parseNewName(context, input.FunctionName);
  const refuseExisting = async () => {
    if (await readFunction(metadata, context, name))
      throw new ApiError('ResourceConflictException', `Function already exist: ${name}`);
  };
  await refuseExisting();
  const nowMs = clock.now();
  const settings = settingsOfNew(input, { region, functionName: name, nowMs });
  const tags = addTags({}, input.Tags ?? {});
  const code = await packages.store(zipOf(input.Code, 'creating'));
  const storedBytes = input.Publish ? 2 * code.sizeBytes : code.sizeBytes;
  await checkCodeStorage(services, context, storedBytes, limits.totalCodeSizeBytes);

  const created: FunctionBody = {
    name,
    nextVersion: 1,
    tags,
    latest: {
      functionName: name,
      version: LATEST,
      settings,
      code,
      status: CREATING,
      revisionId: ids.uuid(),
      lastModified: nowMs,
    },
  };
  const published = input.Publish ? publishLatest(created, ids, nowMs) : undefined;
  await changeFunction(services, context, name, async () => {
    await refuseExisting();
    const changes: Change[] = [
      { type: 'put', key: functionKey(context, name), body: published?.owner ?? created, expect: 0 },
    ];
    if (published)
      changes.push({ type: 'put', key: versionKey(context, name, '1'), body: published.version, expect: 0 });
    await metadata.commit(changes);
  });
  activation.begin({ account, region, functionName: name, version: LATEST });
  if (published) activation.begin({ account, region, functionName: name, version: published.version.version });
  return { output: viewConfiguration(context, published?.version ?? created.latest) };
};
