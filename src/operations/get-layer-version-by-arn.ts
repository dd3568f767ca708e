import { layerNotFound, parseLayerVersionArn } from '../layers/layer-name.ts';
import { getLayerVersion } from './get-layer-version.ts';
import type { Operation } from './operation.ts';

export const getLayerVersionByArn: Operation<'GetLayerVersionByArn'> = async (context, input) => {
  const reference = parseLayerVersionArn(input.Arn);
  if (!reference) throw layerNotFound();
  const LayerName = input.Arn.slice(0, input.Arn.lastIndexOf(':'));
  return getLayerVersion(context, { LayerName, VersionNumber: reference.version });
};
