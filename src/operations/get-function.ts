import { viewConfiguration } from '../functions/configuration-view.ts';
import type { VersionBody } from '../functions/records.ts';
import { findVersion } from '../functions/resolve.ts';
import type { Tags } from '../functions/tags.ts';
import type { FunctionCodeLocation, GetFunctionResponse, ResolvedS3Object } from '../model/types.gen.ts';
import { codeError, refusalOf } from '../neighbours/refusals.ts';
import { KeyUnusable } from '../neighbours/vault.ts';
import { tagsDemand } from './access-table.ts';
import type { Operation, OperationContext } from './operation.ts';

export const getFunction: Operation<'GetFunction'> = async (context, input) => {
  const { metadata } = context.services;
  const { owner, version, qualifier } = await findVersion(metadata, context, input.FunctionName, input.Qualifier);
  const { tags, reservedConcurrency } = owner.body;
  const { SourceKMSKeyArn, ResolvedS3Object } = version.settings.kept;
  return {
    output: {
      Configuration: await viewConfiguration(context.services, context, version, { qualifier }),
      Code: {
        RepositoryType: 'S3',
        ...(await linkOrError(context, version)),
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

/** A function whose code cannot be opened any more is still there to be read, repaired and deleted. */
async function linkOrError(
  { services: { packages }, origin }: OperationContext,
  { code }: VersionBody,
): Promise<FunctionCodeLocation> {
  try {
    await packages.checkKey(code);
    return { Location: packages.link(origin, code) };
  } catch (error) {
    if (error instanceof KeyUnusable) return { Error: codeError(error) };
    throw refusalOf(error);
  }
}

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
