import { invalidParameter } from '../model/api-error.ts';
import type { DestinationConfig } from '../model/types.gen.ts';
import type { SourceKind } from './source-kind.ts';
import { isKafka, unsupported } from './source-traits.ts';

/** Services that take the records of failed batches. */
const SERVICES = ['sqs', 'sns', 's3'];

/**
 * Where records of failed batches go, as answers show it; an empty destination is none.
 * Throws InvalidParameterValueException for OnSuccess, which mappings do not have, and for what takes no records.
 */
export function failureDestination(kind: SourceKind, given: DestinationConfig | undefined): DestinationConfig {
  if (given?.OnSuccess !== undefined) throw unsupported(kind, 'DestinationConfig');
  const destination = given?.OnFailure?.Destination ?? '';
  if (destination === '') return { OnFailure: {} };
  const isTopic = destination.startsWith('kafka://');
  const isQueueOfOrder = destination.endsWith('.fifo');
  const fits = isTopic ? isKafka(kind) : SERVICES.includes(destination.split(':')[2] ?? '') && !isQueueOfOrder;
  if (!fits)
    throw invalidParameter(
      `The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=${destination})) is invalid.`,
    );
  return { OnFailure: { Destination: destination } };
}

/** The service behind a destination, where it is one that can be a neighbour. */
export function destinationService(config: DestinationConfig | undefined): 'sqs' | 'sns' | 's3' | undefined {
  const service = config?.OnFailure?.Destination?.split(':')[2];
  return service === 'sqs' || service === 'sns' || service === 's3' ? service : undefined;
}
