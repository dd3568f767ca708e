import { viewConfiguration } from '../functions/configuration-view.ts';
import { findVersion } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

export const getFunction: Operation<'GetFunction'> = async (context, input) => {
  const { metadata, packages } = context.services;
  const { owner, version, qualifier } = await findVersion(metadata, context, input.FunctionName, input.Qualifier);
  const { tags, reservedConcurrency } = owner.body;
  const { SourceKMSKeyArn } = version.settings.kept;
  return {
    output: {
      Configuration: viewConfiguration(context, version, { qualifier }),
      Code: {
        RepositoryType: 'S3',
        Location: packages.link(context.origin, version.code),
        ...(SourceKMSKeyArn === undefined ? {} : { SourceKMSKeyArn: String(SourceKMSKeyArn) }),
      },
      ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
      ...(reservedConcurrency === undefined
        ? {}
        : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
    },
  };
};
