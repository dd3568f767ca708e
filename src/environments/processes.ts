import type { Clock, Timer } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import type { Ids } from '../base/ids.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import type { EnvironmentSpec } from './environment-spec.ts';
import { Extensions } from './extensions/extensions.ts';
import { ExtensionsApi } from './extensions/extensions-api.ts';
import { LocalApis } from './local-apis.ts';
import { OutputWatch, turn } from './output-watch.ts';
import type { Invocation } from './runtime-api/invocation.ts';
import { type ReportedError, type RuntimeAnswer, RuntimeApi } from './runtime-api/runtime-api.ts';
import type { ProcessExit, Sandbox, SandboxProcess } from './sandbox.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/**
 * One life of an environment's processes: the runtime and its extensions, started in a sandbox, spoken to over the local
 * APIs, ended by themselves or by us. Keeps what they did; what to make of it is the environment's business.
 */
export interface ProcessesParts {
  readonly sandbox: Sandbox;
  readonly spec: EnvironmentSpec;
  readonly log: FunctionLog;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly telemetry: Telemetry;
}

/** The end of a process that nobody asked for: nothing can go on behind it. */
export interface Fatal {
  readonly process: 'runtime' | 'extension';
  readonly exit: ProcessExit;
  /** What an extension had said before. */
  readonly reported: string | undefined;
  /** The sandbox itself is gone. */
  readonly isSandboxGone: boolean;
}

interface Started {
  readonly process: SandboxProcess;
  readonly exited: Promise<void>;
  hasExited: boolean;
}

export class Processes {
  readonly runtimeApi: RuntimeApi;
  readonly extensions: Extensions;
  readonly #parts: ProcessesParts;
  readonly #apis: LocalApis;
  readonly #detach: () => void;
  readonly #output = new OutputWatch();
  readonly #extensions = new Map<string, Started>();
  #runtime: Started | undefined;
  #isSandboxGone = false;
  #look: (() => unknown) | undefined;
  #waiting: Deferred<unknown> | undefined;
  /** Monotonic; until then what is waited for may come. */
  #deadlineMs = 0;
  /** Runs on behind an invoke, for the next one: most end so soon that a timer of their own would be wasted. */
  #timer: { readonly timer: Timer; readonly atMs: number } | undefined;

  /** One of them has ended, as `fatal` will tell in a moment. */
  hasLost = false;
  /** Set once. */
  fatal: Fatal | undefined;
  initError: ReportedError | undefined;
  /** The runtime waits for an event. */
  isReady = false;
  /** Of the running invoke. */
  answer: RuntimeAnswer | undefined;
  /** Monotonic times of the running invoke; kept only while `isTimed`. */
  isTimed = false;
  answerBegunMs = 0;
  answeredMs = 0;
  readyMs = 0;

  constructor(parts: ProcessesParts) {
    const { sandbox, spec, ids, telemetry, clock } = parts;
    this.#parts = parts;
    this.extensions = new Extensions(ids);
    this.runtimeApi = new RuntimeApi({
      next: () => {
        if (this.isTimed) this.readyMs = clock.monotonic();
        this.isReady = true;
        this.extensions.closeRegistration();
        this.#changed();
      },
      answering: () => {
        if (this.isTimed) this.answerBegunMs = clock.monotonic();
      },
      answer: (answer) => {
        if (this.isTimed) {
          this.answeredMs = clock.monotonic();
          this.answerBegunMs ||= this.answeredMs;
        }
        this.answer = answer;
        this.#changed();
      },
      initError: (error) => {
        this.initError = error;
        this.#changed();
      },
    });
    this.#apis = new LocalApis({
      runtime: this.runtimeApi,
      extensions: new ExtensionsApi(this.extensions, spec.identity, () => this.#changed()),
      metadata: spec.metadata,
      telemetry,
      closed: (connection) => {
        this.runtimeApi.closed(connection);
        this.extensions.closed(connection);
      },
      failed: (error) => parts.log.stderr(Buffer.from(`lambdad: a request failed: ${error.message}\n`)),
    });
    const attach = this.#apis.attach.bind(this.#apis);
    sandbox.listener.on('connection', attach);
    this.#detach = () => sandbox.listener.off('connection', attach);
    void sandbox.gone.then(() => {
      this.#isSandboxGone = true;
    });
  }

  /** Rejects when the sandbox cannot start anything; a program that cannot be started is an exit. */
  async startRuntime(): Promise<void> {
    const { sandbox, spec, log } = this.#parts;
    const process = await sandbox.start(spec.process);
    this.#output.connect(process.stdout, (chunk) => log.stdout(chunk));
    this.#output.connect(process.stderr, (chunk) => log.stderr(chunk));
    this.#output.connect(process.log, (chunk) => log.frames(chunk));
    this.#runtime = this.#watch(undefined, process);
  }

  /** As startRuntime, for an extension that was added. */
  async startExtension(name: string): Promise<void> {
    const { sandbox, spec, log } = this.#parts;
    const process = await sandbox.start(spec.extensionProcess(name));
    const sink = (chunk: Buffer) => log.extension(chunk);
    this.#output.connect(process.stdout, sink);
    if (process.stderr !== process.stdout) this.#output.connect(process.stderr, sink);
    this.#extensions.set(name, this.#watch(name, process));
  }

  /**
   * What `look` finds, now or after one of the events to come, or 'timeout' when that takes longer. One waiter at a
   * time. `look` is called often and must be cheap.
   */
  until<T>(look: () => T | undefined, withinMs: number): Promise<T | 'timeout'> {
    const found = look();
    if (found !== undefined) return Promise.resolve(found);
    const waiting = deferred<T | 'timeout'>();
    this.#look = look;
    this.#waiting = waiting as Deferred<unknown>;
    this.#deadlineMs = this.#parts.clock.monotonic() + withinMs;
    this.#watchDeadline(withinMs);
    return waiting.promise;
  }

  #watchDeadline(withinMs: number): void {
    if (this.#timer) {
      if (this.#timer.atMs <= this.#deadlineMs) return;
      this.#timer.timer.cancel();
    }
    const { clock } = this.#parts;
    const timer = clock.after(withinMs, () => {
      this.#timer = undefined;
      if (!this.#look) return;
      const leftMs = this.#deadlineMs - clock.monotonic();
      if (leftMs > 0) {
        this.#watchDeadline(leftMs);
        return;
      }
      this.#look = undefined;
      this.#waiting?.resolve('timeout');
    });
    this.#timer = { timer, atMs: this.#deadlineMs };
  }

  /** Resolves when what the processes had written before is in the log (runtime-facts 4, "Ordering trap"). */
  drain(): Promise<void> {
    return this.#output.drain();
  }

  /** Hands out the event of an invoke, after which answer and isReady are this invoke's. */
  deliver(invocation: Invocation, event: () => Buffer): void {
    this.answer = undefined;
    this.isReady = false;
    this.#output.mark();
    this.answerBegunMs = 0;
    this.extensions.deliver('INVOKE', event);
    this.runtimeApi.deliver(invocation);
  }

  /** Nothing that the runtime answers counts any more. */
  beginEnding(): void {
    this.runtimeApi.close();
  }

  /** A signal to a process and its group; the promise resolves when it has ended. Undefined: never started. */
  signal(name: 'SIGTERM' | 'SIGKILL', extension?: string): Promise<void> | undefined {
    const started = extension === undefined ? this.#runtime : this.#extensions.get(extension);
    if (!started) return undefined;
    if (!started.hasExited) started.process.signal(name);
    return started.exited;
  }

  /** As signal(), without one. */
  ended(extension: string): Promise<void> | undefined {
    return this.#extensions.get(extension)?.exited;
  }

  /** Kills what runs and closes the conversation. The sandbox, and /tmp in it, stays. */
  async kill(): Promise<void> {
    this.beginEnding();
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#detach();
    await this.#parts.sandbox.killAll();
    await this.drain();
    this.#apis.reset();
  }

  /** `extension` is its name; undefined for the runtime. */
  #watch(extension: string | undefined, process: SandboxProcess): Started {
    const exited = process.exited.then(async (exit) => {
      started.hasExited = true;
      this.hasLost = true;
      // What it sent before its end is still to be read, and how the sandbox itself stands to be heard.
      await turn();
      await turn();
      this.#exited(extension, exit);
    });
    const started: Started = { process, exited, hasExited: false };
    return started;
  }

  #exited(extension: string | undefined, exit: ProcessExit): void {
    if (extension !== undefined && exit.launchError !== undefined)
      this.extensions.findByName(extension)?.failLaunch(exit.launchError);
    this.fatal ??= {
      process: extension === undefined ? 'runtime' : 'extension',
      exit,
      reported: this.extensions.reported,
      isSandboxGone: this.#isSandboxGone,
    };
    this.#changed();
  }

  #changed(): void {
    const look = this.#look;
    if (!look) return;
    const found = look();
    if (found === undefined) return;
    this.#look = undefined;
    this.#waiting?.resolve(found);
  }
}
