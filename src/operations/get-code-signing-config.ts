import { findCodeSigningConfig, viewCodeSigning } from '../functions/code-signing-config.ts';
import type { Operation } from './operation.ts';

export const getCodeSigningConfig: Operation<'GetCodeSigningConfig'> = async (context, input) => {
  const { body } = await findCodeSigningConfig(context.services.metadata, context, input.CodeSigningConfigArn);
  return { output: { CodeSigningConfig: viewCodeSigning(context, body) } };
};
