import type { Clock, Timer } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import { type Invocation, RuntimeApi } from './runtime-api/runtime-api.ts';
import type { ProcessExit, ProcessSpec, Sandbox } from './sandbox.ts';

/**
 * One life of a runtime process: started in a sandbox, spoken to over the Runtime API, ended by itself or by us.
 * Says what happened; what to make of it is the environment's business.
 */

export type Heard =
  | { readonly kind: 'next' }
  | { readonly kind: 'response'; readonly body: Buffer }
  | { readonly kind: 'error'; readonly body: Buffer; readonly errorType: string }
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'invalidMode' }
  | { readonly kind: 'exit'; readonly exit: ProcessExit };

/** A flood of output may keep the pipes full for ever: after this many turns the rest counts as later output. */
const DRAIN_TURNS_MAX = 1000;

/** One turn of the event loop; all who ask within the same turn share it. */
let sharedTurn: Promise<void> | undefined;

function turn(): Promise<void> {
  sharedTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      sharedTurn = undefined;
      resolve();
    });
  });
  return sharedTurn;
}

export class RuntimeProcess {
  readonly #api: RuntimeApi;
  readonly #sandbox: Sandbox;
  readonly #clock: Clock;
  readonly #detach: () => void;
  #outputCount = 0;
  /** What was heard and nobody waited for yet; the conversation has few steps, so it stays short. */
  readonly #heard: Heard[] = [];
  #waiting: Deferred<Heard | 'timeout'> | undefined;
  #timer: Timer | undefined;
  #exited = false;

  private constructor(sandbox: Sandbox, clock: Clock) {
    this.#sandbox = sandbox;
    this.#clock = clock;
    this.#api = new RuntimeApi({
      next: () => this.#hear({ kind: 'next' }),
      response: (body) => this.#hear({ kind: 'response', body }),
      responseTooLarge: () => this.#hear({ kind: 'tooLarge' }),
      error: (body, errorType) => this.#hear({ kind: 'error', body, errorType }),
      initError: (body, errorType) => this.#hear({ kind: 'error', body, errorType }),
      invalidResponseMode: () => this.#hear({ kind: 'invalidMode' }),
    });
    const attach = this.#api.attach.bind(this.#api);
    sandbox.listener.on('connection', attach);
    this.#detach = () => sandbox.listener.off('connection', attach);
  }

  static async start(sandbox: Sandbox, spec: ProcessSpec, log: FunctionLog, clock: Clock): Promise<RuntimeProcess> {
    const running = new RuntimeProcess(sandbox, clock);
    const { stdout, stderr, log: frames, exited } = await sandbox.start(spec);
    const sinks: [typeof stdout | undefined, (chunk: Buffer) => void][] = [
      [stdout, (chunk) => log.stdout(chunk)],
      [stderr, (chunk) => log.stderr(chunk)],
      [frames, (chunk) => log.frames(chunk)],
    ];
    for (const [stream, sink] of sinks) {
      // A sandbox may hand out the same pipes for its next process: the sink of the one before is replaced.
      stream?.removeAllListeners('data').on('data', (chunk: Buffer) => {
        running.#outputCount++;
        sink(chunk);
      });
      if (stream?.listenerCount('error') === 0) stream.on('error', () => undefined);
    }
    void exited.then((exit) => {
      running.#exited = true;
      running.#hear({ kind: 'exit', exit });
    });
    return running;
  }

  get alive(): boolean {
    return !this.#exited;
  }

  /** The next thing the process does, or 'timeout' when that takes longer. One waiter at a time. */
  heard(withinMs: number): Promise<Heard | 'timeout'> {
    const first = this.#heard.shift();
    if (first) return Promise.resolve(first);
    const waiting = deferred<Heard | 'timeout'>();
    this.#waiting = waiting;
    this.#timer = this.#clock.after(withinMs, () => {
      this.#waiting = undefined;
      waiting.resolve('timeout');
    });
    return waiting.promise;
  }

  /** True when the process already did something that heard() would give out at once. */
  get hasSpoken(): boolean {
    return this.#heard.length > 0;
  }

  deliver(invocation: Invocation): void {
    this.#api.deliver(invocation);
  }

  /**
   * Resolves when what the process had written before is in the log (runtime-facts 4, "Ordering trap"): output and
   * requests come through different descriptors, so the loop must look at all of them once more without finding any.
   */
  async drain(): Promise<void> {
    await turn();
    for (let turns = 0; turns < DRAIN_TURNS_MAX; turns++) {
      const before = this.#outputCount;
      await turn();
      if (this.#outputCount === before) return;
    }
  }

  /** Kills what runs and closes the conversation. The sandbox, and /tmp in it, stays. */
  async kill(): Promise<void> {
    this.#detach();
    await this.#sandbox.killAll();
    await this.drain();
    this.#api.reset();
  }

  #hear(heard: Heard): void {
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      this.#timer?.cancel();
      waiting.resolve(heard);
    } else this.#heard.push(heard);
  }
}
