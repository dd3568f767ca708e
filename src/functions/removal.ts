/** What goes when a function or one of its versions is deleted (lambda-facts 6.3.11). */
import { ApiError } from '../model/api-error.ts';
import type { Change, MetadataStore, RecordKind, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { aliasKey, functionKey, versionCounterKey, versionKey, walk } from './keys.ts';
import { aliasId, type FunctionBody, qualifiedId, type VersionCounterBody } from './records.ts';

/** What is kept for one qualifier of a function; each has ids of `qualifiedId`. */
const KINDS_OF_QUALIFIER = [
  'function-policy',
  'event-invoke-config',
  'function-url',
  'provisioned-concurrency',
  'runtime-management',
] as const satisfies readonly RecordKind[];

/**
 * A function goes with everything of it, in one commit. Event source mappings stay (lambda-facts 6.3.11), and so does
 * the count of its versions.
 */
export function functionRemoval(namespace: Namespace, owner: StoredRecord<FunctionBody>): readonly Change[] {
  const { account, region } = namespace;
  const prefix = aliasId(owner.body.name, '');
  const counter = { nextVersion: owner.body.nextVersion } satisfies VersionCounterBody;
  return [
    ...(counter.nextVersion === 1
      ? []
      : [{ type: 'put', key: versionCounterKey(namespace, owner.body.name), body: counter } as const]),
    { type: 'delete', key: functionKey(namespace, owner.body.name), expect: owner.revision },
    { type: 'deletePrefix', key: { account, region, kind: 'version', id: prefix } },
    { type: 'deletePrefix', key: aliasKey(namespace, owner.body.name, '') },
    ...KINDS_OF_QUALIFIER.map(
      (kind): Change => ({
        type: 'deletePrefix',
        key: { account, region, kind, id: qualifiedId(owner.body.name, '') },
      }),
    ),
  ];
}

/** One version goes with what is kept for it; a version that does not exist is as good as deleted. */
export function versionRemoval(namespace: Namespace, name: string, version: string): readonly Change[] {
  return [{ type: 'delete', key: versionKey(namespace, name, version) }, ...qualifierRemoval(namespace, name, version)];
}

/** What is kept for a version or an alias goes with it; but an alias's URL stays, and answers 403 (lambda-facts 7.4). */
export function qualifierRemoval({ account, region }: Namespace, name: string, qualifier: string): readonly Change[] {
  const id = qualifiedId(name, qualifier);
  const kinds = KINDS_OF_QUALIFIER.filter((kind) => kind !== 'function-url');
  return kinds.map((kind): Change => ({ type: 'delete', key: { account, region, kind, id } }));
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
