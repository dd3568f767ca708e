import type { Settings } from '../functions/records.ts';
import type { CodePackages } from '../packages/code-packages.ts';

/** Where layers appear inside a sandbox. */
export const LAYER_ROOT = '/opt';

/** The directory with the content of all layers of a function, later ones over earlier ones; undefined for no layers. */
export async function layerFolder(
  packages: Pick<CodePackages, 'unpackLayers'>,
  { layers = [] }: Pick<Settings, 'layers'>,
): Promise<string | undefined> {
  return layers.length === 0 ? undefined : packages.unpackLayers(layers.map(({ code }) => code.sha256));
}
