/** What the store keeps of layers: the bodies of the record kinds `layer` and `layer-version`. */
import type { ResourcePolicy } from '../access/resource-policy.ts';
import type { PublishLayerVersionRequest, ResolvedS3Object } from '../model/types.gen.ts';
import type { CodeRef } from '../packages/code-packages.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';

/** Kind `layer`, id = layer name. Stays when all its versions are deleted: numbers are never used again. */
export interface LayerBody {
  readonly name: string;
  /** The number that the next published version gets. */
  readonly nextVersion: number;
}

/** Kind `layer-version`, id of `layerVersionId`. Never changes, but for its policy. */
export interface LayerVersionBody {
  readonly name: string;
  readonly version: number;
  readonly code: CodeRef;
  /** Empty when the caller gave none. */
  readonly description: string;
  readonly compatibleRuntimes?: NonNullable<PublishLayerVersionRequest['CompatibleRuntimes']>;
  readonly compatibleArchitectures?: NonNullable<PublishLayerVersionRequest['CompatibleArchitectures']>;
  readonly licenseInfo?: string;
  /** The object that the content came from, where answers show it. */
  readonly resolved?: ResolvedS3Object;
  /** Epoch milliseconds. */
  readonly created: number;
  /** Who may use the version beside its own account. */
  readonly policy?: ResourcePolicy;
}

/** A version of a layer as a function's settings keep it: it stays for the function when the version is deleted. */
export interface LayerUse {
  readonly arn: string;
  readonly code: CodeRef;
}

const VERSION_MAX = 9_999_999_999;
const VERSION_DIGITS = 10;

/** Id of a layer version. Newer versions come first in the order of ids, because that is how AWS lists them. */
export function layerVersionId(name: string, version: number): string {
  return `${layerVersionsPrefix(name)}${String(VERSION_MAX - version).padStart(VERSION_DIGITS, '0')}`;
}

/** What the ids of all versions of a layer begin with. */
export function layerVersionsPrefix(name: string): string {
  return `${name}:`;
}

export function layerKey({ account, region }: Namespace, name: string): RecordKey {
  return { account, region, kind: 'layer', id: name };
}

export function layerVersionKey({ account, region }: Namespace, name: string, version: number): RecordKey {
  return { account, region, kind: 'layer-version', id: layerVersionId(name, version) };
}

export async function readLayer(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
): Promise<StoredRecord<LayerBody> | undefined> {
  return (await metadata.get(layerKey(namespace, name))) as StoredRecord<LayerBody> | undefined;
}

/** Undefined also for numbers that no version can have. */
export async function readLayerVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  version: number,
): Promise<StoredRecord<LayerVersionBody> | undefined> {
  if (!Number.isSafeInteger(version) || version < 1 || version > VERSION_MAX) return undefined;
  return (await metadata.get(layerVersionKey(namespace, name, version))) as StoredRecord<LayerVersionBody> | undefined;
}
