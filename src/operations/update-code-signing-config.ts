import { updateCodeSigning, viewCodeSigning } from '../functions/code-signing-config.ts';
import type { Operation } from './operation.ts';

/** Members left out stay as they are. Code that is deployed already is not looked at again. */
export const updateCodeSigningConfig: Operation<'UpdateCodeSigningConfig'> = async (context, input) => {
  const { Description, AllowedPublishers, CodeSigningPolicies } = input;
  const { services } = context;
  const body = await updateCodeSigning(services, context, input.CodeSigningConfigArn, (before) => ({
    ...before,
    ...(Description === undefined ? {} : { description: Description }),
    allowedPublishers: AllowedPublishers?.SigningProfileVersionArns ?? before.allowedPublishers,
    untrustedArtifact: CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? before.untrustedArtifact,
    lastModified: services.clock.now(),
  }));
  return { output: { CodeSigningConfig: viewCodeSigning(context, body) } };
};
