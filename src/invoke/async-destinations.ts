/** The port to the places that records of asynchronous invokes are sent to. */
import type { NeighbourName } from '../neighbours/neighbours.ts';
import type { ItemOwner } from '../store/event-queue.ts';
import type { DeadLetterAttributes } from './async-record.ts';

/** What the queue keeps of a delivery beside its bytes. */
export interface Delivery {
  /** ARN of the queue, topic, event bus, function or bucket. */
  readonly target: string;
  /** With its qualifier. */
  readonly functionArn: string;
  readonly requestId: string;
  readonly traceHeader: string;
  /** The function's role when the event ended: where functions act in their roles, it is sent as that. */
  readonly roleArn?: string;
  readonly isSuccess: boolean;
  /** Epoch milliseconds at which the event ended. */
  readonly endedMs: number;
  /** Of a dead letter; absent from a record. */
  readonly attributes?: DeadLetterAttributes;
  /** Of a bucket: the object's key. Absent from what an asynchronous invoke sends, which has a key of its own. */
  readonly objectKey?: string;
  /** Attempts that failed. */
  readonly setbacks: number;
}

/** A destination will never take this: it is not tried again. */
export class DeliveryRefused extends Error {}

export interface DestinationPort {
  /**
   * Sends once, within a bounded time; the same bytes may come a second time. Rejects with DeliveryRefused, and with any
   * other error when it is worth trying again. `owner`: the function that the record is about.
   */
  send(owner: ItemOwner, delivery: Delivery, body: Uint8Array): Promise<void>;
  /** False where no endpoint is configured for the neighbour. */
  isConfigured(neighbour: NeighbourName): boolean;
}
