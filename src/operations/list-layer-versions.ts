import { readMarker, takePage } from '../functions/paging.ts';
import { parseLayerName } from '../layers/layer-name.ts';
import { layerVersions } from '../layers/layer-versions.ts';
import { viewListed } from '../layers/layer-view.ts';
import type { Operation } from './operation.ts';

/** Newest first, 50 at most; an unknown layer has no versions (lambda-facts 6.6). */
export const listLayerVersions: Operation<'ListLayerVersions'> = async (context, input) => {
  const name = parseLayerName(context, input.LayerName, 'lambda:ListLayerVersions');
  const [after] = readMarker(input.Marker);
  const position = after === undefined ? undefined : Number(after);
  const versions = layerVersions(context.services.metadata, context, name, input, position);
  const { items, nextMarker } = await takePage(versions, input.MaxItems, ({ version }) => [String(version)]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      LayerVersions: items.map((version) => viewListed(context, version)),
    },
  };
};
