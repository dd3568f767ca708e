import { viewConfiguration } from '../functions/configuration-view.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { walk } from '../functions/keys.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import { aliasId, type FunctionBody, type VersionBody, versionId } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation, OperationContext } from './operation.ts';

/** `$LATEST` first, then the published versions by number; 50 at most. */
export const listVersionsByFunction: Operation<'ListVersionsByFunction'> = async (context, input) => {
  const name = parseUnqualified(context, input.FunctionName);
  const { body } = await findFunction(context.services.metadata, context, name);
  const [after] = readMarker(input.Marker);
  const { items, nextMarker } = await takePage(versionsOf(context, body, after), input.MaxItems, (item) => [
    item.version,
  ]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      Versions: await Promise.all(
        items.map((item) =>
          viewConfiguration(context.services, context, item, { listed: true, qualifier: item.version }),
        ),
      ),
    },
  };
};

async function* versionsOf(
  context: OperationContext,
  owner: FunctionBody,
  after: string | undefined,
): AsyncGenerator<VersionBody> {
  if (after === undefined) yield owner.latest;
  const position = after === undefined || after === owner.latest.version ? {} : { after: versionId(owner.name, after) };
  const options = { prefix: aliasId(owner.name, ''), ...position };
  for await (const { body } of walk(context.services.metadata, context, 'version', options)) yield body;
}
