import {
  changeCodeSigning,
  codeSigningKey,
  findCodeSigningConfig,
  functionsSignedUnder,
} from '../functions/code-signing-config.ts';
import { ApiError } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** Only while no function has it. AWS's text for one that is in use was not recorded. */
export const deleteCodeSigningConfig: Operation<'DeleteCodeSigningConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata } = services;
  const arn = input.CodeSigningConfigArn;
  await changeCodeSigning(services, context, arn, async () => {
    const read = await findCodeSigningConfig(metadata, context, arn);
    for await (const _ of functionsSignedUnder(metadata, context, arn))
      throw new ApiError(
        'ResourceConflictException',
        `The code signing configuration ${arn} cannot be deleted because it is in use by at least one function.`,
      );
    await metadata.commit([{ type: 'delete', key: codeSigningKey(context, read.body.id), expect: read.revision }]);
  });
  return { output: {} };
};
