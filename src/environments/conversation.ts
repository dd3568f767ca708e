import type { Clock } from '../base/clock.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import { billedMs, type Span } from '../logs/platform-event.ts';
import type { EnvironmentSpec } from './environment-spec.ts';
import {
  type Fault,
  fatalFault,
  reportedFault,
  responseModeFault,
  timeoutFault,
  tooLargeFault,
  truncatedFault,
} from './fault.ts';
import { outcomeOf } from './initialization.ts';
import type { MemoryReading } from './memory-reading.ts';
import type { Fatal, Processes } from './processes.ts';
import type { InitRecord, RunRecord } from './run-record.ts';
import type { Invocation } from './runtime-api/invocation.ts';
import type { RuntimeAnswer } from './runtime-api/runtime-api.ts';
import type { Sandbox } from './sandbox.ts';
import { eventAnswer, type ShutdownReason } from './shutdown.ts';

/**
 * One invoke: the event goes to the runtime and to the extensions that hear of invokes; the caller has its answer when
 * the runtime gives it; the invoke is over when all of them ask for their next event. The function's timeout covers all
 * of it. Source: runtime-facts 2 and 6.
 */
export interface EnvironmentRequest extends Omit<Invocation, 'deadlineMs'> {
  readonly tail: boolean;
  /** Lines for the log before those of the invoke. */
  readonly notes?: readonly string[] | undefined;
  /** Hears what was done, when all of it is over; of an invoke that is traced. */
  readonly observe?: ((run: RunRecord) => void) | undefined;
}

export interface EnvironmentAnswer {
  readonly payload: Uint8Array;
  readonly failed: boolean;
  /** Of the payload; absent for JSON. */
  readonly contentType?: string;
  /** Why it failed, in one word; absent when it did not. */
  readonly errorCode?: string;
  readonly logTail?: string;
}

export interface ConversationParts {
  readonly spec: EnvironmentSpec;
  readonly sandbox: Sandbox;
  readonly log: FunctionLog;
  readonly clock: Clock;
  readonly memory: MemoryReading;
  readonly uuid: () => string;
  /** Told how long the extensions took after the runtime. */
  readonly extensionsRan: ((durationMs: number) => void) | undefined;
}

export interface ConversationTimes {
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
  /** Monotonic. */
  readonly startedMs: number;
  /** How long the init took that is shown with this invoke. */
  readonly initMs?: number | undefined;
  /** Those that the invoke waited for; of one that is observed. */
  readonly inits?: readonly InitRecord[] | undefined;
}

const NOTHING = Buffer.alloc(0);

/** How an invoke ended, or that it did not in its time. */
export type Heard = RuntimeAnswer | Fatal | 'timeout';

/** What is left of a runtime's answers when there is no fault. */
type ProducedAnswer = Extract<RuntimeAnswer, { readonly kind: 'response' | 'streamed' }>;

export class Conversation {
  readonly #processes: Processes;
  readonly #parts: ConversationParts;
  readonly #request: EnvironmentRequest;
  readonly #times: ConversationTimes;
  #deliveredMs = 0;
  /** Monotonic; kept only for an invoke that is observed. */
  #heardMs = 0;
  #producedBytes = 0;
  #fault: Fault | undefined;
  #extensionSpan: Span | undefined;
  #durationMs = 0;
  /** The runtime never answered. */
  isLost = false;

  constructor(processes: Processes, parts: ConversationParts, request: EnvironmentRequest, times: ConversationTimes) {
    this.#processes = processes;
    this.#parts = parts;
    this.#request = request;
    this.#times = times;
  }

  /** Delivers the event; resolves with what comes of it, for `judge`. Never rejects. */
  deliver(): Promise<Heard> {
    const { deadlineMs } = this.#times;
    const { requestId, invokedArn, traceHeader, clientContext, payload, tenantId, contentType, sink } = this.#request;
    const processes = this.#processes;
    if (processes.isTimed) this.#deliveredMs = this.#parts.clock.monotonic();
    const invocation = {
      requestId,
      deadlineMs,
      invokedArn,
      traceHeader,
      clientContext,
      payload,
      tenantId,
      contentType,
      sink,
    };
    processes.deliver(invocation, () => this.#invokeEvent());
    return processes.until(() => processes.answer ?? processes.fatal, this.#leftMs());
  }

  /** What the caller gets. */
  judge(heard: Heard): EnvironmentAnswer {
    if (this.#request.observe) this.#heardMs = this.#parts.clock.monotonic();
    this.isLost = heard === 'timeout' || 'process' in heard;
    this.#fault = this.#faultOf(heard);
    if (this.#fault) {
      const { payload: told, contentType: type } = this.#fault;
      this.#producedBytes = told.length;
      const answer = { payload: told, failed: true, errorCode: errorCodeOf(this.#fault, heard) };
      return type === undefined ? answer : { ...answer, contentType: type };
    }
    const produced = heard as ProducedAnswer;
    const body = produced.kind === 'response' ? produced.body : NOTHING;
    this.#producedBytes = produced.kind === 'response' ? body.length : produced.bytes;
    return { payload: body, failed: false };
  }

  /** Since the event was handed over; no more than the function's timeout. */
  ranMs(): number {
    return Math.min(this.#parts.clock.monotonic() - this.#times.startedMs, this.#parts.spec.timeoutMs);
  }

  /** True when everybody asked for the next event already. */
  get isOver(): boolean {
    return this.#processes.isReady && this.#processes.extensions.areDone;
  }

  /**
   * The short form of finish(), where nothing but the output is to be waited for, and nothing can end the processes;
   * undefined where that is not so.
   */
  drained(): Promise<void> | undefined {
    const processes = this.#processes;
    const isPlain = !this.isLost && processes.isReady && !processes.fatal && this.#fault?.status !== 'timeout';
    if (!isPlain || this.#parts.log.hearsAll || processes.extensions.all.length > 0) return undefined;
    this.#durationMs = this.ranMs();
    return processes.drain();
  }

  /**
   * Waits until everybody is done, and logs how the runtime was. Says why the processes must end, if they must; report()
   * is to follow.
   */
  async finish(): Promise<ShutdownReason | undefined> {
    const { clock, log, spec } = this.#parts;
    const processes = this.#processes;
    if (!this.isLost && (!processes.isReady || processes.fatal)) await this.#wait(() => processes.isReady);
    const runtimeMs = this.ranMs();
    this.#durationMs = runtimeMs;
    await processes.drain();
    if (log.hearsAll)
      log.platform({
        type: 'runtimeDone',
        requestId: this.#request.requestId,
        ...outcomeOf(this.#fault),
        durationMs: runtimeMs,
        producedBytes: this.#producedBytes,
        ...(processes.isTimed ? this.#runtimeSpans() : {}),
        tracing: { value: this.#request.traceHeader },
        ...tenantOf(this.#request),
      });
    if (!this.isLost && processes.extensions.all.length > 0) {
      const begunMs = clock.monotonic();
      const startMs = clock.now();
      await this.#wait(() => processes.extensions.areDone);
      const durationMs = clock.monotonic() - begunMs;
      this.#extensionSpan = { name: 'extensionOverhead', startMs, durationMs };
      this.#parts.extensionsRan?.(durationMs);
      this.#durationMs = this.ranMs();
      await processes.drain();
    }
    if (this.#fault?.status === 'timeout') {
      this.#durationMs = spec.timeoutMs;
      return 'timeout';
    }
    return this.isLost ? 'failure' : undefined;
  }

  /** The last lines of the invoke; everything that it wrote is in the log. */
  report(): void {
    logReport(this.#parts, this.#request, this.#fault, this.#durationMs, this.#times.initMs, this.#extensionSpan);
    if (this.#request.observe) this.#request.observe(this.#runRecord());
  }

  #runRecord(): RunRecord {
    const { inits = [], startedMs } = this.#times;
    const { clock } = this.#parts;
    const epochMs = clock.now() - clock.monotonic();
    return {
      inits,
      invocation: { startMs: epochMs + startedMs, endMs: epochMs + this.#heardMs },
      endMs: epochMs + Math.max(this.#heardMs, startedMs + this.#durationMs),
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
    };
  }

  /** The caller has its answer; what goes wrong from here on shows in the log alone. */
  async #wait(isDone: () => boolean): Promise<void> {
    const processes = this.#processes;
    const heard = await processes.until(() => processes.fatal ?? (isDone() ? 'done' : undefined), this.#leftMs());
    if (heard === 'done') return;
    this.isLost = true;
    this.#fault = this.#faultOf(heard);
  }

  #faultOf(heard: Heard): Fault | undefined {
    const { requestId } = this.#request;
    if (heard === 'timeout') return timeoutFault(requestId, this.#parts.spec.timeoutMs);
    if ('process' in heard) return fatalFault(requestId, heard, this.#parts.sandbox.outOfMemory());
    switch (heard.kind) {
      case 'response':
      case 'streamed':
        return undefined;
      case 'error':
        return reportedFault(heard);
      case 'tooLarge':
        return tooLargeFault(heard.bytesMax);
      case 'invalidMode':
        return responseModeFault(requestId);
      case 'truncated':
        return truncatedFault(requestId);
    }
  }

  #invokeEvent(): Buffer {
    const { requestId, invokedArn, traceHeader } = this.#request;
    const event = {
      eventType: 'INVOKE',
      deadlineMs: this.#times.deadlineMs,
      requestId,
      invokedFunctionArn: invokedArn,
      tracing: { type: 'X-Amzn-Trace-Id', value: traceHeader },
    };
    return eventAnswer(JSON.stringify(event), this.#parts.uuid());
  }

  #leftMs(): number {
    return this.#parts.spec.timeoutMs - (this.#parts.clock.monotonic() - this.#times.startedMs);
  }

  /** Absent when the runtime did not answer. */
  #runtimeSpans(): { readonly spans?: readonly Span[] } {
    const { answer, isReady, answerBegunMs, answeredMs, readyMs } = this.#processes;
    if (!answer) return {};
    const { clock } = this.#parts;
    const epochMs = clock.now() - clock.monotonic();
    const span = (name: Span['name'], fromMs: number, toMs: number): Span => {
      return { name, startMs: epochMs + fromMs, durationMs: toMs - fromMs };
    };
    const spans = [
      span('responseLatency', this.#deliveredMs, answerBegunMs),
      span('responseDuration', answerBegunMs, answeredMs),
    ];
    if (isReady) spans.push(span('runtimeOverhead', answeredMs, readyMs));
    return { spans };
  }
}

/** What the runtime itself said is told as it said it. */
function errorCodeOf(fault: Fault, heard: Heard): string {
  if (heard === 'timeout') return 'Sandbox.Timedout';
  const said = 'kind' in heard && heard.kind === 'error' ? heard.saidType : undefined;
  return said ?? fault.errorType ?? 'Runtime.Unknown';
}

/** START of an invoke. */
export function logStart(log: FunctionLog, spec: EnvironmentSpec, request: EnvironmentRequest): void {
  log.platform({
    type: 'start',
    requestId: request.requestId,
    version: spec.identity.functionVersion,
    tracing: { value: request.traceHeader },
    ...tenantOf(request),
  });
}

/** END and REPORT. */
export function logReport(
  { log, spec, memory }: Pick<ConversationParts, 'log' | 'spec' | 'memory'>,
  request: EnvironmentRequest,
  fault: Fault | undefined,
  durationMs: number,
  initMs?: number,
  span?: Span,
): void {
  const { requestId } = request;
  log.platform({ type: 'end', requestId });
  log.platform({
    type: 'report',
    requestId,
    ...outcomeOf(fault),
    durationMs,
    billedMs: billedMs(durationMs, initMs),
    memoryMb: spec.memoryMb,
    maxMemoryMb: fault?.errorType === 'Runtime.OutOfMemory' ? spec.memoryMb : memory.read(fault !== undefined),
    ...(initMs === undefined ? {} : { initDurationMs: initMs }),
    ...(span === undefined ? {} : { spans: [span] }),
    tracing: { value: request.traceHeader },
  });
}

/** Of a function with tenant isolation its lines name the tenant. */
function tenantOf({ tenantId }: EnvironmentRequest): { readonly tenantId?: string } {
  return tenantId === undefined ? {} : { tenantId };
}
