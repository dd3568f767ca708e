import type { Delivery } from '../invoke/async-destinations.ts';
import type { Asker, QueueRecipient } from '../neighbours/neighbours.ts';
import { messageAttributes } from './message-attributes.ts';

/** The record, or the event of a dead letter, is the message's body. */
export async function sendToQueue(
  queues: QueueRecipient,
  asker: Asker,
  delivery: Delivery,
  body: Uint8Array,
): Promise<void> {
  await queues.sendMessage(asker, delivery.target, Buffer.from(body).toString(), messageAttributes(delivery));
}
