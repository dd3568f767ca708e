import { changeFunction, putFunction } from '../functions/change-function.ts';
import { checkCodeStorage } from '../functions/code-storage.ts';
import { viewConfiguration } from '../functions/configuration-view.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { versionKey } from '../functions/keys.ts';
import { checkChangeable, checkRevision } from '../functions/preconditions.ts';
import { publishLatest, unchangedVersion } from '../functions/publish.ts';
import { findFunction } from '../functions/resolve.ts';
import { invalidParameter } from '../model/api-error.ts';
import { base64Digest } from '../packages/code-digest.ts';
import type { Operation } from './operation.ts';

/** A `$LATEST` that has not changed since it was published answers the version that it became then. */
export const publishVersion: Operation<'PublishVersion'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, activation, clock, ids, limits } = services;
  const name = parseUnqualified(context, input.FunctionName);
  if (input.PublishTo !== undefined)
    throw invalidParameter('lambdad does not run functions published to $LATEST.PUBLISHED (PublishTo) yet.');
  const version = await changeFunction(services, context, name, async () => {
    const read = await findFunction(metadata, context, name);
    const { latest } = read.body;
    checkRevision(input.RevisionId, latest.revisionId);
    checkChangeable(context, latest);
    checkCodeDigest(input.CodeSha256, base64Digest(latest.code.sha256));
    const existing = await unchangedVersion(metadata, context, read.body);
    if (existing) return existing;
    await checkCodeStorage(services, context, latest.code.sizeBytes, limits.totalCodeSizeBytes);
    const published = publishLatest(read.body, ids, clock.now(), input.Description);
    const number = published.version.version;
    await metadata.commit([
      putFunction(context, read, published.owner),
      { type: 'put', key: versionKey(context, name, number), body: published.version, expect: 0 },
    ]);
    return published.version;
  });
  if (version.status.state === 'Pending')
    activation.begin({ account, region, functionName: name, version: version.version });
  return { output: await viewConfiguration(context.services, context, version, { qualifier: version.version }) };
};

function checkCodeDigest(given: string | undefined, current: string): void {
  if (given === undefined || given === '' || given === current) return;
  throw invalidParameter(
    `CodeSHA256 (${given}) is different from current CodeSHA256 in $LATEST (${current}). Please try again with the CodeSHA256 in $LATEST.`,
  );
}
