import { changeFunction } from '../functions/change-function.ts';
import { checkCodeStorage } from '../functions/code-storage.ts';
import { parseLayerName } from '../layers/layer-name.ts';
import {
  type LayerBody,
  type LayerVersionBody,
  layerKey,
  layerVersionKey,
  readLayer,
} from '../layers/layer-records.ts';
import { viewLayerVersion } from '../layers/layer-view.ts';
import { zipOfSource } from '../packages/code-source.ts';
import type { Operation } from './operation.ts';

/** Every call makes a new version, whatever the content (lambda-facts 6.6). */
export const publishLayerVersion: Operation<'PublishLayerVersion'> = async (context, input) => {
  const { origin, services } = context;
  const { metadata, packages, clock, limits } = services;
  const name = parseLayerName(context, input.LayerName, 'lambda:PublishLayerVersion');
  using zip = await zipOfSource(services, context, input.Content, 'layer');
  const { bytes, resolved } = zip;
  const code = await packages.store(bytes);
  await checkCodeStorage(services, context, code.sizeBytes, limits.totalCodeSizeBytes);
  const { CompatibleRuntimes, CompatibleArchitectures, LicenseInfo } = input;
  const content: Omit<LayerVersionBody, 'version'> = {
    name,
    code,
    description: input.Description ?? '',
    ...(CompatibleRuntimes === undefined ? {} : { compatibleRuntimes: CompatibleRuntimes }),
    ...(CompatibleArchitectures === undefined ? {} : { compatibleArchitectures: CompatibleArchitectures }),
    ...(LicenseInfo === undefined ? {} : { licenseInfo: LicenseInfo }),
    ...(resolved === undefined ? {} : { resolved }),
    created: clock.now(),
  };
  // No function's name has a colon: a layer's writers take turns beside them.
  const published = await changeFunction(services, context, `layer:${name}`, async () => {
    const read = await readLayer(metadata, context, name);
    const version = { ...content, version: read?.body.nextVersion ?? 1 };
    const layer: LayerBody = { name, nextVersion: version.version + 1 };
    await metadata.commit([
      { type: 'put', key: layerKey(context, name), body: layer, expect: read?.revision ?? 0 },
      { type: 'put', key: layerVersionKey(context, name, version.version), body: version, expect: 0 },
    ]);
    return version;
  });
  return { output: viewLayerVersion(context, published, { packages, origin }) };
};
