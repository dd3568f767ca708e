import type { Fault } from './fault.ts';

/** What an environment did for one invoke, told when all of it is over. Times are epoch milliseconds with fractions. */
export interface RunRecord {
  /** Inits that this invoke waited for: none in a warm environment, two when the first failed. */
  readonly inits: readonly InitRecord[];
  /** From the event to the runtime's answer, or to its failure; absent when no init came to its end. */
  readonly invocation?: TimeSpan;
  /** When the runtime and its extensions were done with it. */
  readonly endMs: number;
  readonly fault?: Fault;
}

export interface TimeSpan {
  readonly startMs: number;
  readonly endMs: number;
}

export interface InitRecord extends TimeSpan {
  readonly fault?: Fault;
}
