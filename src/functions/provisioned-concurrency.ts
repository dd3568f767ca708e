/**
 * Provisioned concurrency: which version or alias is to have how many environments ready (lambda-facts 9.1).
 *
 * Only what was asked for is stored. How far it has come is known where the environments are, and told from there.
 */
import { functionArn } from '../base/arn.ts';
import { ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { GetProvisionedConcurrencyConfigResponse } from '../model/types.gen.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import { type FunctionReference, functionNotFound, isVersionNumber } from './function-name.ts';
import { readAlias, readVersion } from './keys.ts';
import { type AliasBody, LATEST, qualifiedId, type VersionBody } from './records.ts';

/** Kind `provisioned-concurrency`, id of `qualifiedId`. */
export interface ProvisionedBody {
  readonly functionName: string;
  /** A version number or the name of an alias. */
  readonly qualifier: string;
  readonly requested: number;
  /** Epoch milliseconds. */
  readonly lastModified: number;
}

/** How far the environments of one configuration are. */
export interface ProvisionedProgress {
  /** Environments that are initialized, busy ones too. */
  readonly allocated: number;
  /** Those of them that no invoke uses. */
  readonly available: number;
  /** Why the last attempt at the missing ones failed, if it did. */
  readonly failure?: string;
}

/** The qualifier that a configuration is for, and the number of the version that it leads to: `$LATEST` for some aliases. */
export interface ProvisionedTarget {
  readonly qualifier: string;
  readonly number: string;
  /** Only where the qualifier is an alias. */
  readonly alias?: AliasBody;
}

export function provisionedKey({ account, region }: Namespace, functionName: string, qualifier: string): RecordKey {
  return { account, region, kind: 'provisioned-concurrency', id: qualifiedId(functionName, qualifier) };
}

export async function readProvisioned(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  qualifier: string,
): Promise<StoredRecord<ProvisionedBody> | undefined> {
  const key = provisionedKey(namespace, functionName, qualifier);
  return (await metadata.get(key)) as StoredRecord<ProvisionedBody> | undefined;
}

/** The configurations of one function, in order of their qualifiers, behind `after`. */
export function walkProvisioned(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  after?: string,
): AsyncGenerator<StoredRecord<ProvisionedBody>> {
  return walkRecords<ProvisionedBody>(metadata, namespace, 'provisioned-concurrency', {
    prefix: qualifiedId(functionName, ''),
    ...(after === undefined ? {} : { after: qualifiedId(functionName, after) }),
  });
}

/** Throws InvalidParameterValueException unless the caller named an alias or a published version. */
export function provisionedQualifier({ qualifier }: FunctionReference): string {
  if (qualifier === undefined || qualifier === LATEST)
    throw invalidParameter('The function resource provided must be an alias or a published version.');
  return qualifier;
}

/**
 * Finds what a configuration is, or would be, for. Throws ResourceNotFoundException, which for an alias has a text of
 * its own even when it is the function that does not exist.
 */
export async function findProvisionedTarget(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  qualifier: string,
): Promise<ProvisionedTarget> {
  const { account, region } = namespace;
  if (isVersionNumber(qualifier)) {
    await findProvisionedVersion(metadata, namespace, functionName, qualifier);
    return { qualifier, number: qualifier };
  }
  const alias = await readAlias(metadata, namespace, functionName, qualifier);
  if (!alias) throw notFound(`Cannot find alias arn: ${functionArn(region, account, functionName, qualifier)}`);
  return { qualifier, number: alias.body.functionVersion, alias: alias.body };
}

/** Throws ResourceNotFoundException, and InvalidParameterValueException for `$LATEST`. */
export async function findProvisionedVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  number: string,
): Promise<VersionBody> {
  if (number === LATEST) throw unpublished();
  const version = await readVersion(metadata, namespace, functionName, number);
  if (!version) throw functionNotFound(namespace, functionName, number);
  return version.body;
}

export function unpublished(): ApiError {
  return invalidParameter('Provisioned Concurrency Configs cannot be applied to unpublished function versions.');
}

/**
 * A version is provisioned by its number or by aliases, not by both. Throws ResourceConflictException, and
 * InvalidParameterValueException for an alias that spreads over two versions.
 */
export async function checkProvisionedOnce(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  { qualifier, number, alias }: ProvisionedTarget,
): Promise<void> {
  if (alias) {
    if (alias.routing) throw invalidParameter('Alias with weights can not be used with Provisioned Concurrency');
    if (await readProvisioned(metadata, namespace, functionName, number)) throw versionIsProvisioned();
    return;
  }
  for await (const { body } of walkProvisioned(metadata, namespace, functionName)) {
    if (isVersionNumber(body.qualifier)) continue;
    const other = await readAlias(metadata, namespace, functionName, body.qualifier);
    if (other?.body.functionVersion === qualifier)
      throw new ApiError('ResourceConflictException', 'Version is pointed by a Provisioned Concurrency alias');
  }
}

/** Throws InvalidParameterValueException for versions that AWS keeps no environments ready for; its texts were not recorded. */
export function checkProvisionable({ settings }: VersionBody): void {
  if (settings.tenantIsolation !== undefined)
    throw invalidParameter('Provisioned Concurrency is not supported for functions with tenant isolation.');
  if (settings.snapStart === 'PublishedVersions')
    throw invalidParameter('Provisioned Concurrency is not supported for function versions with SnapStart enabled.');
}

/** An alias takes its provisioned concurrency along to another version. Throws where it could not have been put there. */
export async function checkProvisionedMove(
  metadata: MetadataStore,
  namespace: Namespace,
  { functionName, name, functionVersion }: Pick<AliasBody, 'functionName' | 'name' | 'functionVersion'>,
): Promise<void> {
  if (!(await readProvisioned(metadata, namespace, functionName, name))) return;
  checkProvisionable(await findProvisionedVersion(metadata, namespace, functionName, functionVersion));
  if (await readProvisioned(metadata, namespace, functionName, functionVersion)) throw versionIsProvisioned();
}

function versionIsProvisioned(): ApiError {
  return new ApiError(
    'ResourceConflictException',
    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
  );
}

/** AWS's shape of a configuration. Without progress nothing has been said of it yet: it has just been asked for. */
export function viewProvisioned(
  body: ProvisionedBody,
  progress: ProvisionedProgress = { allocated: 0, available: 0 },
): GetProvisionedConcurrencyConfigResponse {
  const { requested, lastModified } = body;
  const { allocated, available, failure } = progress;
  const isReady = allocated >= requested;
  return {
    RequestedProvisionedConcurrentExecutions: requested,
    AvailableProvisionedConcurrentExecutions: Math.min(available, requested),
    AllocatedProvisionedConcurrentExecutions: Math.min(allocated, requested),
    Status: isReady ? 'READY' : failure === undefined ? 'IN_PROGRESS' : 'FAILED',
    ...(isReady || failure === undefined ? {} : { StatusReason: failure }),
    LastModified: withoutFraction(lastModified),
  };
}

/** `2019-12-31T20:28:49+0000`: unlike other times of Lambda this one has no fraction. */
function withoutFraction(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, '+0000');
}
