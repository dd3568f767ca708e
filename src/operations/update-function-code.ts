import { changeFunction, putFunction } from '../functions/change-function.ts';
import { zipOf } from '../functions/code-source.ts';
import { checkCodeStorage } from '../functions/code-storage.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { versionKey } from '../functions/keys.ts';
import { checkChangeable, checkRevision } from '../functions/preconditions.ts';
import { publishLatest, unchangedVersion, withUpdate } from '../functions/publish.ts';
import { LATEST } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Change } from '../store/metadata.ts';
import type { Operation } from './operation.ts';

/** Answers with the update in progress; until it is done, invokes run the code that was there before. */
export const updateFunctionCode: Operation<'UpdateFunctionCode'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, packages, activation, clock, ids, limits } = services;
  const name = parseUnqualified(context, input.FunctionName);
  const findChangeable = async () => {
    const owner = await findFunction(metadata, context, name);
    checkRevision(input.RevisionId, owner.body.latest.revisionId);
    checkChangeable(context, owner.body.latest);
    return owner;
  };
  const { body: before } = await findChangeable();
  if (input.PublishTo !== undefined)
    throw invalidParameter('lambdad does not run functions published to $LATEST.PUBLISHED (PublishTo) yet.');
  const zip = zipOf(input, 'updating');
  const architecture = input.Architectures?.[0];
  const settingsWith = (settings: typeof before.latest.settings) =>
    architecture === undefined ? settings : { ...settings, architecture };
  if (input.DryRun) {
    const latest = {
      ...before.latest,
      settings: settingsWith(before.latest.settings),
      code: await packages.inspect(zip),
    };
    return { output: viewConfiguration(context, latest) };
  }
  const code = await packages.store(zip);
  const storedBytes = input.Publish ? 2 * code.sizeBytes : code.sizeBytes;
  await checkCodeStorage(services, context, storedBytes, limits.totalCodeSizeBytes);

  const answer = await changeFunction(services, context, name, async () => {
    const read = await findChangeable();
    const nowMs = clock.now();
    const updated = withUpdate(read.body, { code, settings: settingsWith(read.body.latest.settings) }, ids, nowMs);
    const existing = input.Publish ? await unchangedVersion(metadata, context, updated) : undefined;
    const published = input.Publish && !existing ? publishLatest(updated, ids, nowMs) : undefined;
    const changes: Change[] = [putFunction(context, read, published?.owner ?? updated)];
    if (published) {
      const key = versionKey(context, name, published.version.version);
      changes.push({ type: 'put', key, body: published.version, expect: 0 });
    }
    await metadata.commit(changes);
    return existing ?? published?.version ?? updated.latest;
  });
  activation.begin({ account, region, functionName: name, version: LATEST });
  if (answer.version === LATEST) return { output: viewConfiguration(context, answer) };
  activation.begin({ account, region, functionName: name, version: answer.version });
  return { output: viewConfiguration(context, answer, { qualifier: answer.version }) };
};
