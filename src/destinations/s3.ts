import type { Delivery } from '../invoke/async-destinations.ts';
import type { Asker, BucketRecipient } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';

export async function putIntoBucket(
  store: BucketRecipient,
  asker: Asker,
  delivery: Delivery,
  body: Uint8Array,
): Promise<void> {
  const key = delivery.objectKey ?? asyncKey(delivery);
  await store.putObject(asker, { bucket: partsOfArn(delivery.target).resource, key }, body);
}

/**
 * `aws/lambda/async/NAME/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-UUID`. The request's id stands as the UUID, so that a record that
 * is sent twice is one object.
 */
function asyncKey({ functionArn, requestId, endedMs }: Delivery): string {
  const [, name = ''] = partsOfArn(functionArn).resource.split(':');
  const at = new Date(endedMs).toISOString();
  const day = at.slice(0, 10).replaceAll('-', '/');
  const second = at.slice(0, 19).replaceAll(':', '.');
  return `aws/lambda/async/${name}/${day}/${second}-${requestId}`;
}
