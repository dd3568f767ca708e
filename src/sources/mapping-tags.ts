/** Tags of event source mappings; the tag operations name a mapping by its ARN. */
import { changeFunction } from '../functions/change-function.ts';
import type { Tags } from '../functions/tags.ts';
import { notFound } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import {
  type MappingTools,
  mappingArn,
  mappingKey,
  mappingLock,
  readMapping,
  type StoredMapping,
} from './mapping-record.ts';

type TagTools = Pick<MappingTools, 'metadata' | 'locks' | 'clock'>;

/** Throws ResourceNotFoundException. */
export async function mappingTags(
  tools: Pick<TagTools, 'metadata' | 'clock'>,
  namespace: Namespace,
  arn: string,
): Promise<Tags> {
  return (await find(tools, namespace, arn)).body.tags;
}

/** Throws ResourceNotFoundException and what `change` throws. Tags are no change of the mapping's state. */
export async function changeMappingTags(
  tools: TagTools,
  namespace: Namespace,
  arn: string,
  change: (tags: Tags) => Tags,
): Promise<void> {
  const { id } = await find(tools, namespace, arn);
  await changeFunction(tools, namespace, mappingLock(id), async () => {
    const { revision, body } = await find(tools, namespace, arn);
    const tagged = { ...body, tags: change(body.tags) };
    await tools.metadata.commit([{ type: 'put', key: mappingKey(namespace, id), body: tagged, expect: revision }]);
  });
}

async function find(
  tools: Pick<TagTools, 'metadata' | 'clock'>,
  namespace: Namespace,
  arn: string,
): Promise<StoredMapping> {
  const uuid = arn.slice(arn.lastIndexOf(':') + 1);
  const record = arn === mappingArn(namespace, uuid) ? await readMapping(tools, namespace, uuid) : undefined;
  if (!record) throw notFound(`Event source mapping not found: ${arn}`);
  return record;
}
