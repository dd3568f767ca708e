/** From what the caller named to the version that is meant (lambda-facts 6.2, 6.4). */
import { functionArn } from '../base/arn.ts';
import type { Ids } from '../base/ids.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type FunctionReference, functionNotFound, isVersionNumber, parseReference } from './function-name.ts';
import { aliasKey, functionKey, readAlias, readFunction, readVersion, versionKey } from './keys.ts';
import { type AliasBody, canBeVersion, type FunctionBody, LATEST, type VersionBody } from './records.ts';

/** A function and the version of it that a qualifier leads to. */
export interface Found {
  readonly owner: StoredRecord<FunctionBody>;
  readonly version: VersionBody;
  /** As the caller wrote it; an alias keeps its name. */
  readonly qualifier?: string;
}

/**
 * Looks up name and qualifier for reading. An alias leads to its main version.
 * Throws ResourceNotFoundException and what parseReference throws.
 */
export async function findVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  qualifierParameter?: string,
): Promise<Found> {
  const { name, qualifier } = parseReference(namespace, functionName, qualifierParameter);
  const owner = await readFunction(metadata, namespace, name);
  if (!owner) throw functionNotFound(namespace, name, qualifier);
  if (qualifier === undefined) return { owner, version: owner.body.latest };
  if (qualifier === LATEST) return { owner, version: owner.body.latest, qualifier };
  let number = qualifier;
  if (!isVersionNumber(qualifier)) {
    const alias = await readAlias(metadata, namespace, name, qualifier);
    if (!alias) throw functionNotFound(namespace, name, qualifier);
    number = alias.body.functionVersion;
    if (number === LATEST) return { owner, version: owner.body.latest, qualifier };
  }
  const version = await readVersion(metadata, namespace, name, number);
  if (!version) throw functionNotFound(namespace, name, qualifier);
  return { owner, version: version.body, qualifier };
}

/** The function that an operation on the whole function names. Throws ResourceNotFoundException. */
export async function findFunction(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
): Promise<StoredRecord<FunctionBody>> {
  const owner = await readFunction(metadata, namespace, name);
  if (!owner) throw functionNotFound(namespace, name);
  return owner;
}

/** What an invoke runs; the invoker's own description of a target is of the same shape. */
export interface InvokeSubject {
  readonly account: string;
  readonly region: string;
  /** Of the function that had this name at the look-up, and of no other one before or after it. */
  readonly functionId: string | undefined;
  readonly version: VersionBody;
  readonly invokedArn: string;
  readonly reservedConcurrency?: number;
  readonly recursiveLoop?: 'Allow';
}

/** A store that can answer from memory; `undefined` means "not here", not "does not exist". */
interface Peeking {
  peek?(key: RecordKey): StoredRecord | undefined;
}

/** Function, alias and version: no lookup reads more records than these. */
const READS_MAX = 3;

/**
 * Looks up what an Invoke asks for, drawing lots on a weighted alias. Answers at once when the store has every record
 * in memory, so that a warm invoke waits for nothing; otherwise by a promise.
 * Throws (or rejects with) ResourceNotFoundException and what parseReference throws.
 */
export function resolveInvoke(
  metadata: MetadataStore & Peeking,
  ids: Ids,
  namespace: Namespace,
  functionName: string,
  qualifierParameter?: string,
): InvokeSubject | Promise<InvokeSubject> {
  const reference = parseReference(namespace, functionName, qualifierParameter);
  if (metadata.peek === undefined) return resolveByReading(metadata, ids, namespace, reference);
  const subject = attempt(
    (key) => metadata.peek?.(key),
    () => ids.fraction(),
    namespace,
    reference,
  );
  return 'missing' in subject ? resolveByReading(metadata, ids, namespace, reference) : subject;
}

/** Repeats the lookup with one more record in hand each time, until it no longer asks for any. */
async function resolveByReading(
  metadata: MetadataStore,
  ids: Ids,
  namespace: Namespace,
  reference: FunctionReference,
): Promise<InvokeSubject> {
  const read = new Map<string, StoredRecord>();
  // Lots are drawn once: another draw in the next round would ask for another version.
  const lot = ids.fraction();
  for (let round = 0; round <= READS_MAX; round++) {
    const found = attempt(
      (key) => read.get(`${key.kind} ${key.id}`),
      () => lot,
      namespace,
      reference,
    );
    if (!('missing' in found)) return found;
    const { missing } = found;
    const record = await metadata.get(missing);
    if (!record) throw functionNotFound(namespace, reference.name, reference.qualifier ?? LATEST);
    read.set(`${missing.kind} ${missing.id}`, record);
  }
  throw new Error(`resolving ${reference.name} did not come to an end`);
}

function attempt(
  look: (key: RecordKey) => StoredRecord | undefined,
  fraction: () => number,
  namespace: Namespace,
  { name, qualifier }: FunctionReference,
): InvokeSubject | { readonly missing: RecordKey } {
  const ownerKey = functionKey(namespace, name);
  const owner = look(ownerKey) as StoredRecord<FunctionBody> | undefined;
  if (!owner) return { missing: ownerKey };
  let number = qualifier ?? LATEST;
  if (number !== LATEST && !isVersionNumber(number)) {
    const key = aliasKey(namespace, name, number);
    const alias = look(key) as StoredRecord<AliasBody> | undefined;
    if (!alias) return { missing: key };
    number = chooseVersion(alias.body, fraction);
  }
  if (number === LATEST) return subject(namespace, owner.body, owner.body.latest, qualifier);
  if (!canBeVersion(number)) throw functionNotFound(namespace, name, qualifier);
  const key = versionKey(namespace, name, number);
  const version = look(key) as StoredRecord<VersionBody> | undefined;
  return version ? subject(namespace, owner.body, version.body, qualifier) : { missing: key };
}

/** The weight belongs to the additional version (lambda-facts 6.4). */
function chooseVersion({ functionVersion, routing }: AliasBody, fraction: () => number): string {
  return routing !== undefined && fraction() < routing.weight ? routing.version : functionVersion;
}

function subject(
  { account, region }: Namespace,
  owner: FunctionBody,
  version: VersionBody,
  qualifier: string | undefined,
): InvokeSubject {
  const { functionId, reservedConcurrency, recursiveLoop } = owner;
  const invokedArn = functionArn(region, account, owner.name, qualifier);
  const served = version.serving === undefined ? version : { ...version, ...version.serving };
  const found: InvokeSubject =
    reservedConcurrency === undefined
      ? { account, region, functionId, version: served, invokedArn }
      : { account, region, functionId, version: served, invokedArn, reservedConcurrency };
  return recursiveLoop === 'Allow' ? { ...found, recursiveLoop } : found;
}
