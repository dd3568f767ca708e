/** How a function, a version or an alias is invoked asynchronously: retries, age and destinations (lambda-facts 7.3). */
import { functionArn } from '../base/arn.ts';
import { type ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { DestinationConfig, FunctionEventInvokeConfig } from '../model/types.gen.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import { type FunctionReference, isVersionNumber } from './function-name.ts';
import { readAlias, readFunction, readVersion } from './keys.ts';
import { LATEST, qualifiedId } from './records.ts';

/** Kind `event-invoke-config`, id = `name:qualifier`. A number that was not given stays absent. */
export interface EventInvokeConfigBody {
  readonly functionName: string;
  /** `$LATEST`, a version number or an alias. */
  readonly qualifier: string;
  /** 0 to 2. */
  readonly retriesMax?: number;
  /** 60 to 21600. */
  readonly eventAgeMaxS?: number;
  readonly destinations: Destinations;
  /** Epoch milliseconds. */
  readonly lastModified: number;
}

/** ARNs of where the record of an event goes; absent: nowhere. */
export interface Destinations {
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

/** What an event invoke configuration belongs to. */
export type InvokeSubjectName = Required<FunctionReference>;

/** The change that a Put or an Update asks for: a member that is absent was not given. */
export interface EventInvokeSettings {
  readonly retriesMax?: number;
  readonly eventAgeMaxS?: number;
  readonly destinations?: DestinationConfig;
}

/** Throws InvalidParameterValueException when the caller gave nothing to set; an empty DestinationConfig is something. */
export function eventInvokeSettings(input: {
  readonly MaximumRetryAttempts?: number | undefined;
  readonly MaximumEventAgeInSeconds?: number | undefined;
  readonly DestinationConfig?: DestinationConfig | undefined;
}): EventInvokeSettings {
  const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig } = input;
  if (MaximumRetryAttempts === undefined && MaximumEventAgeInSeconds === undefined && DestinationConfig === undefined)
    throw invalidParameter('You must specify at least one of error handling or destination setting.');
  return {
    ...(MaximumRetryAttempts === undefined ? {} : { retriesMax: MaximumRetryAttempts }),
    ...(MaximumEventAgeInSeconds === undefined ? {} : { eventAgeMaxS: MaximumEventAgeInSeconds }),
    ...(DestinationConfig === undefined ? {} : { destinations: DestinationConfig }),
  };
}

/**
 * The destinations after a change: a side that is given replaces the one before, and an empty one takes it away; a side
 * that is not given stays as it was.
 */
export function mergeDestinations(before: Destinations, given: DestinationConfig = {}): Destinations {
  const onSuccess = given.OnSuccess === undefined ? before.onSuccess : given.OnSuccess.Destination;
  const onFailure = given.OnFailure === undefined ? before.onFailure : given.OnFailure.Destination;
  return {
    // The model lets an empty text through, which means none.
    ...(onSuccess ? { onSuccess } : {}),
    ...(onFailure ? { onFailure } : {}),
  };
}

/** True for `$LATEST` of an existing function, its published versions and its aliases. */
export async function subjectExists(
  metadata: MetadataStore,
  namespace: Namespace,
  { name, qualifier }: InvokeSubjectName,
): Promise<boolean> {
  if ((await readFunction(metadata, namespace, name)) === undefined) return false;
  if (qualifier === LATEST) return true;
  const read = isVersionNumber(qualifier) ? readVersion : readAlias;
  return (await read(metadata, namespace, name, qualifier)) !== undefined;
}

/** Throws ResourceNotFoundException; AWS does not name here what it missed. */
export async function checkSubject(
  metadata: MetadataStore,
  namespace: Namespace,
  subject: InvokeSubjectName,
): Promise<void> {
  if (!(await subjectExists(metadata, namespace, subject))) throw functionMissing();
}

export function functionMissing(): ApiError {
  return notFound("The function doesn't exist.");
}

export async function readEventInvokeConfig(
  metadata: MetadataStore,
  namespace: Namespace,
  subject: InvokeSubjectName,
): Promise<StoredRecord<EventInvokeConfigBody> | undefined> {
  const record = await metadata.get(eventInvokeConfigKey(namespace, subject));
  return record as StoredRecord<EventInvokeConfigBody> | undefined;
}

/** Throws ResourceNotFoundException, also for a function, a version or an alias that does not exist. */
export async function findEventInvokeConfig(
  metadata: MetadataStore,
  namespace: Namespace,
  subject: InvokeSubjectName,
): Promise<StoredRecord<EventInvokeConfigBody>> {
  const record = await readEventInvokeConfig(metadata, namespace, subject);
  if (record) return record;
  throw notFound(`The function ${subjectArn(namespace, subject)} doesn't have an EventInvokeConfig`);
}

/** Every configuration of a function in order of qualifier, behind `after`. */
export async function* eventInvokeConfigsOf(
  metadata: MetadataStore,
  namespace: Namespace,
  name: string,
  after: string | undefined,
): AsyncGenerator<EventInvokeConfigBody> {
  const position = after === undefined ? {} : { after: qualifiedId(name, after) };
  const options = { prefix: qualifiedId(name, ''), ...position };
  for await (const { body } of walkRecords<EventInvokeConfigBody>(metadata, namespace, 'event-invoke-config', options))
    yield body;
}

export function eventInvokeConfigKey(
  { account, region }: Namespace,
  { name, qualifier }: InvokeSubjectName,
): RecordKey {
  return { account, region, kind: 'event-invoke-config', id: qualifiedId(name, qualifier) };
}

/** The ARN with its qualifier, `$LATEST` too. */
export function subjectArn({ account, region }: Namespace, { name, qualifier }: InvokeSubjectName): string {
  return functionArn(region, account, name, qualifier);
}

/** Numbers that were not set are left out; both destinations are always there, empty when not set. */
export function viewEventInvokeConfig(namespace: Namespace, body: EventInvokeConfigBody): FunctionEventInvokeConfig {
  const { functionName: name, qualifier, retriesMax, eventAgeMaxS, destinations } = body;
  return {
    LastModified: new Date(body.lastModified),
    FunctionArn: subjectArn(namespace, { name, qualifier }),
    ...(retriesMax === undefined ? {} : { MaximumRetryAttempts: retriesMax }),
    ...(eventAgeMaxS === undefined ? {} : { MaximumEventAgeInSeconds: eventAgeMaxS }),
    DestinationConfig: {
      OnSuccess: viewDestination(destinations.onSuccess),
      OnFailure: viewDestination(destinations.onFailure),
    },
  };
}

function viewDestination(arn: string | undefined): { readonly Destination?: string } {
  return arn === undefined ? {} : { Destination: arn };
}
