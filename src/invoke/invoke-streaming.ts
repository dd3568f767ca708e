import { headerOf, type InvokeOutcome, type InvokeRequest, type Invoker, type InvokeTarget } from './invoker.ts';
import { ResponseStream } from './response-stream.ts';

/** An invoke whose response has begun, or that is over without one. */
export interface StreamingInvoke {
  /** Content type of the streamed response; undefined when the function did not stream: its answer is the outcome's payload. */
  readonly contentType: string | undefined;
  /** What the function writes; ends with the invoke. */
  readonly body: ResponseStream;
  /** Settles when the invoke is over. What it rejects with after the beginning is our fault, or the sandbox's. */
  readonly outcome: Promise<InvokeOutcome>;
  readonly traceHeader: string;
}

export interface StreamingTools {
  readonly invoker: Invoker;
}

/**
 * Invokes a function and resolves at the first moment at which the caller can be answered. Throws what the invoker
 * throws while the function has seen nothing.
 */
export async function invokeStreaming(
  { invoker }: StreamingTools,
  target: InvokeTarget,
  request: Omit<InvokeRequest, 'sink'>,
): Promise<StreamingInvoke> {
  // Known here, because it is told before the invoke is over.
  const trace = request.trace ?? invoker.trace(target, request);
  const body = new ResponseStream();
  const outcome = invoker.invoke(target, { ...request, trace, sink: body }).finally(() => body.end());
  const first = await Promise.race([body.begun, outcome]);
  // Heard where the body ends, which may be long after it failed.
  outcome.catch(() => {});
  return { contentType: typeof first === 'string' ? first : undefined, body, outcome, traceHeader: headerOf(trace) };
}
