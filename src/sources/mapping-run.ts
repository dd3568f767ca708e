/** One mapping at work: what the supervisor hands to the delivery of a kind of source, and gets from it. */
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Namespace } from '../store/namespace.ts';
import type { MappingBody } from './mapping-record.ts';
import type { SourceConnection, SourceRecord } from './source-port.ts';

/** How one invoke with a batch ended. */
export type BatchOutcome =
  | {
      readonly type: 'answered';
      readonly requestId: string;
      /** With its qualifier. */
      readonly functionArn: string;
      readonly executedVersion: string;
      readonly functionError?: 'Unhandled';
      readonly payload: Uint8Array;
    }
  /** No slot: to be tried again, and never counted as an attempt. */
  | { readonly type: 'throttled' }
  /** The function cannot run at present, or the failure was ours: as throttled. */
  | { readonly type: 'unavailable'; readonly message: string };

export type MappingCounter =
  | 'PolledEventCount'
  | 'FilteredOutEventCount'
  | 'InvokedEventCount'
  | 'FailedInvokeEventCount'
  | 'DroppedEventCount'
  | 'OnFailureDestinationDeliveredEventCount'
  | 'DeletedEventCount';

/** Settings never change in a run: a changed mapping starts a new one when the old one has come to rest. */
export interface MappingRun {
  readonly namespace: Namespace;
  readonly mapping: MappingBody;
  /** Role of the function when the run began; absent where the function is gone. */
  readonly roleArn?: string;
  readonly connection: SourceConnection;
  readonly clock: Clock;
  readonly ids: Ids;
  /**
   * Aborted: nothing more is read. Batches in hand are brought to their end; what waits for a retry is left as it is,
   * to be found again by the next run.
   */
  readonly signal: AbortSignal;
  /** Whether the mapping's filters let the record through; true without filters. */
  passes(record: SourceRecord): boolean;
  /** Invokes the function with the event once. Never rejects. */
  invoke(event: Uint8Array, options?: { readonly traceHeader?: string | undefined }): Promise<BatchOutcome>;
  count(counter: MappingCounter, records: number): void;
  /** Milliseconds between the arrival of a batch's last record and its invoke: IteratorAge. */
  age(ms: number): void;
  /** Everything that is there now is being read: the mapping may be called Enabled. Any number of times. */
  opened(): void;
  /** `OK`, `PROBLEM: …`: shown as LastProcessingResult, of queues as StateTransitionReason when it is a problem. */
  report(result: string): void;
  /** One line in the server's output, at most once for each text and run. */
  note(line: string): void;
}

/** How the records of one kind of source come to the function. */
export interface SourceDelivery {
  /**
   * Resolves when the signal was aborted and nothing is in hand any more. Rejects with SourceTrouble when there is no way
   * to go on for now; the supervisor starts it again after a while, longer each time.
   */
  run(run: MappingRun): Promise<void>;
}
