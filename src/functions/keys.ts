import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import { type Namespace, type WalkOptions, walkRecords } from '../store/namespace.ts';
import {
  type AliasBody,
  aliasId,
  canBeVersion,
  type FunctionBody,
  type VersionBody,
  type VersionCounterBody,
  versionId,
} from './records.ts';

/** The body that each kind of record carries. */
export interface Bodies {
  readonly function: FunctionBody;
  readonly version: VersionBody;
  readonly alias: AliasBody;
}

export function functionKey({ account, region }: Namespace, name: string): RecordKey {
  return { account, region, kind: 'function', id: name };
}

/** Key of a published version; `$LATEST` lives inside the function's own record. */
export function versionKey({ account, region }: Namespace, name: string, version: string): RecordKey {
  return { account, region, kind: 'version', id: versionId(name, version) };
}

export function aliasKey({ account, region }: Namespace, name: string, alias: string): RecordKey {
  return { account, region, kind: 'alias', id: aliasId(name, alias) };
}

export function versionCounterKey({ account, region }: Namespace, name: string): RecordKey {
  return { account, region, kind: 'version-counter', id: name };
}

/** The number that the first version of a new function gets: 1, or what follows the versions of its namesakes. */
export async function readFirstVersion(metadata: MetadataStore, namespace: Namespace, name: string): Promise<number> {
  const counter = await metadata.get(versionCounterKey(namespace, name));
  return (counter as StoredRecord<VersionCounterBody> | undefined)?.body.nextVersion ?? 1;
}

export async function readFunction(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
): Promise<StoredRecord<FunctionBody> | undefined> {
  return (await metadata.get(functionKey(namespace, name))) as StoredRecord<FunctionBody> | undefined;
}

/** Undefined also for numbers that no version can have. */
export async function readVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  version: string,
): Promise<StoredRecord<VersionBody> | undefined> {
  if (!canBeVersion(version)) return undefined;
  return (await metadata.get(versionKey(namespace, name, version))) as StoredRecord<VersionBody> | undefined;
}

export async function readAlias(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  alias: string,
): Promise<StoredRecord<AliasBody> | undefined> {
  return (await metadata.get(aliasKey(namespace, name, alias))) as StoredRecord<AliasBody> | undefined;
}

/** All records of a kind in one namespace in order of id, read page by page; stops when the caller does. */
export function walk<Kind extends keyof Bodies>(
  metadata: MetadataStore,
  namespace: Namespace,
  kind: Kind,
  options: WalkOptions = {},
): AsyncGenerator<StoredRecord<Bodies[Kind]>> {
  return walkRecords<Bodies[Kind]>(metadata, namespace, kind, options);
}
