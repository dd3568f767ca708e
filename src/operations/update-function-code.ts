import { functionArn } from '../base/arn.ts';
import { changedByOthers, changeFunction, putFunction } from '../functions/change-function.ts';
import { fetchZip } from '../functions/code-source.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { type Deployment, deployCode, tryDeployment } from '../functions/deployed-code.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { versionKey } from '../functions/keys.ts';
import { checkChangeable, checkRevision } from '../functions/preconditions.ts';
import { publishLatest, withUpdate } from '../functions/publish.ts';
import { LATEST, type Settings } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import { checkSupportedRuntime } from '../functions/runtime-support.ts';
import { withCodeSource } from '../functions/settings.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Change } from '../store/metadata.ts';
import type { Operation } from './operation.ts';

/** Answers with the update in progress; until it is done, invokes run the code that was there before. */
export const updateFunctionCode: Operation<'UpdateFunctionCode'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, activation, clock, ids, deprecatedRuntimes } = services;
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
  checkSupportedRuntime(before.latest.settings.runtime ?? '', 'update', { deprecatedRuntimes, nowMs: clock.now() });
  using zip = await fetchZip(services, context, input, 'updating');
  const settingsWith = (settings: Settings): Settings => ({
    ...withCodeSource(settings, input.SourceKMSKeyArn, zip),
    architecture: input.Architectures?.[0] ?? settings.architecture,
  });
  const settings = settingsWith(before.latest.settings);
  const deployment: Deployment = {
    functionName: name,
    subject: functionArn(region, account, name),
    zip,
    settings,
    codeSigningConfigArn: before.codeSigningConfigArn,
    publish: input.Publish ?? false,
  };
  if (input.DryRun) {
    const code = await tryDeployment(services, context, deployment);
    const latest = { ...before.latest, settings, code };
    return { output: await viewConfiguration(services, context, latest) };
  }
  const code = await deployCode(services, context, deployment);

  const answer = await changeFunction(services, context, name, async () => {
    const read = await findChangeable();
    // The code was held against the configuration that the function had when it was sent.
    if (read.body.codeSigningConfigArn !== before.codeSigningConfigArn) throw changedByOthers(name);
    const nowMs = clock.now();
    const updated = withUpdate(read.body, { code, settings: settingsWith(read.body.latest.settings) }, ids, nowMs);
    const published = input.Publish ? publishLatest(updated, ids, nowMs) : undefined;
    const changes: Change[] = [putFunction(context, read, published?.owner ?? updated)];
    if (published) {
      const key = versionKey(context, name, published.version.version);
      changes.push({ type: 'put', key, body: published.version, expect: 0 });
    }
    await metadata.commit(changes);
    return published?.version ?? updated.latest;
  });
  activation.begin({ account, region, functionName: name, version: LATEST });
  if (answer.version === LATEST) return { output: await viewConfiguration(context.services, context, answer) };
  activation.begin({ account, region, functionName: name, version: answer.version });
  return { output: await viewConfiguration(context.services, context, answer, { qualifier: answer.version }) };
};
