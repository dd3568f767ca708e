import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { Ids } from '../base/ids.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import {
  Conversation,
  type ConversationParts,
  type ConversationTimes,
  type EnvironmentAnswer,
  type EnvironmentRequest,
  logReport,
  logStart,
} from './conversation.ts';
import type { EnvironmentSpec } from './environment-spec.ts';
import type { Fault } from './fault.ts';
import { type InitOutcome, initialize, logExtensions, outcomeOf } from './initialization.ts';
import { MemoryReading } from './memory-reading.ts';
import { Processes } from './processes.ts';
import type { InitRecord } from './run-record.ts';
import type { Sandbox } from './sandbox.ts';
import { type ShutdownReason, shutDown } from './shutdown.ts';
import { Telemetry } from './telemetry/telemetry.ts';

/**
 * One execution environment: a sandbox with a runtime process, and extensions beside it, that work on one invoke at a
 * time, again and again.
 *
 * Life cycle as runtime-facts 6: init within 10 s; a failed init is said (INIT_REPORT) and done again inside the first
 * invoke, under the function's own timeout; a crash or a timeout resets the processes, keeps /tmp, and the next invoke
 * begins with an init. The caller has its answer when the runtime gives it; the environment is free when the runtime and
 * its extensions ask for the next event and its output has been read. Free it is frozen, soon.
 */

/** Time an on-demand init may take before it counts as failed. */
const INIT_MS_MAX = 10_000;
/** The same where the environment is made ready ahead of its invokes, if the function's own timeout is not longer. */
const PROVISIONED_INIT_MS_MAX = 130_000;
/** How long telemetry that waits may take to be delivered before extensions are frozen over it. */
const TELEMETRY_MS_MAX = 100;

/** The sandbox failed before the function saw anything of the invoke: another environment may take it. */
export class EnvironmentLost extends Error {}

export interface EnvironmentListener {
  /** The caller has its answer; the environment will soon be free. */
  answered(environment: Environment): void;
  /** It can take the next invoke. */
  free(environment: Environment): void;
  /** Its sandbox failed: it never becomes free again and is to be ended. */
  broken(environment: Environment): void;
}

export interface EnvironmentParts {
  readonly spec: EnvironmentSpec;
  readonly sandbox: Sandbox;
  readonly log: FunctionLog;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly listener: EnvironmentListener;
  readonly extensionsRan?: (durationMs: number) => void;
}

interface InitResult {
  readonly fault?: (requestId: string) => Fault;
  readonly durationMs: number;
  /** Monotonic. */
  readonly startedMs: number;
}

export class Environment {
  readonly #parts: EnvironmentParts;
  readonly #conversing: ConversationParts;
  readonly #memory: MemoryReading;
  readonly #telemetry: Telemetry;
  readonly #initialized = deferred<void>();
  #processes: Processes | undefined;
  #isFirst = true;
  #isWorking = false;
  #isFrozen = false;
  #finishing: Promise<void> | undefined;
  #ended: Promise<void> | undefined;
  /** Monotonic milliseconds at which it was made. */
  readonly bornMs: number;
  /** Epoch milliseconds after which it takes no invoke, because its credentials last no longer; undefined: never. */
  readonly usableUntilMs: number | undefined;
  /** Monotonic milliseconds at which it became free last; for idle ending and freezing. */
  freeSinceMs: number;
  /** What its last invoke took to the answer, without init. */
  lastDurationMs = 0;

  constructor(parts: EnvironmentParts) {
    const { spec, sandbox, log, clock, ids, listener, extensionsRan } = parts;
    this.#parts = parts;
    this.#memory = new MemoryReading(sandbox, clock, spec.memoryMb);
    this.#conversing = { spec, sandbox, log, clock, memory: this.#memory, uuid: () => ids.uuid(), extensionsRan };
    this.#telemetry = new Telemetry({
      clock,
      log,
      dial: (port) => sandbox.dial(port),
      extensionNameOf: (identifier) => this.#processes?.extensions.find(identifier)?.name,
    });
    this.bornMs = clock.monotonic();
    this.freeSinceMs = this.bornMs;
    this.usableUntilMs = spec.usableUntilMs;
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
    return this.#memory.maxMb;
  }

  /**
   * Runs the first init ahead of any invoke; false when it failed, and the environment is of no use then. At most once,
   * before the first invoke. Rejects with EnvironmentLost.
   */
  async initialize(): Promise<boolean> {
    this.#isFirst = false;
    this.#isWorking = true;
    const { fault } = await this.#eagerInit();
    this.#isWorking = false;
    this.freeSinceMs = this.#parts.clock.monotonic();
    return fault === undefined;
  }

  /**
   * Runs one invoke; resolves as soon as the caller may have its answer. Only when free; never rejects for the function's
   * faults. Not async: a warm environment hands the event over before this returns.
   */
  invoke(request: EnvironmentRequest): Promise<EnvironmentAnswer> {
    this.#isWorking = true;
    this.#thaw();
    // The last invoke's lines come before this one's.
    return this.#finishing ? this.#finishing.then(() => this.#begin(request)) : this.#begin(request);
  }

  #begin(request: EnvironmentRequest): Promise<EnvironmentAnswer> {
    const processes = this.#processes;
    const isWarm = processes !== undefined && !processes.hasLost && !this.#isFirst;
    if (!isWarm || request.tail || request.notes || request.observe) return this.#beginSlowly(request);
    return this.#converse(processes, request, this.#beganNow());
  }

  #beganNow(): Pick<ConversationTimes, 'startedMs' | 'deadlineMs'> {
    const { spec, clock } = this.#parts;
    return { startedMs: clock.monotonic(), deadlineMs: Math.floor(clock.now()) + spec.timeoutMs };
  }

  async #beginSlowly(request: EnvironmentRequest): Promise<EnvironmentAnswer> {
    const { spec, log } = this.#parts;
    if (request.tail) log.beginTail();
    if (request.notes) for (const line of request.notes) log.stderr(Buffer.from(`${line}\n`));
    const eager = this.#isFirst ? await this.#eagerInit() : undefined;
    this.#isFirst = false;
    // One of them ended while it was idle: their conversation, and what they left running, end before the next starts.
    if (this.#processes?.hasLost) await this.#reset('failure');
    const began = this.#beganNow();
    let again: InitResult | undefined;
    if (!this.#processes) {
      again = await this.#init('invoke', spec.timeoutMs);
      if (again.fault) return this.#failInit(request, again.fault(request.requestId), began.startedMs, [eager, again]);
    }
    const initMs = eager?.fault ? undefined : eager?.durationMs;
    const inits = request.observe && this.#initRecords(request, eager, again);
    return this.#converse(this.#processes as Processes, request, { ...began, initMs, inits });
  }

  /** It has neither run an invoke nor been initialized: the next one waits for its init. */
  get isNew(): boolean {
    return this.freeSinceMs === this.bornMs;
  }

  /** No invoke runs in it. */
  get isFree(): boolean {
    return !this.#isWorking;
  }

  /** Stops its processes until the next invoke, if it is free; extensions are handed what waits for them before. */
  freeze(): void {
    if (this.#processes?.extensions.all.length) void this.#freezeBehindTelemetry();
    else this.#freezeNow();
  }

  async #freezeBehindTelemetry(): Promise<void> {
    const { freeSinceMs } = this;
    await this.#telemetry.flush(TELEMETRY_MS_MAX);
    // One that has worked meanwhile is frozen in its own time.
    if (this.freeSinceMs === freeSinceMs) this.#freezeNow();
  }

  #freezeNow(): void {
    if (this.#isWorking || this.#ended || this.#isFrozen) return;
    this.#isFrozen = true;
    this.#telemetry.pause();
    this.#parts.sandbox.freeze();
  }

  /**
   * Ends processes and sandbox, extensions by the shutdown sequence; safe at any time, also while an invoke runs (which
   * then fails).
   */
  end(): Promise<void> {
    this.#initialized.resolve();
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { sandbox, log } = this.#parts;
    this.#thaw();
    if (this.#processes) await this.#shutDown(this.#processes, 'spindown');
    await sandbox.destroy();
    this.#telemetry.reset();
    log.close();
  }

  #thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#parts.sandbox.thaw();
    this.#telemetry.resume();
  }

  #shutDown(processes: Processes, reason: ShutdownReason): Promise<void> {
    const { clock, ids } = this.#parts;
    const flushTelemetry = (withinMs: number) => this.#telemetry.flush(withinMs);
    return shutDown(processes, reason, { clock, uuid: () => ids.uuid(), flushTelemetry });
  }

  async #eagerInit(): Promise<InitResult> {
    try {
      return await this.#init('init', this.#initMsMax());
    } finally {
      this.#initialized.resolve();
    }
  }

  #initMsMax(): number {
    const { initializationType, timeoutMs } = this.#parts.spec;
    return initializationType === 'on-demand' ? INIT_MS_MAX : Math.max(PROVISIONED_INIT_MS_MAX, timeoutMs);
  }

  async #init(phase: 'init' | 'invoke', withinMs: number): Promise<InitResult> {
    const { spec, log, clock, sandbox } = this.#parts;
    const startedMs = clock.monotonic();
    const kind = { initializationType: spec.initializationType, phase };
    const { functionName, functionVersion } = spec.identity;
    sandbox.limitCpu(false);
    const processes = new Processes({ ...this.#parts, telemetry: this.#telemetry });
    this.#processes = processes;
    // What starts has been told to when this returns; nothing is heard of it before the line below is in the log.
    const starting = this.#startIn(processes, withinMs);
    log.platform({
      type: 'initStart',
      ...kind,
      functionName,
      functionVersion,
      ...(spec.runtimeVersion === undefined ? {} : { runtimeVersion: spec.runtimeVersion }),
      ...(spec.runtimeVersionArn === undefined ? {} : { runtimeVersionArn: spec.runtimeVersionArn }),
    });
    this.#memory.begin();
    const { fault, startedRuntime } = await starting;
    const durationMs = clock.monotonic() - startedMs;
    processes.isTimed = log.format === 'JSON' || processes.extensions.all.length > 0;
    const outcome = outcomeOf(fault?.(''));
    if (startedRuntime) log.platform({ type: 'initRuntimeDone', ...kind, ...outcome });
    logExtensions(processes, log);
    this.#telemetry.closeSubscriptions();
    if (fault) await this.#reset(outcome.status === 'timeout' ? 'timeout' : 'failure');
    else sandbox.limitCpu(true);
    log.platform({ type: 'initReport', ...kind, ...outcome, durationMs });
    return fault ? { fault, durationMs, startedMs } : { durationMs, startedMs };
  }

  #initRecords({ requestId }: EnvironmentRequest, ...inits: readonly (InitResult | undefined)[]): InitRecord[] {
    const { clock } = this.#parts;
    const epochMs = clock.now() - clock.monotonic();
    return inits
      .filter((init) => init !== undefined)
      .map(({ startedMs, durationMs, fault }) => {
        const startMs = epochMs + startedMs;
        return { startMs, endMs: startMs + durationMs, ...(fault === undefined ? {} : { fault: fault(requestId) }) };
      });
  }

  async #startIn(processes: Processes, withinMs: number): Promise<InitOutcome> {
    try {
      return await initialize(processes, this.#parts, withinMs);
    } catch (error) {
      throw new EnvironmentLost((error as Error).message);
    }
  }

  /** The init inside the invoke failed too: START, END and REPORT follow, the invoke has the init's error. */
  #failInit(
    request: EnvironmentRequest,
    fault: Fault,
    startedMs: number,
    inits: readonly (InitResult | undefined)[],
  ): EnvironmentAnswer {
    const { log, spec, clock } = this.#parts;
    logStart(log, spec, request);
    const durationMs = Math.min(clock.monotonic() - startedMs, spec.timeoutMs);
    this.lastDurationMs = durationMs;
    const { requestId, traceHeader } = request;
    const tracing = { value: traceHeader };
    log.platform({ type: 'runtimeDone', requestId, ...outcomeOf(fault), durationMs, producedBytes: 0, tracing });
    logReport(this.#conversing, request, fault, durationMs);
    request.observe?.({ inits: this.#initRecords(request, ...inits), endMs: clock.now(), fault });
    const { payload, contentType } = fault;
    const answer = this.#withTail(request, {
      payload,
      failed: true,
      errorCode: fault.errorType ?? 'Sandbox.Timedout',
      ...(contentType === undefined ? {} : { contentType }),
    });
    this.#free();
    return answer;
  }

  #converse(processes: Processes, request: EnvironmentRequest, times: ConversationTimes): Promise<EnvironmentAnswer> {
    logStart(this.#parts.log, this.#parts.spec, request);
    const conversation = new Conversation(processes, this.#conversing, request, times);
    return conversation.deliver().then((heard) => this.#answer(conversation, request, conversation.judge(heard)));
  }

  #answer(
    conversation: Conversation,
    request: EnvironmentRequest,
    answer: EnvironmentAnswer,
  ): EnvironmentAnswer | Promise<EnvironmentAnswer> {
    this.lastDurationMs = conversation.ranMs();
    if (conversation.isLost || request.tail)
      return this.#finish(conversation).then(() => {
        const complete = this.#withTail(request, answer);
        this.#free();
        return complete;
      });
    this.#finishInBackground(conversation);
    return answer;
  }

  /** Free at once where everybody already asked for the next event: its last lines are written before the next START. */
  #finishInBackground(conversation: Conversation): void {
    const isFree = conversation.isOver;
    if (!isFree) this.#parts.listener.answered(this);
    const finishing = this.#finish(conversation);
    if (isFree) this.#finishing = finishing;
    finishing
      .then(() => {
        if (isFree) this.#finishing = undefined;
        else this.#free();
      })
      .catch(() => this.#parts.listener.broken(this));
    if (isFree) this.#free();
  }

  #finish(conversation: Conversation): Promise<void> {
    const drained = conversation.drained();
    return drained ? drained.then(() => conversation.report()) : this.#finishSlowly(conversation);
  }

  async #finishSlowly(conversation: Conversation): Promise<void> {
    const reason = await conversation.finish();
    if (reason) await this.#reset(reason);
    conversation.report();
  }

  #withTail(request: EnvironmentRequest, answer: EnvironmentAnswer): EnvironmentAnswer {
    return request.tail ? { ...answer, logTail: this.#parts.log.endTail() } : answer;
  }

  /** Ends the processes; the sandbox, and /tmp in it, stays. */
  async #reset(reason: ShutdownReason): Promise<void> {
    // Who ends the environment ends its processes.
    if (this.#ended) return;
    const processes = this.#processes;
    this.#processes = undefined;
    if (processes) {
      await this.#shutDown(processes, reason);
      await processes.kill();
    }
    this.#parts.log.exited();
    this.#telemetry.reset();
    this.#memory.end();
  }

  #free(): void {
    this.#isWorking = false;
    this.freeSinceMs = this.#parts.clock.monotonic();
    this.#parts.listener.free(this);
  }
}
