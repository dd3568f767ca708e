/** Who else may use a version of a layer: the policy inside its record (lambda-facts 6.5, 6.6). */
import type { KeptPolicy, ResourcePolicy } from '../access/resource-policy.ts';
import type { Ids } from '../base/ids.ts';
import { layerVersionArn } from '../layers/layer-name.ts';
import { type LayerVersionBody, layerVersionKey, readLayerVersion } from '../layers/layer-records.ts';
import { notFound } from '../model/api-error.ts';
import type { MetadataStore, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type ChangeTools, changeFunction } from './change-function.ts';

/** Throws ResourceNotFoundException. */
export async function findLayerVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  version: number,
): Promise<StoredRecord<LayerVersionBody>> {
  const record = await readLayerVersion(metadata, namespace, name, version);
  if (!record) throw notFound(`Layer version ${layerVersionArn(namespace, name, version)} does not exist.`);
  return record;
}

/**
 * Changes the policy; `change` judges what is there and gives what shall be there, undefined for no policy. Resolves
 * with the new revision id. Throws what `change` throws; ResourceNotFoundException when the version does not exist.
 */
export async function changeLayerPolicy(
  tools: ChangeTools & { readonly ids: Ids },
  namespace: Namespace,
  { name, version }: Pick<LayerVersionBody, 'name' | 'version'>,
  change: (policy: ResourcePolicy | undefined) => KeptPolicy | undefined,
): Promise<string> {
  // The lock of the layer's other writers: no function's name has a colon.
  return changeFunction(tools, namespace, `layer:${name}`, async () => {
    const { body, revision } = await findLayerVersion(tools.metadata, namespace, name, version);
    const { policy: before, ...rest } = body;
    const policy = change(before);
    const revisionId = tools.ids.uuid();
    const after: LayerVersionBody = policy === undefined ? rest : { ...rest, policy: { ...policy, revisionId } };
    const key = layerVersionKey(namespace, name, version);
    await tools.metadata.commit([{ type: 'put', key, body: after, expect: revision }]);
    return revisionId;
  });
}
