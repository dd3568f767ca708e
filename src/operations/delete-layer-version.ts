import { checkLayerVersionNumber, parseLayerName } from '../layers/layer-name.ts';
import { layerVersionKey, readLayerVersion } from '../layers/layer-records.ts';
import type { Operation } from './operation.ts';

/** Functions that have the version keep it; one that does not exist is as good as deleted (lambda-facts 6.6). */
export const deleteLayerVersion: Operation<'DeleteLayerVersion'> = async (context, input) => {
  const { metadata, packages } = context.services;
  checkLayerVersionNumber(input.VersionNumber);
  const name = parseLayerName(context, input.LayerName, 'lambda:DeleteLayerVersion');
  const read = await readLayerVersion(metadata, context, name, input.VersionNumber);
  if (!read) return { output: {} };
  // A function that is being given the version just now has read it already and will refer to its content.
  packages.hold(read.body.code);
  await metadata.commit([{ type: 'delete', key: layerVersionKey(context, name, input.VersionNumber) }]);
  return { output: {} };
};
