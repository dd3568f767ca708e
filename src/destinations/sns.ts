import type { Delivery } from '../invoke/async-destinations.ts';
import type { TopicRecipient } from '../neighbours/neighbours.ts';
import type { Namespace } from '../store/namespace.ts';
import { messageAttributes } from './message-attributes.ts';

/** The record, or the event of a dead letter, is the message. */
export async function publishToTopic(
  topics: TopicRecipient,
  namespace: Namespace,
  delivery: Delivery,
  body: Uint8Array,
): Promise<void> {
  await topics.publish(namespace, delivery.target, Buffer.from(body).toString(), messageAttributes(delivery));
}
