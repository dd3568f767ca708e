import { type CodeSigningBody, codeSigningKey, viewCodeSigning } from '../functions/code-signing-config.ts';
import { addTags } from '../functions/tags.ts';
import type { Operation } from './operation.ts';

const ID_DIGITS = 17;

export const createCodeSigningConfig: Operation<'CreateCodeSigningConfig'> = async (context, input) => {
  const { metadata, clock, ids } = context.services;
  const body: CodeSigningBody = {
    id: `csc-${ids.hex(ID_DIGITS + 1).slice(-ID_DIGITS)}`,
    ...(input.Description === undefined ? {} : { description: input.Description }),
    allowedPublishers: input.AllowedPublishers.SigningProfileVersionArns,
    untrustedArtifact: input.CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? 'Warn',
    tags: addTags({}, input.Tags ?? {}),
    lastModified: clock.now(),
  };
  await metadata.commit([{ type: 'put', key: codeSigningKey(context, body.id), body, expect: 0 }]);
  return { output: { CodeSigningConfig: viewCodeSigning(context, body) } };
};
