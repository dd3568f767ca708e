import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import { billedMs, type PlatformStatus } from '../logs/platform-event.ts';
import {
  entrypointFault,
  exitFault,
  type Fault,
  reportedFault,
  responseModeFault,
  timeoutFault,
  tooLargeFault,
} from './fault.ts';
import { type Invocation, RESPONSE_BYTES_MAX } from './runtime-api/runtime-api.ts';
import { type Heard, RuntimeProcess } from './runtime-process.ts';
import type { ProcessSpec, Sandbox } from './sandbox.ts';

/**
 * One execution environment: a sandbox with a runtime process that works on one invoke at a time, again and again.
 *
 * Life cycle as runtime-facts 6: init within 10 s; a failed init is said (INIT_REPORT) and done again inside the first
 * invoke, under the function's own timeout; a crash or a timeout resets the processes, keeps /tmp, and the next invoke
 * begins with an init. The caller has its answer when the runtime gives it; the environment is free when the runtime
 * asks for the next event and its output has been read.
 */

/** Time an on-demand init may take before it counts as failed. */
const INIT_MS_MAX = 10_000;
/** The same where the environment is made ready ahead of its invokes, if the function's own timeout is not longer. */
const PROVISIONED_INIT_MS_MAX = 130_000;
/** Memory use is read from the kernel at most this often while all goes well. */
const MEMORY_READ_INTERVAL_MS = 250;
const MEGABYTE = 1_048_576;

/** The sandbox failed before the function saw anything of the invoke: another environment may take it. */
export class EnvironmentLost extends Error {}

export interface EnvironmentSpec {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly initializationType: 'on-demand' | 'provisioned-concurrency';
  /** `nodejs:24.v1` or the like, for INIT_START; absent for runtimes that the function brings along. */
  readonly runtimeVersion?: string;
  readonly runtimeVersionArn?: string;
  readonly process: ProcessSpec;
  /** Set when there is nothing to start: the reason, for Runtime.InvalidEntrypoint. */
  readonly invalidEntrypoint?: string;
}

export interface EnvironmentRequest extends Omit<Invocation, 'deadlineMs'> {
  readonly tail: boolean;
}

export interface EnvironmentAnswer {
  readonly payload: Uint8Array;
  readonly failed: boolean;
  readonly logTail?: string;
}

export interface EnvironmentListener {
  /** The caller has its answer; the environment will soon be free. */
  answered(environment: Environment): void;
  /** It can take the next invoke. */
  free(environment: Environment): void;
  /** Its sandbox failed: it never becomes free again and is to be ended. */
  broken(environment: Environment): void;
}

interface InitResult {
  readonly fault?: (requestId: string) => Fault;
  readonly durationMs: number;
}

/** How an invoke ended, for its last log lines. */
interface Ending {
  readonly status: PlatformStatus;
  readonly errorType?: string | undefined;
  readonly producedBytes: number;
}

export class Environment {
  readonly spec: EnvironmentSpec;
  readonly sandbox: Sandbox;
  readonly log: FunctionLog;
  readonly #clock: Clock;
  readonly #listener: EnvironmentListener;
  readonly #initialized = deferred<void>();
  #process: RuntimeProcess | undefined;
  #isFirst = true;
  #finishing: Promise<void> | undefined;
  #maxMemoryMb = 0;
  #memoryReadAt = Number.NEGATIVE_INFINITY;
  #ended: Promise<void> | undefined;
  /** Monotonic milliseconds at which it became free last; for idle ending. */
  freeSince = 0;

  constructor(spec: EnvironmentSpec, sandbox: Sandbox, log: FunctionLog, clock: Clock, listener: EnvironmentListener) {
    this.spec = spec;
    this.sandbox = sandbox;
    this.log = log;
    this.#clock = clock;
    this.#listener = listener;
    void sandbox.gone.then(() => {
      if (!this.#ended) listener.broken(this);
    });
  }

  /** Resolves when the first init is over, well or badly, or the environment has ended. */
  get initialized(): Promise<void> {
    return this.#initialized.promise;
  }

  /** Highest memory use known, in MB; what a further environment of the same version will probably need. */
  get maxMemoryMb(): number {
    return this.#maxMemoryMb;
  }

  /**
   * Runs the first init ahead of any invoke; false when it failed, and the environment is of no use then. At most once,
   * before the first invoke. Rejects with EnvironmentLost.
   */
  async initialize(): Promise<boolean> {
    this.#isFirst = false;
    const { fault } = await this.#eagerInit();
    return fault === undefined;
  }

  /** Runs one invoke; resolves as soon as the caller may have its answer. Only when free; never rejects for the function's faults. */
  async invoke(request: EnvironmentRequest): Promise<EnvironmentAnswer> {
    // The last invoke's lines come before this one's.
    if (this.#finishing) await this.#finishing;
    if (request.tail) this.log.beginTail();
    const eager = this.#isFirst ? await this.#eagerInit() : undefined;
    this.#isFirst = false;
    const startedAt = this.#clock.monotonic();
    const deadlineMs = Math.floor(this.#clock.now()) + this.spec.timeoutMs;
    if (!this.#process?.alive) {
      // It ended while idle: its conversation, and what it left running, end before the next one starts.
      if (this.#process) await this.#reset();
      this.#maxMemoryMb = 0;
      const again = await this.#init('invoke', this.spec.timeoutMs);
      if (again.fault) return this.#failInit(request, again.fault(request.requestId), startedAt);
    }
    this.log.platform({
      type: 'start',
      requestId: request.requestId,
      version: this.spec.functionVersion,
      tracing: { value: request.traceHeader },
      ...tenantOf(request),
    });
    const initMs = eager?.fault ? undefined : eager?.durationMs;
    return this.#converse(this.#process as RuntimeProcess, request, { deadlineMs, startedAt, initMs });
  }

  /** Ends processes and sandbox; safe at any time, also while an invoke runs (which then fails). */
  end(): Promise<void> {
    this.#initialized.resolve();
    this.#ended ??= this.sandbox.destroy().then(() => this.log.close());
    return this.#ended;
  }

  async #eagerInit(): Promise<InitResult> {
    try {
      return await this.#init('init', this.#initMsMax());
    } finally {
      this.#initialized.resolve();
    }
  }

  #initMsMax(): number {
    const { initializationType, timeoutMs } = this.spec;
    return initializationType === 'on-demand' ? INIT_MS_MAX : Math.max(PROVISIONED_INIT_MS_MAX, timeoutMs);
  }

  async #init(phase: 'init' | 'invoke', withinMs: number): Promise<InitResult> {
    const { spec, log } = this;
    const started = this.#clock.monotonic();
    const kind = { initializationType: spec.initializationType, phase };
    log.platform({
      type: 'initStart',
      ...kind,
      functionName: spec.functionName,
      functionVersion: spec.functionVersion,
      ...(spec.runtimeVersion === undefined ? {} : { runtimeVersion: spec.runtimeVersion }),
      ...(spec.runtimeVersionArn === undefined ? {} : { runtimeVersionArn: spec.runtimeVersionArn }),
    });
    const fault = await this.#startProcess(withinMs);
    const durationMs = this.#clock.monotonic() - started;
    if (fault) {
      await this.#reset();
      const { status, errorType } = fault('');
      const outcome = errorType === undefined ? { status } : { status, errorType };
      log.platform({ type: 'initRuntimeDone', ...kind, ...outcome });
      log.platform({ type: 'initReport', ...kind, ...outcome, durationMs });
      return { fault, durationMs };
    }
    log.platform({ type: 'initRuntimeDone', ...kind, status: 'success' });
    log.platform({ type: 'initReport', ...kind, status: 'success', durationMs });
    return { durationMs };
  }

  async #startProcess(withinMs: number): Promise<((requestId: string) => Fault) | undefined> {
    const { spec, sandbox } = this;
    const missing = spec.invalidEntrypoint;
    if (missing !== undefined) return (requestId) => entrypointFault(requestId, missing);
    try {
      this.#process = await RuntimeProcess.start(sandbox, spec.process, this.log, this.#clock);
    } catch (error) {
      throw new EnvironmentLost((error as Error).message);
    }
    const heard = await this.#process.heard(withinMs);
    if (heard === 'timeout') return (requestId) => timeoutFault(requestId, this.spec.timeoutMs);
    if (heard.kind === 'next') return undefined;
    if (heard.kind === 'error') return () => reportedFault(heard.errorType, heard.body);
    const outOfMemory = sandbox.outOfMemory();
    const exit = heard.kind === 'exit' ? heard.exit : { code: 1 };
    return (requestId) => exitFault(requestId, exit, outOfMemory);
  }

  /** The init inside the invoke failed too: START, END and REPORT follow, the invoke has the init's error. */
  async #failInit(request: EnvironmentRequest, fault: Fault, startedAt: number): Promise<EnvironmentAnswer> {
    this.log.platform({
      type: 'start',
      requestId: request.requestId,
      version: this.spec.functionVersion,
      tracing: { value: request.traceHeader },
      ...tenantOf(request),
    });
    const durationMs = this.#clock.monotonic() - startedAt;
    const { status, errorType } = fault;
    this.#report(request, { status, errorType, producedBytes: 0 }, durationMs, undefined);
    const answer = this.#answer(request, fault.payload, true);
    this.#free();
    return answer;
  }

  async #converse(
    process: RuntimeProcess,
    request: EnvironmentRequest,
    times: { deadlineMs: number; startedAt: number; initMs: number | undefined },
  ): Promise<EnvironmentAnswer> {
    const { requestId, invokedArn, traceHeader, clientContext, payload, tenantId } = request;
    const { deadlineMs } = times;
    const leftMs = () => this.spec.timeoutMs - (this.#clock.monotonic() - times.startedAt);
    process.deliver({ requestId, deadlineMs, invokedArn, traceHeader, clientContext, payload, tenantId });
    const heard = await process.heard(leftMs());
    const fault = this.#faultOf(heard, requestId);
    const body = heard !== 'timeout' && heard.kind === 'response' ? heard.body : fault?.payload;
    const lost = heard === 'timeout' || heard.kind === 'exit';
    const ending: Ending = {
      status: fault?.status ?? 'success',
      errorType: fault?.errorType,
      producedBytes: body?.length ?? 0,
    };
    const finish = async () => {
      const last = lost ? heard : await process.heard(leftMs());
      const later = last === heard ? undefined : this.#faultOf(last, requestId);
      const status = (later ?? ending).status;
      const ranMs = this.#clock.monotonic() - times.startedAt;
      const durationMs = status === 'timeout' ? this.spec.timeoutMs : Math.min(ranMs, this.spec.timeoutMs);
      if (lost || later) await this.#reset();
      else await process.drain();
      this.#report(
        request,
        later ? { ...ending, status: later.status, errorType: later.errorType } : ending,
        durationMs,
        times.initMs,
      );
    };
    if (lost || request.tail) {
      await finish();
      const answer = this.#answer(request, body ?? Buffer.alloc(0), fault !== undefined);
      this.#free();
      return answer;
    }
    this.#listener.answered(this);
    void this.#finishInBackground(process, finish);
    return this.#answer(request, body ?? Buffer.alloc(0), fault !== undefined);
  }

  /** A runtime that already asked for the next event is free at once: its last lines are written before the next START. */
  async #finishInBackground(process: RuntimeProcess, finish: () => Promise<void>): Promise<void> {
    try {
      if (process.hasSpoken) {
        this.#finishing = finish();
        this.#free();
        await this.#finishing;
        this.#finishing = undefined;
      } else {
        await finish();
        this.#free();
      }
    } catch {
      this.#listener.broken(this);
    }
  }

  #faultOf(heard: Heard | 'timeout', requestId: string): Fault | undefined {
    if (heard === 'timeout') return timeoutFault(requestId, this.spec.timeoutMs);
    switch (heard.kind) {
      case 'exit':
        return exitFault(requestId, heard.exit, this.sandbox.outOfMemory());
      case 'error':
        return reportedFault(heard.errorType, heard.body);
      case 'tooLarge':
        return tooLargeFault(RESPONSE_BYTES_MAX);
      case 'invalidMode':
        return responseModeFault(requestId);
      default:
        return undefined;
    }
  }

  #answer(request: EnvironmentRequest, payload: Uint8Array, failed: boolean): EnvironmentAnswer {
    return request.tail ? { payload, failed, logTail: this.log.endTail() } : { payload, failed };
  }

  #report(request: EnvironmentRequest, ending: Ending, durationMs: number, initMs: number | undefined): void {
    const { log, spec } = this;
    const { requestId } = request;
    const tracing = { value: request.traceHeader };
    const outcome =
      ending.errorType === undefined
        ? { status: ending.status }
        : { status: ending.status, errorType: ending.errorType };
    log.platform({
      type: 'runtimeDone',
      requestId,
      ...outcome,
      durationMs,
      producedBytes: ending.producedBytes,
      tracing,
      ...tenantOf(request),
    });
    log.platform({ type: 'end', requestId });
    const outOfMemory = ending.errorType === 'Runtime.OutOfMemory';
    log.platform({
      type: 'report',
      requestId,
      ...outcome,
      durationMs,
      billedMs: billedMs(durationMs, initMs),
      memoryMb: spec.memoryMb,
      maxMemoryMb: outOfMemory ? spec.memoryMb : this.#readMemory(ending.status !== 'success'),
      ...(initMs === undefined ? {} : { initDurationMs: initMs }),
      tracing,
    });
  }

  #readMemory(now: boolean): number {
    const time = this.#clock.monotonic();
    if (now || time - this.#memoryReadAt >= MEMORY_READ_INTERVAL_MS) {
      this.#memoryReadAt = time;
      this.#maxMemoryMb = Math.max(this.#maxMemoryMb, Math.round(this.sandbox.memoryPeakBytes() / MEGABYTE));
    }
    return Math.min(this.#maxMemoryMb, this.spec.memoryMb);
  }

  async #reset(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.kill();
    this.log.exited();
    this.#readMemory(true);
    this.sandbox.resetMemoryPeak();
    this.#memoryReadAt = Number.NEGATIVE_INFINITY;
  }

  #free(): void {
    this.freeSince = this.#clock.monotonic();
    this.#listener.free(this);
  }
}

/** Of a function with tenant isolation its lines name the tenant. */
function tenantOf({ tenantId }: EnvironmentRequest): { readonly tenantId?: string } {
  return tenantId === undefined ? {} : { tenantId };
}
