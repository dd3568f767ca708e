import type { Delivery } from '../invoke/async-destinations.ts';
import type { EventBuses } from '../neighbours/neighbours.ts';
import type { Namespace } from '../store/namespace.ts';

/** The record is the event's detail. */
export async function putOnBus(
  buses: EventBuses,
  namespace: Namespace,
  { target, functionArn, isSuccess, endedMs }: Delivery,
  body: Uint8Array,
): Promise<void> {
  await buses.putEvent(namespace, target, {
    source: 'lambda',
    detailType: `Lambda Function Invocation Result - ${isSuccess ? 'Success' : 'Failure'}`,
    resources: [target, functionArn],
    detail: Buffer.from(body).toString(),
    timeMs: endedMs,
  });
}
