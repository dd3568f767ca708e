/** The address of a function or of one of its aliases (lambda-facts 7.4). */
import { functionArn } from '../base/arn.ts';
import { ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { Cors, FunctionUrlConfig, UpdateFunctionUrlConfigRequest } from '../model/types.gen.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import type { FunctionReference } from './function-name.ts';
import type { UrlAddresses } from './function-url-address.ts';
import { readAlias, readFunction } from './keys.ts';
import { type FunctionBody, LATEST, qualifiedId } from './records.ts';

/** Kind `function-url`, id = `name:qualifier`. */
export interface FunctionUrlBody {
  readonly functionName: string;
  /** `$LATEST` for the function itself, or an alias; versions have no address. */
  readonly qualifier: string;
  /** First label of the host name: 32 characters of 0-9a-f, drawn anew for each URL that is made. */
  readonly urlId: string;
  readonly authType: FunctionUrlConfig['AuthType'];
  /** As the caller gave it; absent when nothing of it was. */
  readonly cors?: Cors;
  /** Absent until the caller sets it, which means BUFFERED. */
  readonly invokeMode?: NonNullable<FunctionUrlConfig['InvokeMode']>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly lastModified: number;
}

/** What has an address: a function (`$LATEST`) or an alias. */
export type UrlOwner = Required<FunctionReference>;

export const URL_ID_DIGITS = 32;

/** Who is told of a URL: in which namespace, and where it reached the API. */
export interface UrlViewer extends Namespace {
  readonly origin: string;
  readonly services: { readonly urls: UrlAddresses };
}

/**
 * Reads the function that is to get or has an address. Throws ResourceNotFoundException for a function or an alias
 * that does not exist, in the words that only these operations use.
 */
export async function findUrlOwner(
  metadata: MetadataStore,
  namespace: Namespace,
  owner: UrlOwner,
): Promise<FunctionBody> {
  const found = await readFunction(metadata, namespace, owner.name);
  if (!found) throw noUrlOwner();
  if (owner.qualifier !== LATEST && !(await readAlias(metadata, namespace, owner.name, owner.qualifier)))
    throw noUrlOwner();
  return found.body;
}

export function noUrlOwner(): ApiError {
  return notFound('Function does not exist');
}

/**
 * Throws InvalidParameterValueException for a function whose environments belong to tenants: an address has no way to
 * say for which one it calls. AWS's own text was not recorded.
 */
export function checkUrlAllowed({ latest }: FunctionBody): void {
  if (latest.settings.tenantIsolation !== undefined)
    throw invalidParameter('Function URLs are not supported for functions with tenant isolation.');
}

/** The refusal of a second address for the same function or alias. */
export function urlExists(namespace: Namespace, owner: UrlOwner): ApiError {
  return new ApiError(
    'ResourceConflictException',
    // Both blanks before the last sentence are AWS's.
    `Failed to create function url config for [functionArn = ${ownerArn(namespace, owner)}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
  );
}

export async function readFunctionUrl(
  metadata: MetadataStore,
  namespace: Namespace,
  owner: UrlOwner,
): Promise<StoredRecord<FunctionUrlBody> | undefined> {
  return (await metadata.get(functionUrlKey(namespace, owner))) as StoredRecord<FunctionUrlBody> | undefined;
}

/** Throws ResourceNotFoundException, in the same words whether the address or its whole function is missing. */
export async function findFunctionUrl(
  metadata: MetadataStore,
  namespace: Namespace,
  owner: UrlOwner,
): Promise<StoredRecord<FunctionUrlBody>> {
  const record = await readFunctionUrl(metadata, namespace, owner);
  if (!record) throw notFound('The resource you requested does not exist.');
  return record;
}

/** Every address of a function in order of qualifier, behind `after`. */
export async function* functionUrlsOf(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  after: string | undefined,
): AsyncGenerator<FunctionUrlBody> {
  const position = after === undefined ? {} : { after: qualifiedId(name, after) };
  const options = { prefix: qualifiedId(name, ''), ...position };
  for await (const { body } of walkRecords<FunctionUrlBody>(metadata, namespace, 'function-url', options)) yield body;
}

export function functionUrlKey({ account, region }: Namespace, { name, qualifier }: UrlOwner): RecordKey {
  return { account, region, kind: 'function-url', id: qualifiedId(name, qualifier) };
}

/** A body with what the caller gave in place of what was there. A Cors without members is how clients take it away. */
export function withUrlSettings(
  before: FunctionUrlBody,
  { AuthType, Cors, InvokeMode }: UpdateFunctionUrlConfigRequest,
): FunctionUrlBody {
  const { cors: corsBefore, ...rest } = before;
  const cors = Cors ?? corsBefore;
  return {
    ...rest,
    ...(AuthType === undefined ? {} : { authType: AuthType }),
    ...(cors === undefined || isEmpty(cors) ? {} : { cors }),
    ...(InvokeMode === undefined ? {} : { invokeMode: InvokeMode }),
  };
}

function isEmpty(cors: Cors): boolean {
  return Object.values(cors).every((value) => value === undefined);
}

/** The whole configuration; without an InvokeMode while none was set, as Create and Update answer it. */
export function viewFunctionUrl(viewer: UrlViewer, body: FunctionUrlBody): FunctionUrlConfig {
  const { functionName: name, qualifier, cors, invokeMode } = body;
  return {
    FunctionUrl: viewer.services.urls.of(viewer, body.urlId, viewer.origin),
    FunctionArn: ownerArn(viewer, { name, qualifier }),
    AuthType: body.authType,
    ...(cors === undefined ? {} : { Cors: cors }),
    CreationTime: new Date(body.createdAt).toISOString(),
    LastModifiedTime: new Date(body.lastModified).toISOString(),
    ...(invokeMode === undefined ? {} : { InvokeMode: invokeMode }),
  };
}

/** As Get and List answer it: with the mode that holds, set or not. */
export function viewReadFunctionUrl(viewer: UrlViewer, body: FunctionUrlBody): FunctionUrlConfig {
  return { InvokeMode: 'BUFFERED', ...viewFunctionUrl(viewer, body) };
}

/** The ARN of the function itself has no qualifier here, unlike elsewhere. */
function ownerArn({ account, region }: Namespace, { name, qualifier }: UrlOwner): string {
  return functionArn(region, account, name, qualifier === LATEST ? undefined : qualifier);
}
