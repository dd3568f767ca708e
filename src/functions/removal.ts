/** What goes when a function or one of its versions is deleted (lambda-facts 6.3.11). */
import { ApiError } from '../model/api-error.ts';
import type { Change, MetadataStore, StoredRecord } from '../store/metadata.ts';
import { aliasKey, functionKey, type Namespace, versionKey, walk } from './keys.ts';
import { aliasId, type FunctionBody } from './records.ts';

/** A function goes with all its versions and aliases, in one commit. */
export function functionRemoval(namespace: Namespace, owner: StoredRecord<FunctionBody>): readonly Change[] {
  const { account, region } = namespace;
  const prefix = aliasId(owner.body.name, '');
  return [
    { type: 'delete', key: functionKey(namespace, owner.body.name), expect: owner.revision },
    { type: 'deletePrefix', key: { account, region, kind: 'version', id: prefix } },
    { type: 'deletePrefix', key: aliasKey(namespace, owner.body.name, '') },
  ];
}

/** One version goes; a version that does not exist is as good as deleted. */
export function versionRemoval(namespace: Namespace, name: string, version: string): Change {
  return { type: 'delete', key: versionKey(namespace, name, version) };
}

/** Throws ResourceConflictException while aliases lead to the version. */
export async function checkNoAlias(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  version: string,
): Promise<void> {
  const aliases: string[] = [];
  for await (const { body } of walk(metadata, namespace, 'alias', { prefix: aliasId(name, '') }))
    if (body.functionVersion === version || body.routing?.version === version) aliases.push(body.name);
  if (aliases.length === 0) return;
  throw new ApiError(
    'ResourceConflictException',
    `Unable to delete version because the following aliases reference it: [${aliases.join(', ')}]`,
  );
}
