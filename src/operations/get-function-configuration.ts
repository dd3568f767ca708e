import { viewConfiguration } from '../functions/configuration-view.ts';
import { findVersion } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

export const getFunctionConfiguration: Operation<'GetFunctionConfiguration'> = async (context, input) => {
  const { metadata } = context.services;
  const { version, qualifier } = await findVersion(metadata, context, input.FunctionName, input.Qualifier);
  return { output: await viewConfiguration(context.services, context, version, { qualifier }) };
};
