import type { ResponseSink } from '../environments/response-sink.ts';
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
  readonly traceHeader?: string;
  /** Of the payload, when the caller said one that is JSON. */
  readonly contentType?: string;
  /** Collect the last 4 KB of this invoke's log. */
  readonly tail: boolean;
  /** Lines for the function's log before those of the invoke. */
  readonly notes?: readonly string[];
  /** Takes the response of a function that streams; without it such a response is collected like any other. */
  readonly sink?: ResponseSink;
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
