import type { Delivery } from '../invoke/async-destinations.ts';
import type { Asker, EventBuses } from '../neighbours/neighbours.ts';

/** The record is the event's detail. */
export async function putOnBus(
  buses: EventBuses,
  asker: Asker,
  { target, functionArn, isSuccess, endedMs }: Delivery,
  body: Uint8Array,
): Promise<void> {
  await buses.putEvent(asker, target, {
    source: 'lambda',
    detailType: `Lambda Function Invocation Result - ${isSuccess ? 'Success' : 'Failure'}`,
    resources: [target, functionArn],
    detail: Buffer.from(body).toString(),
    timeMs: endedMs,
  });
}
