import { viewConfiguration } from '../functions/configuration-view.ts';
import { findVersion } from '../functions/resolve.ts';
import type { Tags } from '../functions/tags.ts';
import type { GetFunctionResponse, ResolvedS3Object } from '../model/types.gen.ts';
import { orRefusal } from '../neighbours/refusals.ts';
import { tagsDemand } from './access-table.ts';
import type { Operation, OperationContext } from './operation.ts';

export const getFunction: Operation<'GetFunction'> = async (context, input) => {
  const { metadata, packages } = context.services;
  const { owner, version, qualifier } = await findVersion(metadata, context, input.FunctionName, input.Qualifier);
  const { tags, reservedConcurrency } = owner.body;
  const { SourceKMSKeyArn, ResolvedS3Object } = version.settings.kept;
  await orRefusal(packages.checkKey(version.code));
  return {
    output: {
      Configuration: await viewConfiguration(context.services, context, version, { qualifier }),
      Code: {
        RepositoryType: 'S3',
        Location: packages.link(context.origin, version.code),
        ...(ResolvedS3Object === undefined ? {} : { ResolvedS3Object: ResolvedS3Object as ResolvedS3Object }),
        ...(SourceKMSKeyArn === undefined ? {} : { SourceKMSKeyArn: String(SourceKMSKeyArn) }),
      },
      ...(await tagsFor(context, input.FunctionName, tags)),
      ...(reservedConcurrency === undefined
        ? {}
        : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
    },
  };
};

/** Tags are for those who may list them; the others are told why they see none. */
async function tagsFor(
  context: OperationContext,
  functionName: string,
  tags: Tags,
): Promise<Partial<GetFunctionResponse>> {
  const refusal = await context.refusalOf?.(tagsDemand(context, functionName));
  if (refusal !== undefined) return { TagsError: { ErrorCode: 'AccessDeniedException', Message: refusal } };
  return Object.keys(tags).length === 0 ? {} : { Tags: tags };
}
