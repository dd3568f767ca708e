import { changeFunction, putFunction } from '../functions/change-function.ts';
import { changeCodeSigning, readCodeSigningConfig } from '../functions/code-signing-config.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** Counts from the next deployment on; the configuration is looked for before the function. */
export const putFunctionCodeSigningConfig: Operation<'PutFunctionCodeSigningConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata } = services;
  const name = parseUnqualified(context, input.FunctionName);
  const codeSigningConfigArn = input.CodeSigningConfigArn;
  await changeFunction(services, context, name, () =>
    changeCodeSigning(services, context, codeSigningConfigArn, async () => {
      await readCodeSigningConfig(services, context, codeSigningConfigArn);
      const read = await findFunction(metadata, context, name);
      await metadata.commit([putFunction(context, read, { ...read.body, codeSigningConfigArn })]);
    }),
  );
  return { output: { CodeSigningConfigArn: codeSigningConfigArn, FunctionName: name } };
};
