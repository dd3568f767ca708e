/**
 * Asynchronous invokes on a clock that jumps, with everything around them drawn from a seed: what functions answer and
 * when, how they are configured, what destinations refuse, when the store fails, when the server is killed.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { eventInvokeConfigKey } from '../../src/functions/event-invoke-config.ts';
import { functionKey } from '../../src/functions/keys.ts';
import type { Delivery } from '../../src/invoke/async-destinations.ts';
import { QueuedInvokes } from '../../src/invoke/async-invokes.ts';
import { InvokeMetrics } from '../../src/invoke/invoke-metrics.ts';
import type { InvokeOutcome, InvokeRequest, InvokeTarget } from '../../src/invoke/invoker.ts';
import { ApiError } from '../../src/model/api-error.ts';
import { NeighbourRefusal, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import type { EventQueue } from '../../src/store/event-queue.ts';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { memoryEventQueue } from '../support/memory-event-queue.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';
import { JumpingClock } from './jumping-clock.ts';

const PLACE = { account: '123456789012', region: 'eu-central-1' };
const EVENTS_MAX = 6;
/** Far more than six hours of backoff need. */
const JUMPS_MAX = 20_000;

export type Kind = 'succeeded' | 'failed' | 'throttled' | 'system';

export interface Attempt {
  readonly requestId: string;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly kind: Kind;
}

export interface Configuration {
  readonly name: string;
  readonly retriesMax: number | undefined;
  readonly eventAgeMaxS: number | undefined;
  readonly reservedConcurrency: number | undefined;
  readonly onSuccess: string | undefined;
  readonly onFailure: string | undefined;
  readonly deadLetters: string | undefined;
}

export interface Sent {
  readonly delivery: Delivery;
  readonly body: string;
  readonly isRefused: boolean;
}

export interface Story {
  readonly configurations: readonly Configuration[];
  readonly events: readonly { readonly requestId: string; readonly name: string; readonly bornMs: number }[];
  readonly attempts: readonly Attempt[];
  readonly sent: readonly Sent[];
  readonly kills: number;
  /** What is left in the queue; nothing should be. */
  readonly left: number;
}

interface Draw {
  chance(share: number): boolean;
  below(limit: number): number;
  one<T>(choices: readonly T[]): T;
}

function drawFrom(seed: number): Draw {
  const random = randomFromSeed(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  return { chance: (share) => random() < share, below, one: (choices) => choices[below(choices.length)] as never };
}

function configure(draw: Draw, name: string): Configuration {
  const arn = (service: string, what: string) => `arn:aws:${service}:${PLACE.region}:${PLACE.account}:${what}-${name}`;
  return {
    name,
    retriesMax: draw.one([undefined, 0, 1, 2]),
    eventAgeMaxS: draw.one([undefined, 60, 61, 180, 600, 21_600]),
    reservedConcurrency: draw.one([undefined, undefined, undefined, 0, 1, 5]),
    onSuccess: draw.one([undefined, arn('sqs', 'good')]),
    onFailure: draw.one([undefined, arn('sns', 'bad')]),
    deadLetters: draw.one([undefined, arn('sqs', 'dead')]),
  };
}

async function storeFunctions(configurations: readonly Configuration[]) {
  const metadata = memoryMetadata();
  for (const { name, retriesMax, eventAgeMaxS, reservedConcurrency, ...targets } of configurations) {
    const { onSuccess, onFailure, deadLetters } = targets;
    const kept = deadLetters === undefined ? {} : { DeadLetterConfig: { TargetArn: deadLetters } };
    const latest = { functionName: name, version: '$LATEST', settings: { kept }, status: { state: 'Active' } };
    const config = {
      functionName: name,
      qualifier: '$LATEST',
      retriesMax,
      eventAgeMaxS,
      destinations: { onSuccess, onFailure },
    };
    await metadata.commit([
      { type: 'put', key: functionKey(PLACE, name), body: { name, reservedConcurrency, latest } },
      { type: 'put', key: eventInvokeConfigKey(PLACE, { name, qualifier: '$LATEST' }), body: config },
    ]);
  }
  return metadata;
}

/** What a function does with an event, mostly the same again and again: that is how all retries come to be used. */
function actor(draw: Draw, clock: JumpingClock, attempts: Attempt[]) {
  const habits = new Map<string, Kind>();
  const kinds: readonly Kind[] = ['succeeded', 'failed', 'throttled', 'system'];
  return async ({ version }: InvokeTarget, { requestId }: InvokeRequest): Promise<InvokeOutcome> => {
    const habit = habits.get(requestId) ?? draw.one(kinds);
    habits.set(requestId, habit);
    const kind = draw.chance(0.8) ? habit : draw.one(kinds);
    const beganMs = clock.now();
    if (draw.chance(0.7)) await clock.sleep(draw.one([1, 100, 5000, 90_000]));
    attempts.push({ requestId, beganMs, endedMs: clock.now(), kind });
    if (kind === 'throttled') throw new ApiError('TooManyRequestsException', 'Rate Exceeded.');
    if (kind === 'system') throw draw.one([new ApiError('ServiceException', 'ours'), new Error('the sandbox broke')]);
    const payload = Buffer.from(kind === 'failed' ? '{"errorMessage":"no","errorType":"Error"}' : '"yes"');
    const outcome = { payload, executedVersion: version.version, traceHeader: '' };
    return kind === 'failed' ? { ...outcome, functionError: 'Unhandled' } : outcome;
  };
}

/** A store that does now and then what it was asked, or not, and says that it failed. */
function unreliable(queue: EventQueue, draw: Draw, isAlive: () => boolean): EventQueue {
  const perhaps = async (action: () => Promise<void>) => {
    // A killed server writes nothing more.
    if (!isAlive()) return await new Promise<never>(() => {});
    if (draw.chance(0.03)) throw new Error('the store failed and did nothing');
    await action();
    if (draw.chance(0.03)) throw new Error('the store failed after it was done');
  };
  return {
    ...queue,
    reschedule: (...given) => perhaps(() => queue.reschedule(...given)),
    end: (...given) => perhaps(() => queue.end(...given)),
  };
}

function sender(draw: Draw, clock: JumpingClock, sent: Sent[], isAlive: () => boolean) {
  return async (_namespace: unknown, delivery: Delivery, body: Uint8Array): Promise<void> => {
    if (draw.chance(0.5)) await clock.sleep(draw.one([5, 2000]));
    if (!isAlive()) return await new Promise<never>(() => {});
    if (draw.chance(0.3)) throw draw.one([new NeighbourUnreachable('away'), throttling()]);
    const isRefused = draw.chance(0.05);
    sent.push({ delivery, body: Buffer.from(body).toString(), isRefused });
    if (isRefused) throw new NeighbourRefusal('sqs', 'SendMessage', 'InvalidMessageContents', 'no');
  };
}

function throttling(): Error {
  return new NeighbourRefusal('sqs', 'SendMessage', 'RequestThrottled', 'later');
}

/** Tells one seed's story to its end. */
export async function simulate(seed: number): Promise<Story> {
  const draw = drawFrom(seed);
  const clock = new JumpingClock();
  const stored = memoryEventQueue();
  const configurations = ['a', 'b'].map((name) => configure(draw, name));
  const metadata = await storeFunctions(configurations);
  const attempts: Attempt[] = [];
  const sent: Sent[] = [];
  const events: { requestId: string; name: string; bornMs: number }[] = [];
  const killsMax = draw.one([0, 0, 0, 1, 3]);
  let generation = 0;
  const act = actor(draw, clock, attempts);

  const open = async () => {
    const own = generation;
    const isAlive = () => own === generation;
    const invokes = new QueuedInvokes({
      queue: unreliable(stored.open(), draw, isAlive),
      metadata,
      invoker: { invoke: act },
      destinations: { isConfigured: () => true, send: sender(draw, clock, sent, isAlive) },
      inert: { note: () => {}, noteForLog: () => undefined },
      metrics: new InvokeMetrics(),
      clock,
      ids: { uuid: () => 'unused', hex: () => 'unused', fraction: () => 0 },
      note: () => {},
      idleShare: () => draw.below(2),
    });
    await invokes.start();
    return invokes;
  };

  let invokes = await open();
  const count = 1 + draw.below(EVENTS_MAX);
  for (let jumps = 0; jumps < JUMPS_MAX; jumps++) {
    await turn();
    if (events.length < count && draw.chance(0.4)) {
      const { name } = draw.one(configurations);
      const requestId = `request-${events.length}`;
      events.push({ requestId, name, bornMs: clock.now() });
      await invokes.accept(
        { ...PLACE, functionName: name },
        { requestId, functionId: undefined, traceHeader: 'Root=1', payload: Buffer.from('{"n":1}') },
      );
      continue;
    }
    if (generation < killsMax && draw.chance(0.05)) {
      generation++;
      // Nothing of the killed one begins anything more: it has no store to read from.
      void invokes.close();
      invokes = await open();
    }
    if (!clock.jump() && events.length === count) break;
  }
  const left = (await stored.open().lines()).reduce((sum, line) => sum + line.count, 0);
  return { configurations, events, attempts, sent, kills: generation, left };
}
