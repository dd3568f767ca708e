/** How many batches of a queue are worked on at a time (lambda-facts 8.3). */
import type { Clock } from '../../base/clock.ts';
import type { MappingSettings } from '../mapping-record.ts';

const LANES_START = 5;
/** What is left when nothing comes for long. */
const LANES_IDLE = 2;
const LANES_MAX = 1250;
/** 300 more in a minute. */
const GROWTH_MS = 200;
/** Empty long polls in a row after which a lane ends: beyond the start's number soon, down to the idle number later. */
const EMPTY_TO_START = 1;
const EMPTY_TO_IDLE = 15;
/** One poller of provisioned mode invokes so many at a time, and their number grows faster: 1,000 in a minute. */
const LANES_OF_POLLER = 10;
const POLLERS_LEAST = 2;
const POLLERS_MOST = 200;
/** The API takes larger numbers than SQS gives. */
const POLLERS_MAX = 2_000;
const PROVISIONED_GROWTH_MS = 60;

export interface LaneLimits {
  readonly start: number;
  readonly idle: number;
  readonly most: number;
  readonly growthMs: number;
}

export function laneLimits({ ScalingConfig, ProvisionedPollerConfig: pollers }: MappingSettings): LaneLimits {
  if (pollers !== undefined) {
    const leastPollers = Math.min(pollers.MinimumPollers ?? POLLERS_LEAST, POLLERS_MAX);
    const mostPollers = Math.min(pollers.MaximumPollers ?? Math.max(POLLERS_MOST, leastPollers), POLLERS_MAX);
    const most = mostPollers * LANES_OF_POLLER;
    const least = Math.min(leastPollers * LANES_OF_POLLER, most);
    return { start: least, idle: least, most, growthMs: PROVISIONED_GROWTH_MS };
  }
  const most = Math.min(ScalingConfig?.MaximumConcurrency ?? LANES_MAX, LANES_MAX);
  return { start: Math.min(LANES_START, most), idle: Math.min(LANES_IDLE, most), most, growthMs: GROWTH_MS };
}

/** Counts the lanes of one run, and says when there may be one more, or one less. */
export class LaneScale {
  readonly #clock: Clock;
  readonly #limits: LaneLimits;
  #lanes = 0;
  #grewMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: LaneLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get lanes(): number {
    return this.#lanes;
  }

  /** True for each of the lanes that there are in the beginning, which are counted. */
  starts(): boolean {
    if (this.#lanes >= this.#limits.start) return false;
    this.#lanes++;
    return true;
  }

  /** Whether one more lane begins, which is counted: all are at work and the queue gave as much as was asked for. */
  grows(): boolean {
    const now = this.#clock.monotonic();
    const { most, start, growthMs } = this.#limits;
    if (this.#lanes >= most) return false;
    // What idleness took away comes back at once.
    if (this.#lanes >= start) {
      if (now - this.#grewMs < growthMs) return false;
      this.#grewMs = now;
    }
    this.#lanes++;
    return true;
  }

  /** Whether a lane that found nothing so often in a row ends; then it is counted no more. */
  shrinks(empty: number): boolean {
    const { start, idle } = this.#limits;
    const isOver = this.#lanes > start ? empty >= EMPTY_TO_START : this.#lanes > idle && empty >= EMPTY_TO_IDLE;
    if (isOver) this.#lanes--;
    return isOver;
  }
}
