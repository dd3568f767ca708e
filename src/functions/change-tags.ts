import type { Ids } from '../base/ids.ts';
import type { Namespace } from '../store/namespace.ts';
import { type ChangeTools, changeFunction, putFunction } from './change-function.ts';
import { findFunction } from './resolve.ts';
import type { Tags } from './tags.ts';

/**
 * Gives a function other tags and its `$LATEST` a new revision, as AWS does.
 * Throws ResourceNotFoundException and what `change` throws.
 */
export async function changeTags(
  tools: ChangeTools & { readonly ids: Ids },
  namespace: Namespace,
  name: string,
  change: (tags: Tags) => Tags,
): Promise<void> {
  await changeFunction(tools, namespace, name, async () => {
    const read = await findFunction(tools.metadata, namespace, name);
    const latest = { ...read.body.latest, revisionId: tools.ids.uuid() };
    const body = { ...read.body, latest, tags: change(read.body.tags) };
    await tools.metadata.commit([putFunction(namespace, read, body)]);
  });
}
