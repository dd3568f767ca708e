import { changeFunction } from '../functions/change-function.ts';
import { changeCodeSigning, readCodeSigningConfig } from '../functions/code-signing-config.ts';
import { fetchZip } from '../functions/code-source.ts';
import { completeSettings } from '../functions/complete-settings.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { deployCode } from '../functions/deployed-code.ts';
import { parseNewName } from '../functions/function-name.ts';
import { functionKey, readFirstVersion, readFunction, versionKey } from '../functions/keys.ts';
import { CREATING, type Published, publishLatest } from '../functions/publish.ts';
import { type FunctionBody, LATEST } from '../functions/records.ts';
import { settingsOfNew, withCodeSource } from '../functions/settings.ts';
import { addTags } from '../functions/tags.ts';
import { ApiError } from '../model/api-error.ts';
import type { Change } from '../store/metadata.ts';
import type { Operation } from './operation.ts';

/** Answers with the function Pending; it becomes Active, or Failed, when its package is unpacked. */
export const createFunction: Operation<'CreateFunction'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, activation, clock, ids, deprecatedRuntimes } = services;
  const name = parseNewName(context, input.FunctionName);
  const refuseExisting = async () => {
    if (await readFunction(metadata, context, name))
      throw new ApiError('ResourceConflictException', `Function already exist: ${name}`);
  };
  await refuseExisting();
  const nowMs = clock.now();
  const draft = settingsOfNew(input, { functionName: name, nowMs, deprecatedRuntimes });
  const tags = addTags({}, input.Tags ?? {});
  const codeSigningConfigArn = input.CodeSigningConfigArn || undefined;
  if (codeSigningConfigArn !== undefined) await readCodeSigningConfig(services, context, codeSigningConfigArn);
  const completed = await completeSettings(services, context, name, draft);
  using zip = await fetchZip(services, context, input.Code, 'creating');
  const settings = withCodeSource(completed, input.Code.SourceKMSKeyArn, zip);
  const code = await deployCode(services, context, {
    functionName: name,
    subject: name,
    zip,
    settings,
    codeSigningConfigArn,
    publish: input.Publish ?? false,
  });

  const made: Omit<FunctionBody, 'nextVersion'> = {
    name,
    functionId: ids.uuid(),
    tags,
    ...(codeSigningConfigArn === undefined ? {} : { codeSigningConfigArn }),
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
  const commit = async (): Promise<Published | undefined> => {
    await refuseExisting();
    const created = { ...made, nextVersion: await readFirstVersion(metadata, context, name) };
    const published = input.Publish ? publishLatest(created, ids, nowMs) : undefined;
    const changes: Change[] = [
      { type: 'put', key: functionKey(context, name), body: published?.owner ?? created, expect: 0 },
    ];
    if (published) {
      const key = versionKey(context, name, published.version.version);
      changes.push({ type: 'put', key, body: published.version, expect: 0 });
    }
    await metadata.commit(changes);
    return published;
  };
  const attempt =
    codeSigningConfigArn === undefined
      ? commit
      : () =>
          changeCodeSigning(services, context, codeSigningConfigArn, async () => {
            await readCodeSigningConfig(services, context, codeSigningConfigArn);
            return commit();
          });
  const published = await changeFunction(services, context, name, attempt);
  activation.begin({ account, region, functionName: name, version: LATEST });
  if (published) activation.begin({ account, region, functionName: name, version: published.version.version });
  return { output: await viewConfiguration(context.services, context, published?.version ?? made.latest) };
};
