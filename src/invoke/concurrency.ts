/**
 * Counts running invokes and requests, and refuses what goes beyond the limits of a function or of its account's region
 * (lambda-facts 9.1).
 *
 * A function with a reservation has that much and no more; those without share what reservations and provisioned
 * concurrency leave of the account's limit. An invoke that gets an environment of provisioned concurrency takes nothing
 * of the shared part. Within a reservation the provisioned part is not for others: where both are equal, `$LATEST` is
 * throttled.
 */
import type { Clock } from '../base/clock.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import type { TakenConcurrency } from '../functions/concurrency-watch.ts';
import { ApiError } from '../model/api-error.ts';
import type { FunctionMetrics } from './function-metrics.ts';
import type { InvokeMetrics } from './invoke-metrics.ts';
import { lineageMark } from './lineage.ts';
import { RateLimit } from './rate-limit.ts';

export interface ConcurrencyOptions {
  /** Concurrent invokes of one account's region. */
  readonly limit: number;
  /** Without it nothing is taken. */
  readonly taken?: TakenConcurrency;
  readonly clock: Clock;
  readonly metrics: InvokeMetrics;
  /** Holds functions with a reservation, and each account's region, to 10 requests a second for each concurrent one. */
  readonly requestRate?: boolean;
  /** Environments by which a function may grow within 10 seconds; undefined or 0 for any number. */
  readonly scalingRate?: number;
}

/** What an invoke asks a slot for. */
export interface SlotWish {
  /** The function's reservation, if it has one. */
  readonly reserved: number | undefined;
  /** An environment of provisioned concurrency is free for it. */
  readonly isProvisioned: boolean;
  /** Environments of provisioned concurrency that the function has, busy ones too. */
  readonly provisioned: number;
}

/** From what an invoke's concurrency was taken; to be given back to `release`. */
export type Slot = 'provisioned' | 'reserved' | 'unreserved';

/** What one function uses now, and its account's region with it. */
export interface FunctionUse {
  readonly metrics: FunctionMetrics;
  /** Names the function in the lineage of a trace header. */
  readonly mark: string;
  readonly place: PlaceUse;
  running: number;
  /** Those of them that do not run on provisioned concurrency. */
  onDemand: number;
  requests?: RateLimit;
  scaling?: RateLimit;
}

interface PlaceUse {
  /** `account/region`. */
  readonly name: string;
  readonly functions: Map<string, FunctionUse>;
  running: number;
  unreserved: number;
  requests?: RateLimit;
}

const PLACES_NAMED_MAX = 100;
const REQUESTS_PER_CONCURRENCY = 10;
const REQUEST_WINDOW_MS = 1000;
const SCALING_WINDOW_MS = 10_000;

export class Concurrency {
  readonly #options: ConcurrencyOptions;
  readonly #places = new Map<string, PlaceUse>();

  constructor(options: ConcurrencyOptions) {
    this.#options = options;
  }

  /** The same object as long as `forget` is not called. */
  useOf(account: string, region: string, functionName: string): FunctionUse {
    const placeName = `${account}/${region}`;
    let place = this.#places.get(placeName);
    if (!place) {
      place = { name: placeName, functions: new Map(), running: 0, unreserved: 0 };
      this.#places.set(placeName, place);
    }
    let use = place.functions.get(functionName);
    if (!use) {
      const metrics = this.#options.metrics.of(account, region, functionName);
      const mark = lineageMark(account, region, functionName);
      use = { metrics, mark, place, running: 0, onDemand: 0 };
      place.functions.set(functionName, use);
    }
    return use;
  }

  /** The function was deleted; what still runs of it counts for its account alone. */
  forget(account: string, region: string, functionName: string): void {
    this.#places.get(`${account}/${region}`)?.functions.delete(functionName);
    this.#options.metrics.forget(account, region, functionName);
  }

  /** Takes a slot, or throws TooManyRequestsException with its Reason. Each slot is to be released once. */
  take(use: FunctionUse, { reserved, isProvisioned, provisioned }: SlotWish): Slot {
    const { place } = use;
    if (this.#options.requestRate === true) this.#countRequest(use, reserved);
    if (reserved !== undefined) {
      const isOverOnDemand = !isProvisioned && use.onDemand >= reserved - provisioned;
      if (use.running >= reserved || isOverOnDemand)
        throw rateExceeded('ReservedFunctionConcurrentInvocationLimitExceeded');
    }
    const slot = isProvisioned ? 'provisioned' : reserved === undefined ? 'unreserved' : 'reserved';
    const isOverShared = slot === 'unreserved' && place.unreserved >= this.#sharedMax(place);
    if (isOverShared || place.running >= this.#options.limit) throw rateExceeded('ConcurrentInvocationLimitExceeded');
    use.running++;
    place.running++;
    use.metrics.concurrent++;
    if (slot === 'provisioned') use.metrics.concurrentProvisioned++;
    else use.onDemand++;
    if (slot === 'unreserved') place.unreserved++;
    return slot;
  }

  /** How many more invokes of the function would be let through; 0 where how fast it grows is limited. */
  room({ running, place }: FunctionUse, reserved: number | undefined): number {
    const { limit, scalingRate = 0 } = this.#options;
    if (scalingRate > 0) return 0;
    const own = reserved === undefined ? this.#sharedMax(place) - place.unreserved : reserved - running;
    return Math.min(own, limit - place.running);
  }

  release(use: FunctionUse, slot: Slot): void {
    use.running--;
    use.place.running--;
    use.metrics.concurrent--;
    if (slot === 'provisioned') use.metrics.concurrentProvisioned--;
    else use.onDemand--;
    if (slot === 'unreserved') use.place.unreserved--;
  }

  /** What the accounts use, the first of them by name. */
  families(): readonly MetricFamily[] {
    const places = [...this.#places.values()].slice(0, PLACES_NAMED_MAX);
    const family = (name: string, help: string, read: (place: PlaceUse) => number): MetricFamily => ({
      name,
      help,
      type: 'gauge',
      samples: places.map((place) => {
        const [account = '', region = ''] = place.name.split('/');
        return { labels: { account, region }, value: read(place) };
      }),
    });
    const taken = (place: PlaceUse) => this.#options.limit - this.#sharedMax(place);
    return [
      family(
        'lambdad_unreserved_concurrent_executions',
        'Invokes that run now on concurrency that is neither reserved nor provisioned.',
        (place) => place.unreserved,
      ),
      family(
        'lambdad_claimed_account_concurrency',
        'Concurrency that is reserved, provisioned, or used without either.',
        (place) => taken(place) + place.unreserved,
      ),
    ];
  }

  /** Counts an environment that is about to be started for an invoke. Throws TooManyRequestsException. */
  grow(use: FunctionUse): void {
    const { scalingRate = 0, clock } = this.#options;
    if (scalingRate === 0) return;
    use.scaling ??= new RateLimit(SCALING_WINDOW_MS);
    if (!use.scaling.take(scalingRate, clock.monotonic())) throw rateExceeded('ConcurrentInvocationLimitExceeded');
  }

  #sharedMax(place: PlaceUse): number {
    const { limit, taken } = this.#options;
    return taken === undefined ? limit : limit - taken.of(place.name);
  }

  #countRequest(use: FunctionUse, reserved: number | undefined): void {
    const { place } = use;
    const nowMs = this.#options.clock.monotonic();
    if (reserved === undefined) {
      place.requests ??= new RateLimit(REQUEST_WINDOW_MS);
      if (!place.requests.take(this.#sharedMax(place) * REQUESTS_PER_CONCURRENCY, nowMs))
        throw rateExceeded('FunctionInvocationRateLimitExceeded');
      return;
    }
    use.requests ??= new RateLimit(REQUEST_WINDOW_MS);
    // Nothing is let through where nothing may run: that has a reason of its own.
    if (reserved > 0 && !use.requests.take(reserved * REQUESTS_PER_CONCURRENCY, nowMs))
      throw rateExceeded('ReservedFunctionInvocationRateLimitExceeded');
  }
}

function rateExceeded(reason: string): ApiError {
  return new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
    body: { Reason: reason },
    headers: { 'Retry-After': '1' },
  });
}
