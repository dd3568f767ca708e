/**
 * When a version of a function moves to a new build of its runtime (lambda-facts 6.7).
 *
 * Deliberate difference from AWS: a runtime has one build here, the one that is installed, so no mode moves a function
 * anywhere. Auto and FunctionUpdate run it as it is; Manual pins a version to that build, which it runs anyway, and
 * refuses every other. All three are kept and told as they were set.
 */
import { functionArn } from '../base/arn.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { PutRuntimeManagementConfigRequest, PutRuntimeManagementConfigResponse } from '../model/types.gen.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type FunctionReference, isVersionNumber, parseQualified } from './function-name.ts';
import { LATEST, qualifiedId, type VersionBody } from './records.ts';
import { findVersion } from './resolve.ts';
import { runtimeVersionArn } from './runtime-support.ts';

/** Kind `runtime-management`, id = `name:version`. A version without a record is in mode Auto. */
export interface RuntimeManagementBody {
  readonly functionName: string;
  /** `$LATEST` or a version number. */
  readonly version: string;
  readonly updateRuntimeOn: PutRuntimeManagementConfigRequest['UpdateRuntimeOn'];
  /** Only with Manual. */
  readonly runtimeVersionArn?: string;
}

/** `$LATEST` or a published version. */
export type ManagedVersion = Required<FunctionReference>;

/**
 * `$LATEST` without a qualifier. Throws as parseReference, and InvalidParameterValueException for an alias: it is
 * versions that run a runtime. AWS's own text for an alias was not recorded.
 */
export function parseManagedVersion(namespace: Namespace, text: string, qualifier?: string): ManagedVersion {
  const managed = parseQualified(namespace, text, qualifier);
  if (managed.qualifier === LATEST || isVersionNumber(managed.qualifier)) return managed;
  throw invalidParameter('The runtime management configuration is of a version: specify $LATEST or a version number.');
}

/** Throws ResourceNotFoundException. */
export async function findManagedVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  { name, qualifier }: ManagedVersion,
): Promise<VersionBody> {
  return (await findVersion(metadata, namespace, name, qualifier)).version;
}

/**
 * The configuration that the caller asks for. An ARN beside Auto or FunctionUpdate says nothing and is not kept.
 * Throws InvalidParameterValueException for Manual without the ARN of the runtime's build; AWS's own texts were not
 * recorded.
 */
export function runtimeManagementOf(
  { region }: Namespace,
  { functionName, version, settings: { runtime } }: VersionBody,
  { UpdateRuntimeOn: updateRuntimeOn, RuntimeVersionArn: given }: PutRuntimeManagementConfigRequest,
): RuntimeManagementBody {
  if (updateRuntimeOn !== 'Manual') return { functionName, version, updateRuntimeOn };
  if (given === undefined)
    throw invalidParameter('RuntimeVersionArn is required when UpdateRuntimeOn is set to Manual.');
  if (runtime === undefined || given !== runtimeVersionArn(region, runtime))
    throw invalidParameter(`The runtime version ${given} is not available for runtime ${runtime ?? 'of an image'}.`);
  return { functionName, version, updateRuntimeOn, runtimeVersionArn: given };
}

export async function readRuntimeManagement(
  metadata: MetadataStore,
  namespace: Namespace,
  version: ManagedVersion,
): Promise<StoredRecord<RuntimeManagementBody> | undefined> {
  const record = await metadata.get(runtimeManagementKey(namespace, version));
  return record as StoredRecord<RuntimeManagementBody> | undefined;
}

export function runtimeManagementKey({ account, region }: Namespace, { name, qualifier }: ManagedVersion): RecordKey {
  return { account, region, kind: 'runtime-management', id: qualifiedId(name, qualifier) };
}

/** FunctionArn always carries the version, `$LATEST` too. */
export function viewRuntimeManagement(
  { account, region }: Namespace,
  { functionName, version, updateRuntimeOn, runtimeVersionArn: arn }: RuntimeManagementBody,
): PutRuntimeManagementConfigResponse {
  return {
    UpdateRuntimeOn: updateRuntimeOn,
    FunctionArn: functionArn(region, account, functionName, version),
    ...(arn === undefined ? {} : { RuntimeVersionArn: arn }),
  };
}
