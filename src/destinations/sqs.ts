import type { Delivery } from '../invoke/async-destinations.ts';
import type { QueueRecipient } from '../neighbours/neighbours.ts';
import type { Namespace } from '../store/namespace.ts';
import { messageAttributes } from './message-attributes.ts';

/** The record, or the event of a dead letter, is the message's body. */
export async function sendToQueue(
  queues: QueueRecipient,
  namespace: Namespace,
  delivery: Delivery,
  body: Uint8Array,
): Promise<void> {
  await queues.sendMessage(namespace, delivery.target, Buffer.from(body).toString(), messageAttributes(delivery));
}
