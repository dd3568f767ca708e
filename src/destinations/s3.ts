import type { Delivery } from '../invoke/async-destinations.ts';
import type { BucketRecipient } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import type { Namespace } from '../store/namespace.ts';

/**
 * `aws/lambda/async/NAME/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-UUID`. The request's id stands as the UUID, so that a record that
 * is sent twice is one object.
 */
export async function putIntoBucket(
  store: BucketRecipient,
  namespace: Namespace,
  { target, functionArn, requestId, endedMs }: Delivery,
  body: Uint8Array,
): Promise<void> {
  const [, name = ''] = partsOfArn(functionArn).resource.split(':');
  const at = new Date(endedMs).toISOString();
  const day = at.slice(0, 10).replaceAll('-', '/');
  const second = at.slice(0, 19).replaceAll(':', '.');
  const key = `aws/lambda/async/${name}/${day}/${second}-${requestId}`;
  await store.putObject(namespace, { bucket: partsOfArn(target).resource, key }, body);
}
