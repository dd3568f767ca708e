import type { Delivery } from '../invoke/async-destinations.ts';
import type { Asker, TopicRecipient } from '../neighbours/neighbours.ts';
import { messageAttributes } from './message-attributes.ts';

/** The record, or the event of a dead letter, is the message. */
export async function publishToTopic(
  topics: TopicRecipient,
  asker: Asker,
  delivery: Delivery,
  body: Uint8Array,
): Promise<void> {
  await topics.publish(asker, delivery.target, Buffer.from(body).toString(), messageAttributes(delivery));
}
