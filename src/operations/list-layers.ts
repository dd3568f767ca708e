import { readMarker, takePage } from '../functions/paging.ts';
import { layerArn } from '../layers/layer-name.ts';
import type { LayerBody, LayerVersionBody } from '../layers/layer-records.ts';
import { type LayerFilter, latestLayerVersion } from '../layers/layer-versions.ts';
import { viewListed } from '../layers/layer-view.ts';
import { walkRecords } from '../store/namespace.ts';
import type { Operation, OperationContext } from './operation.ts';

/** Each layer by its newest version that matches; 50 at most. */
export const listLayers: Operation<'ListLayers'> = async (context, input) => {
  const [after] = readMarker(input.Marker);
  const layers = latestVersions(context, input, after);
  const { items, nextMarker } = await takePage(layers, input.MaxItems, ({ name }) => [name]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      Layers: items.map((version) => ({
        LayerName: version.name,
        LayerArn: layerArn(context, version.name),
        LatestMatchingVersion: viewListed(context, version),
      })),
    },
  };
};

/** Layers whose versions are all deleted, or of which none matches, are passed over. */
async function* latestVersions(
  context: OperationContext,
  filter: LayerFilter,
  after: string | undefined,
): AsyncGenerator<LayerVersionBody> {
  const { metadata } = context.services;
  const options = after === undefined ? {} : { after };
  for await (const { body } of walkRecords<LayerBody>(metadata, context, 'layer', options)) {
    const latest = await latestLayerVersion(metadata, context, body.name, filter);
    if (latest) yield latest;
  }
}
