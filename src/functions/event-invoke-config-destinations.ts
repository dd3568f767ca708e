/**
 * Which destinations an asynchronous invoke may have (lambda-facts 7.3): a queue, a topic, another function or an event
 * bus; for failures a bucket too. FIFO queues and topics are taken here and fail at delivery, as at AWS.
 *
 * Functions of the caller's account are looked up in our own store, whatever their region; those of other accounts are
 * taken at their word, for accounts never see each other. Queues and topics are asked after where their service is
 * configured. Buckets and event buses have nothing to be asked here: the ARN is kept as it is.
 */
import { neighbourOf } from '../base/inert-settings.ts';
import { ApiError, invalidParameter } from '../model/api-error.ts';
import {
  type InertSettings,
  NeighbourRefusal,
  type Neighbours,
  NeighbourUnreachable,
} from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type Destinations, type InvokeSubjectName, subjectArn, subjectExists } from './event-invoke-config.ts';
import { LATEST } from './records.ts';

export interface DestinationTools {
  readonly metadata: MetadataStore;
  readonly neighbours: Neighbours;
}

type Service = 'sqs' | 'sns' | 'lambda' | 'events' | 's3';

const SUCCESS_SERVICES: readonly Service[] = ['sqs', 'sns', 'lambda', 'events'];
const FAILURE_SERVICES: readonly Service[] = [...SUCCESS_SERVICES, 's3'];

const FUNCTION_ARN = /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/;

/** Throws InvalidParameterValueException for the first destination that cannot be one; ServiceException. */
export async function checkDestinations(
  tools: DestinationTools,
  namespace: Namespace,
  subject: InvokeSubjectName,
  destinations: Destinations,
): Promise<void> {
  const { onSuccess, onFailure } = destinations;
  if (!isOneOf(SUCCESS_SERVICES, onSuccess) || !isOneOf(FAILURE_SERVICES, onFailure))
    throw invalidParameter(`The provided destination config ${configText(destinations)} is invalid.`);
  // A destination of both sides is asked after once.
  for (const arn of new Set([onFailure, onSuccess]))
    if (arn !== undefined) await checkDestination(tools, namespace, subject, arn);
}

/** Says of each service that no endpoint is configured for that a destination points there. */
export function noteInertDestinations(
  inert: InertSettings,
  neighbours: Neighbours,
  namespace: Namespace,
  subject: InvokeSubjectName,
  destinations: Destinations,
): void {
  for (const arn of Object.values(destinations)) {
    const neighbour = neighbourOf(arn);
    if (neighbour !== undefined && neighbours[neighbour] === undefined)
      inert.note(neighbour, 'DestinationConfig', subjectArn(namespace, subject));
  }
}

async function checkDestination(
  { metadata, neighbours }: DestinationTools,
  namespace: Namespace,
  subject: InvokeSubjectName,
  arn: string,
): Promise<void> {
  switch (partsOfArn(arn).service) {
    case 'lambda':
      return checkFunction(metadata, namespace, subject, arn);
    case 'sqs':
      return asking(arn, neighbours.sqs?.getQueue(namespace, arn));
    case 'sns':
      return asking(arn, neighbours.sns?.getTopic(namespace, arn));
  }
}

async function checkFunction(
  metadata: MetadataStore,
  namespace: Namespace,
  subject: InvokeSubjectName,
  arn: string,
): Promise<void> {
  const [, region = '', account = '', name = '', qualifier = LATEST] = FUNCTION_ARN.exec(arn) ?? [];
  if (name === '') throw invalidDestination(arn);
  if (account !== namespace.account) return;
  if (!(await subjectExists(metadata, { account, region }, { name, qualifier }))) throw invalidDestination(arn);
  if (region === namespace.region && name === subject.name)
    throw invalidParameter("You can't specify the function as a destination for itself.");
}

/** Whatever the service refuses, AWS Lambda says only that the ARN is no good; a service that is silent is a 500. */
async function asking(arn: string, answer: Promise<unknown> | undefined): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof NeighbourRefusal) throw invalidDestination(arn);
    if (error instanceof NeighbourUnreachable) throw new ApiError('ServiceException', error.message);
    throw error;
  }
}

function invalidDestination(arn: string): Error {
  return invalidParameter(`The destination ARN ${arn} is invalid.`);
}

function isOneOf(services: readonly string[], arn: string | undefined): boolean {
  return arn === undefined || services.includes(partsOfArn(arn).service);
}

/** The configuration as AWS prints it: `DestinationConfig(onSuccess=OnSuccess(destination=…), onFailure=null)`. */
function configText({ onSuccess, onFailure }: Destinations): string {
  const success = onSuccess === undefined ? 'null' : `OnSuccess(destination=${onSuccess})`;
  const failure = onFailure === undefined ? 'null' : `OnFailure(destination=${onFailure})`;
  return `DestinationConfig(onSuccess=${success}, onFailure=${failure})`;
}
