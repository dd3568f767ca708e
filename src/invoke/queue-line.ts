import type { Timer } from '../base/clock.ts';
import type { ItemOwner, WaitingItem } from '../store/event-queue.ts';

/** An item in hand. Its birth moves when a test clock is advanced. */
export interface HeldItem {
  readonly item: WaitingItem;
  bornMs: number;
}

/** What this process knows of one owner's line in one lane. */
export interface QueueLine {
  readonly owner: ItemOwner;
  /** Items that were accepted and have not ended. */
  count: number;
  /** Read and not begun, in order. */
  readonly ready: HeldItem[];
  readonly inHand: Map<number, HeldItem>;
  running: number;
  /** How many may run at once now. */
  runningMax: number;
  /** Epoch milliseconds at which it was last told to slow down. */
  slowedMs: number;
  /** When the first item falls due that is not in hand, as far as it is known; undefined: there is none. */
  nextMs: number | undefined;
  loading: boolean;
  /** The earliest due time that was told while loading. */
  toldMs: number | undefined;
  timer: Timer | undefined;
  timerMs: number;
}

export function newLine({ account, region, functionName }: ItemOwner, runningMax: number): QueueLine {
  return {
    owner: { account, region, functionName },
    count: 0,
    ready: [],
    inHand: new Map(),
    running: 0,
    runningMax,
    slowedMs: 0,
    nextMs: undefined,
    loading: false,
    toldMs: undefined,
    timer: undefined,
    timerMs: 0,
  };
}

export function lineName({ account, region, functionName }: ItemOwner): string {
  return `${account}/${region}/${functionName}`;
}

/** The earlier of two times of which either may be none. */
export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
