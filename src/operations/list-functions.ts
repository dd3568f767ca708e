import { viewConfiguration } from '../functions/configuration-view.ts';
import { walk } from '../functions/keys.ts';
import { readMarker, recordsOfPage, takePage } from '../functions/paging.ts';
import { aliasId, type VersionBody, versionId } from '../functions/records.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation, OperationContext } from './operation.ts';

/** 50 at most. With FunctionVersion=ALL each function's `$LATEST` is followed by its published versions. */
export const listFunctions: Operation<'ListFunctions'> = async (context, input) => {
  const { MasterRegion, Marker, MaxItems } = input;
  const all = input.FunctionVersion === 'ALL';
  if (MasterRegion !== undefined && !all)
    throw invalidParameter('FunctionVersion must be ALL when MasterRegion is specified.');
  // No function here is a replica of one in another region; ALL stands for every function, replica or not.
  if (MasterRegion !== undefined && MasterRegion !== 'ALL') return { output: { Functions: [] } };
  const [name, version] = readMarker(Marker);
  const versions = all ? everyVersion(context, name, version) : latestVersions(context, name, recordsOfPage(MaxItems));
  const { items, nextMarker } = await takePage(versions, MaxItems, (item) =>
    all ? [item.functionName, item.version] : [item.functionName],
  );
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      Functions: await Promise.all(
        items.map((item) =>
          viewConfiguration(context.services, context, item, {
            listed: true,
            qualifier: all ? item.version : undefined,
          }),
        ),
      ),
    },
  };
};

async function* latestVersions(
  context: OperationContext,
  after: string | undefined,
  pageRecords = recordsOfPage(undefined),
): AsyncGenerator<VersionBody> {
  const options = { pageRecords, ...(after === undefined ? {} : { after }) };
  for await (const { body } of walk(context.services.metadata, context, 'function', options)) yield body.latest;
}

/** Begins behind one version of one function, which may have been deleted since. */
async function* everyVersion(
  context: OperationContext,
  afterName: string | undefined,
  afterVersion: string | undefined,
): AsyncGenerator<VersionBody> {
  if (afterName !== undefined) yield* publishedVersions(context, afterName, afterVersion);
  for await (const latest of latestVersions(context, afterName)) {
    yield latest;
    yield* publishedVersions(context, latest.functionName);
  }
}

async function* publishedVersions(
  context: OperationContext,
  name: string,
  afterVersion?: string,
): AsyncGenerator<VersionBody> {
  const after =
    afterVersion === undefined || afterVersion === '$LATEST' ? {} : { after: versionId(name, afterVersion) };
  const options = { prefix: aliasId(name, ''), ...after };
  for await (const { body } of walk(context.services.metadata, context, 'version', options)) yield body;
}
