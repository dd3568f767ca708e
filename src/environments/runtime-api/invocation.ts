import type { ResponseSink } from '../response-sink.ts';

/** What a runtime is given of one invoke. */
export interface Invocation {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly invokedArn: string;
  readonly traceHeader: string;
  readonly clientContext?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly payload: Uint8Array;
  /** Takes the response as the function writes it, if it does so in streaming mode; without, it is collected. */
  readonly sink?: ResponseSink | undefined;
}
