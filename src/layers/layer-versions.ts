/** The versions of a layer, newest first, as lists and filters want them (lambda-facts 6.6). */
import type { ListLayersRequest } from '../model/types.gen.ts';
import type { MetadataStore } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import { type LayerVersionBody, layerVersionId, layerVersionsPrefix } from './layer-records.ts';

export type LayerFilter = Pick<ListLayersRequest, 'CompatibleRuntime' | 'CompatibleArchitecture'>;

/** Behind a filter the wanted version may be some way down; without one it is the first. */
const FILTERED_PAGE_RECORDS = 50;

/** Versions that match, newest first; `after`: only those older than this number. */
export async function* layerVersions(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  filter: LayerFilter,
  after?: number,
): AsyncGenerator<LayerVersionBody> {
  const options = {
    prefix: layerVersionsPrefix(name),
    ...(after === undefined ? {} : { after: layerVersionId(name, after) }),
  };
  for await (const { body } of walkRecords<LayerVersionBody>(metadata, namespace, 'layer-version', options))
    if (matches(body, filter)) yield body;
}

/** The newest version that matches; undefined when none does. */
export async function latestLayerVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  filter: LayerFilter,
): Promise<LayerVersionBody | undefined> {
  const isFiltered = filter.CompatibleRuntime !== undefined || filter.CompatibleArchitecture !== undefined;
  const options = { prefix: layerVersionsPrefix(name), pageRecords: isFiltered ? FILTERED_PAGE_RECORDS : 1 };
  for await (const { body } of walkRecords<LayerVersionBody>(metadata, namespace, 'layer-version', options))
    if (matches(body, filter)) return body;
  return undefined;
}

/** A version that names no runtimes or architectures matches no filter for them. */
function matches(version: LayerVersionBody, { CompatibleRuntime, CompatibleArchitecture }: LayerFilter): boolean {
  const { compatibleRuntimes = [], compatibleArchitectures = [] } = version;
  return (
    (CompatibleRuntime === undefined || compatibleRuntimes.includes(CompatibleRuntime)) &&
    (CompatibleArchitecture === undefined || compatibleArchitectures.includes(CompatibleArchitecture))
  );
}
