import { availableParallelism } from 'node:os';
import { ApiError } from '../model/api-error.ts';
import type { EventQueue, ItemOwner, NewItem } from '../store/event-queue.ts';
import { type AttemptTools, attempt } from './async-attempts.ts';
import { deliver } from './async-deliveries.ts';
import type { DestinationPort } from './async-destinations.ts';
import type { AsyncEvent } from './async-event.ts';
import { idleProcessors } from './idle-processors.ts';
import { limitedNote } from './limited-note.ts';
import { QueueRunner } from './queue-runner.ts';

/** Accepted events of one function that wait; one more is throttled. */
const WAITING_MAX = 1_000_000;
/** Events of one function that run at once while the machine is busy with them, and at most. */
const EVENTS_RUNNING_MIN = Math.max(2, availableParallelism());
const EVENTS_RUNNING_MAX = 128;
/** Records of one function that are on their way to their destinations at once. */
const DELIVERIES_RUNNING = 8;

/** How long the test clock waits for what runs, and how often it looks. */
const QUIET_MS_MAX = 10_000;
const QUIET_LOOK_MS = 5;

export interface AsyncInvokesOptions extends Omit<AttemptTools, 'isClosing'> {
  readonly destinations: DestinationPort;
  /** Left out: the machine's. */
  readonly idleShare?: () => number;
}

/** What the caller of an asynchronous invoke asked for. */
export interface AsyncRequest {
  readonly requestId: string;
  /** As the function was found; it may be deleted, and another made under its name, before the event's turn comes. */
  readonly functionId: string | undefined;
  readonly qualifier?: string;
  readonly tenantId?: string;
  readonly traceHeader: string;
  /** JSON. */
  readonly payload: Uint8Array;
}

export interface AsyncInvokes {
  /** On disk and synced when it resolves. Throws TooManyRequestsException when too many wait; StoreFull. */
  accept(owner: ItemOwner, request: AsyncRequest): Promise<void>;
  /**
   * For the test clock: everything that waits becomes older by so much, and what is due then is done now. What is being
   * done already is waited for first, a bounded time, so that it does not escape the leap.
   */
  advance(byMs: number): Promise<void>;
}

/** Asynchronous invokes: what was accepted is given to its function in the background, and its record to destinations. */
export class QueuedInvokes implements AsyncInvokes {
  readonly #queue: EventQueue;
  readonly #clock: AttemptTools['clock'];
  readonly #metrics: AttemptTools['metrics'];
  readonly #events: QueueRunner;
  readonly #deliveries: QueueRunner;
  #closing = false;

  constructor(options: AsyncInvokesOptions) {
    const { queue, clock, idleShare = idleProcessors() } = options;
    const note = limitedNote(options.note, clock);
    this.#queue = queue;
    this.#clock = clock;
    this.#metrics = options.metrics;
    const tools = { ...options, note, isClosing: () => this.#closing };
    const followed = (items: readonly NewItem[]) => {
      for (const item of items) this.#deliveries.accepted(item, item.dueMs);
    };
    const common = { queue, clock, note, idleShare, followed };
    this.#events = new QueueRunner({
      ...common,
      lane: 'event',
      work: (held) => attempt(tools, held),
      lineRunningMin: EVENTS_RUNNING_MIN,
      lineRunningMax: EVENTS_RUNNING_MAX,
    });
    this.#deliveries = new QueueRunner({
      ...common,
      lane: 'delivery',
      work: (held) => deliver(tools, held),
      lineRunningMin: DELIVERIES_RUNNING,
      lineRunningMax: DELIVERIES_RUNNING,
    });
  }

  /** Takes up what waits since the last run. */
  async start(): Promise<void> {
    const lines = await this.#queue.lines();
    this.#events.start(lines);
    this.#deliveries.start(lines);
  }

  async accept(owner: ItemOwner, { payload, functionId, ...asked }: AsyncRequest): Promise<void> {
    if (this.#events.count(owner) >= WAITING_MAX)
      throw new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
        body: { Reason: 'CallerRateLimitExceeded' },
        headers: { 'Retry-After': '1' },
      });
    const { account, region, functionName } = owner;
    const nowMs = this.#clock.now();
    const identity = functionId === undefined ? {} : { functionId };
    const detail: AsyncEvent = { ...asked, ...identity, failures: 0, setbacks: 0 };
    await this.#queue.accept({
      account,
      region,
      functionName,
      lane: 'event',
      bornMs: nowMs,
      dueMs: nowMs,
      detail,
      payload,
    });
    this.#metrics.of(account, region, functionName).eventsReceived++;
    this.#events.accepted(owner, nowMs);
  }

  async advance(byMs: number): Promise<void> {
    const giveUpAt = this.#clock.monotonic() + QUIET_MS_MAX;
    while (!(this.#events.isQuiet && this.#deliveries.isQuiet) && this.#clock.monotonic() < giveUpAt)
      await new Promise<void>((resolve) => this.#clock.after(QUIET_LOOK_MS, resolve));
    await this.#queue.advance(byMs);
    this.#events.advanced(byMs);
    this.#deliveries.advanced(byMs);
  }

  /** Begins nothing more; resolves when what runs has ended, which the end of the invoker sees to. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([this.#events.close(), this.#deliveries.close()]);
  }
}
