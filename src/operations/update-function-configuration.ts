import { functionArn } from '../base/arn.ts';
import { changeFunction, putFunction } from '../functions/change-function.ts';
import { completeSettings } from '../functions/complete-settings.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { checkLayerSignatures } from '../functions/deployed-code.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { checkUnzippedSize } from '../functions/layer-references.ts';
import { checkChangeable, checkRevision } from '../functions/preconditions.ts';
import { withUpdate } from '../functions/publish.ts';
import { LATEST } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import { settingsOfUpdate } from '../functions/settings.ts';
import type { Operation } from './operation.ts';

/** Answers with the update in progress; until it is done, invokes run with the settings that were there before. */
export const updateFunctionConfiguration: Operation<'UpdateFunctionConfiguration'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, activation, clock, ids, limits, deprecatedRuntimes } = services;
  const name = parseUnqualified(context, input.FunctionName);
  const latest = await changeFunction(services, context, name, async () => {
    const read = await findFunction(metadata, context, name);
    checkRevision(input.RevisionId, read.body.latest.revisionId);
    checkChangeable(context, read.body.latest);
    const nowMs = clock.now();
    const before = read.body.latest.settings;
    const draft = settingsOfUpdate(before, input, { functionName: name, nowMs, deprecatedRuntimes });
    const settings = await completeSettings(services, context, name, draft, before);
    if (input.Layers !== undefined)
      await checkLayerSignatures(services, context, {
        functionName: name,
        codeSigningConfigArn: read.body.codeSigningConfigArn,
        layers: settings.layers,
        subject: functionArn(region, account, name),
      });
    checkUnzippedSize(read.body.latest.code, settings.layers, limits.codeSizeUnzippedBytes);
    const updated = withUpdate(read.body, { settings }, ids, nowMs);
    await metadata.commit([putFunction(context, read, updated)]);
    return updated.latest;
  });
  activation.begin({ account, region, functionName: name, version: LATEST });
  return { output: await viewConfiguration(context.services, context, latest) };
};
