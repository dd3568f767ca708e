/** Asks the service that a mapping reads from, where an endpoint for it is configured. */
import type { VersionBody } from '../functions/records.ts';
import { invalidParameter } from '../model/api-error.ts';
import { NeighbourRefusal, type Streams } from '../neighbours/neighbours.ts';
import { refusalOf } from '../neighbours/refusals.ts';
import type { Namespace } from '../store/namespace.ts';
import { destinationService } from './failure-destination.ts';
import { type MappingBody, type MappingTools, mappingArn } from './mapping-record.ts';
import type { Source } from './source-kind.ts';

/** What SQS calls a queue that is not there, in its two protocols. */
const NO_QUEUE = ['AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist'];
const NO_QUEUE_TEXT = 'The specified queue does not exist.';

/**
 * Throws InvalidParameterValueException with what AWS Lambda says when the service refuses, or when the queue shows
 * messages again before the function may have ended, and what refusals.ts says of other failures. Without an
 * endpoint nothing is asked, and the setting is noted as inert under `where`.
 */
export async function askSource(
  { neighbours, inert }: Pick<MappingTools, 'neighbours' | 'inert'>,
  namespace: Namespace,
  source: Source,
  version: VersionBody | undefined,
  where: string,
): Promise<void> {
  const { kind, arn } = source;
  if (arn === undefined) return;
  const name = kind === 'dynamodb' ? 'dynamodb-streams' : kind;
  if (name !== 'sqs' && name !== 'kinesis' && name !== 'dynamodb-streams') return;
  const neighbour = neighbours[name];
  if (neighbour === undefined) inert.note(name, 'EventSourceArn', where);
  else if ('getQueue' in neighbour) checkVisibility(await asked(neighbour.getQueue(namespace, arn), arn), version);
  else await asked((neighbour as Streams).describeStream(namespace, arn), arn);
}

/** Notes what of a mapping points at services without an endpoint; they are asked nothing, and get nothing. */
export function noteInertSettings(
  { neighbours, inert }: Pick<MappingTools, 'neighbours' | 'inert'>,
  namespace: Namespace,
  { uuid, kmsKeyArn, settings }: MappingBody,
): void {
  const where = mappingArn(namespace, uuid);
  const service = destinationService(settings.DestinationConfig);
  if (kmsKeyArn !== undefined && neighbours.kms === undefined) inert.note('kms', 'KMSKeyArn', where);
  if (service !== undefined && neighbours[service] === undefined) inert.note(service, 'DestinationConfig', where);
}

function checkVisibility(attributes: Readonly<Record<string, string>>, version: VersionBody | undefined): void {
  const visibilityS = Number(attributes['VisibilityTimeout']);
  const timeoutS = version?.settings.timeoutS;
  // NaN, of a queue that does not tell, is less than nothing.
  if (timeoutS === undefined || !(visibilityS < timeoutS)) return;
  throw invalidParameter(
    `Queue visibility timeout: ${visibilityS} seconds is less than Function timeout: ${timeoutS} seconds`,
  );
}

async function asked<T>(question: Promise<T>, arn: string): Promise<T> {
  try {
    return await question;
  } catch (error) {
    throw missingSource(error, arn) ?? refusalOf(error);
  }
}

/** Lambda has words of its own for a source that is not there (lambda-facts 15). */
function missingSource(error: unknown, arn: string): Error | undefined {
  if (!(error instanceof NeighbourRefusal)) return undefined;
  if (NO_QUEUE.includes(error.code))
    return invalidParameter(
      `Error occurred while ReceiveMessage. SQS Error Code: ${NO_QUEUE[0]}. SQS Error Message: ${NO_QUEUE_TEXT}`,
    );
  if (error.code === 'ResourceNotFoundException') return invalidParameter(`Stream not found: ${arn}`);
  return undefined;
}
