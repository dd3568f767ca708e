import { checkLayerVersionNumber, layerNotFound, parseLayerName } from '../layers/layer-name.ts';
import { readLayerVersion } from '../layers/layer-records.ts';
import { viewLayerVersion } from '../layers/layer-view.ts';
import type { Operation } from './operation.ts';

export const getLayerVersion: Operation<'GetLayerVersion'> = async (context, input) => {
  const { metadata, packages } = context.services;
  checkLayerVersionNumber(input.VersionNumber);
  const name = parseLayerName(context, input.LayerName, 'lambda:GetLayerVersion');
  const read = await readLayerVersion(metadata, context, name, input.VersionNumber);
  if (!read) throw layerNotFound();
  return { output: viewLayerVersion(context, read.body, { packages, origin: context.origin }) };
};
