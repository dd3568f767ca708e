import type { Clock } from '../base/clock.ts';
import { NeighbourRefusal } from '../neighbours/neighbours.ts';
import type { EventQueue } from '../store/event-queue.ts';
import { type Delivery, DeliveryRefused, type DestinationPort } from './async-destinations.ts';
import { backoffMs } from './async-event.ts';
import type { InvokeMetrics } from './invoke-metrics.ts';
import type { HeldItem } from './queue-line.ts';
import type { Step } from './queue-runner.ts';

export interface DeliveryTools {
  readonly queue: EventQueue;
  readonly destinations: DestinationPort;
  readonly metrics: Pick<InvokeMetrics, 'find'>;
  readonly clock: Clock;
  readonly note: (line: string) => void;
  readonly isClosing: () => boolean;
}

/** How long a destination may be away before what waits for it is given up: as long as an event may wait. */
export const DELIVERY_AGE_MAX_MS = 21_600_000;

/** Error codes by which services say that the same may be taken later. */
const LATER = /Throttl|TooMany|RequestLimit|SlowDown|OverLimit|Unavailable|InternalError|InternalFailure|Timeout/i;

/**
 * Sends one record or dead letter once. What the destination refuses for good is given up, as AWS does, and so is what it
 * could not be given for too long; both are said to whoever runs the server.
 */
export async function deliver(tools: DeliveryTools, held: HeldItem): Promise<Step> {
  const { queue, destinations, clock, metrics } = tools;
  const { item } = held;
  const delivery = item.detail as Delivery;
  const countFailure = () => {
    const figures = metrics.find(item);
    if (delivery.attributes === undefined) figures.destinationFailures++;
    else figures.deadLetterErrors++;
  };
  const given = (why: string): Step => {
    const what = delivery.attributes === undefined ? 'the record' : 'the dead letter';
    const { requestId, functionArn, target } = delivery;
    tools.note(`${functionArn}: ${what} of event ${requestId} is not delivered to ${target}: ${why}`);
    return { type: 'end', following: [] };
  };
  try {
    const body = await queue.payload(item);
    if (body === undefined) {
      countFailure();
      return given('its bytes are gone from the disk');
    }
    await destinations.send(item, delivery, body);
    return { type: 'end', following: [] };
  } catch (error) {
    if (tools.isClosing()) return { type: 'leave' };
    const { message } = error as Error;
    countFailure();
    if (isFinalRefusal(error)) return given(message);
    const setbacks = delivery.setbacks + 1;
    const dueMs = clock.now() + backoffMs(setbacks);
    if (dueMs - held.bornMs > DELIVERY_AGE_MAX_MS) return given(message);
    return { type: 'later', dueMs, detail: { ...delivery, setbacks } satisfies Delivery };
  }
}

/** The destination will never take what it was sent. */
export function isFinalRefusal(error: unknown): boolean {
  if (error instanceof DeliveryRefused) return true;
  return error instanceof NeighbourRefusal && !error.isFault && !LATER.test(error.code);
}
