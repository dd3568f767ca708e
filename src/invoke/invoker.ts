import type { ResponseSink } from '../environments/response-sink.ts';
import type { RunRecord } from '../environments/run-record.ts';
import type { ProvisionedProgress } from '../functions/provisioned-concurrency.ts';
import type { VersionBody } from '../functions/records.ts';
import type { Namespace } from '../store/namespace.ts';

/** A version that was found for an invoke: what runs, and under which ARN it was asked for. */
export interface InvokeTarget {
  readonly account: string;
  readonly region: string;
  readonly version: VersionBody;
  /** With the qualifier the caller used, if any: what the function sees as invokedFunctionArn. */
  readonly invokedArn: string;
  readonly reservedConcurrency?: number;
  /** Of a function that may go round in a loop; absent, one that has gone round too often is refused. */
  readonly recursiveLoop?: 'Allow';
  /** Of a function with tenant isolation: its environments serve this tenant alone. */
  readonly tenantId?: string;
}

export interface InvokeRequest {
  readonly requestId: string;
  readonly payload: Uint8Array;
  /** JSON text, already decoded from base64. */
  readonly clientContext?: string;
  /** As the caller sent it; not looked at where there is a `trace`. */
  readonly traceHeader?: string;
  /** What `trace` gave for this very invoke, where it was asked before. */
  readonly trace?: InvokeTrace;
  /** Of an accepted event. */
  readonly attempt?: EventAttempt;
  /** Of the payload, when the caller said one that is JSON. */
  readonly contentType?: string;
  /** Collect the last 4 KB of this invoke's log. */
  readonly tail: boolean;
  /** Lines for the function's log before those of the invoke. */
  readonly notes?: readonly string[];
  /** Takes the response of a function that streams; without it such a response is collected like any other. */
  readonly sink?: ResponseSink;
}

/** The header with which an invoke goes on, as the function and the caller are told; within a trace that is sampled. */
export type InvokeTrace = string | OpenTrace;

/** A sampled invoke; each is told once, in any order, and `answered` or `refused`, not both. */
export interface OpenTrace {
  readonly header: string;
  /** The environment is done with it. */
  ran(request: TracedRequest, run: RunRecord): void;
  answered(request: TracedRequest, outcome: InvokeOutcome): void;
  /** Throttled, or failed by the sandbox. */
  refused(request: TracedRequest, error: unknown): void;
}

/** What of a request its segments tell. */
export type TracedRequest = Pick<InvokeRequest, 'requestId' | 'attempt'>;

/** An accepted event that is tried now. */
export interface EventAttempt {
  /** Counted from 1. */
  readonly number: number;
  /** Epoch milliseconds of the event's acceptance. */
  readonly bornMs: number;
}

export function headerOf(trace: InvokeTrace): string {
  return typeof trace === 'string' ? trace : trace.header;
}

/** The trace header of an event. */
export interface EventTrace {
  /** With which each of its attempts begins. */
  readonly kept: string;
  /** What the caller is told. */
  readonly told: string;
}

export interface InvokeOutcome {
  /** Empty when the request's sink has the response; what went wrong after its beginning is here all the same. */
  readonly payload: Uint8Array;
  /** "Unhandled" when the function failed. A failure of the function is a value, not an exception. */
  readonly functionError?: 'Unhandled';
  /** Why it failed, in one word: `Sandbox.Timedout`, or what the runtime named. */
  readonly errorCode?: string;
  /** Of the payload, when it is not JSON. */
  readonly contentType?: string;
  /** Base64, when asked for. */
  readonly logTail?: string;
  readonly executedVersion: string;
  readonly traceHeader: string;
}

/** Environments to be kept ready for one version or alias. */
export interface ProvisionedWish {
  readonly qualifier: string;
  /** What the qualifier leads to; published. */
  readonly version: VersionBody;
  readonly count: number;
}

export interface Invoker {
  /**
   * How an invoke will go on in its trace, for who must tell before it is over; `request.traceHeader`: the caller's.
   * Throws RecursiveInvocationException when the lineage in it came through the function too often.
   */
  trace(target: InvokeTarget, request: TracedRequest & Pick<InvokeRequest, 'traceHeader'>): InvokeTrace;
  /** The same for an event that is about to be accepted, of which the loop is found at its attempts. */
  eventTrace(target: InvokeTarget, given: string | undefined): EventTrace;
  /**
   * Runs one synchronous invoke to its end. Throws ApiError TooManyRequestsException without a slot,
   * RecursiveInvocationException when the trace header's lineage came through the function too often, and what the
   * reference lists for states in which a version cannot run.
   */
  invoke(target: InvokeTarget, request: InvokeRequest): Promise<InvokeOutcome>;
  /** Environments of versions that changed or were deleted end once idle; running invokes finish. */
  retire(account: string, region: string, functionName: string, version?: string): void;
  /** All that one function is to have ready from now on; what is there and not named goes. Starts behind the call. */
  provision(namespace: Namespace, functionName: string, wishes: readonly ProvisionedWish[]): void;
  /** How far a wish has come; undefined where there is none. */
  provisioned(namespace: Namespace, functionName: string, qualifier: string): ProvisionedProgress | undefined;
  /** Stops taking invokes, waits for running ones up to the budget, ends every environment. */
  close(budgetMs: number): Promise<void>;
}
