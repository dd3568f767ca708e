import { totalmem } from 'node:os';
import type { Timer } from '../base/clock.ts';
import { LruMap } from '../base/lru.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import type { CompileRequest } from './compiled/compile-request.ts';
import { type CompileTools, compileCode } from './compiled/compile-run.ts';
import { type CompiledFolder, CompiledStore } from './compiled/compiled-store.ts';
import type { Mount, Sandbox } from './sandbox.ts';

/**
 * Code of functions that has been compiled before their process begins: Node's compile cache, made once for each account,
 * function, code and form of starting, and mounted read-only into the environments that come after.
 *
 * It is made by a process that compiles and runs nothing of the function (`runtimes/nodejs/compile.cjs`), in a sandbox of
 * its own, and written by the server: no function can write what another one, or it itself, will load. One is made at a
 * time, some time after an environment was created that had none.
 */

/** An environment that is coming up is not to be disturbed. */
const BEGIN_DELAY_MS = 500;
/** Code that waits to be compiled; what comes beyond asks again with its next environment. */
const WAITING_MAX = 64;
/** So little saves nothing that could be felt, and what does not exist need not be looked into. */
const KEPT_BYTES_MIN = 65_536;
/** Of the machine's memory, what has to be available. */
const AVAILABLE_SHARE_MIN = 0.1;
/** Functions remembered by this server alone as having none: small ones, and those where it failed. */
const WITHOUT_MAX = 10_000;
const TARGET = '/var/cache';

/** Compiled code of an environment to be. */
export interface Compiled {
  readonly mount: Mount;
  /** Before its process begins; the user is the sandbox's. */
  readyFor(sandbox: Pick<Sandbox, 'userId'>): void;
}

export interface CompiledCodeOptions extends CompileTools {
  readonly directory: string;
}

export class CompiledCode {
  readonly #tools: CompileTools;
  readonly #store: CompiledStore;
  readonly #without = new LruMap<string, true>(WITHOUT_MAX);
  readonly #waiting = new Map<string, CompileRequest>();
  #running: { readonly key: string; sandbox?: Sandbox; readonly ended: Promise<void> } | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  readonly #counts = { made: 0, none: 0, failed: 0, used: 0 };

  private constructor(tools: CompileTools, store: CompiledStore) {
    this.#tools = tools;
    this.#store = store;
  }

  /** Undefined where sandboxes have no paths of their own to mount at. */
  static async open({ directory, ...tools }: CompiledCodeOptions): Promise<CompiledCode | undefined> {
    if (!tools.sandboxes.hasOwnPaths) return undefined;
    return new CompiledCode(tools, await CompiledStore.open(directory, () => tools.clock.now()));
  }

  /** What there is for an environment; where that is not known yet it is made for those to come. */
  find(request: CompileRequest): Compiled | undefined {
    const folder = this.#store.find(request.key);
    if (!folder && !this.#without.get(request.key)) this.#makeLater(request);
    return folder?.path === undefined ? undefined : this.#compiledOf(folder, folder.path);
  }

  #compiledOf(folder: CompiledFolder, source: string): Compiled {
    return {
      mount: { source, target: TARGET },
      readyFor: ({ userId }) => {
        if (userId === undefined) return;
        this.#counts.used++;
        this.#store.linkFor(folder, userId);
      },
    };
  }

  families(): readonly MetricFamily[] {
    const runs = (['made', 'none', 'failed'] as const).map((outcome) => ({
      labels: { outcome },
      value: this.#counts[outcome],
    }));
    const one = (value: number) => [{ labels: {}, value }];
    return [
      {
        name: 'lambdad_compile_runs_total',
        help: 'Times that code of a function was compiled for later environments, by what came of it.',
        type: 'counter',
        samples: runs,
      },
      {
        name: 'lambdad_compiled_environments_total',
        help: 'Environments that began with compiled code.',
        type: 'counter',
        samples: one(this.#counts.used),
      },
      {
        name: 'lambdad_compiled_bytes',
        help: 'Compiled code that is kept.',
        type: 'gauge',
        samples: one(this.#store.bytes),
      },
    ];
  }

  /** Nothing is compiled any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#waiting.clear();
    await this.#running?.sandbox?.destroy();
    await this.#running?.ended;
  }

  #makeLater(request: CompileRequest): void {
    const { key } = request;
    if (this.#isClosed || this.#waiting.size >= WAITING_MAX || this.#running?.key === key) return;
    this.#waiting.set(key, request);
    this.#beginLater(BEGIN_DELAY_MS);
  }

  #beginLater(delayMs: number): void {
    if (this.#running || this.#timer || this.#waiting.size === 0 || this.#isClosed) return;
    this.#timer = this.#tools.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#begin();
    });
  }

  #begin(): void {
    const [next] = this.#waiting.values();
    if (!next) return;
    this.#waiting.delete(next.key);
    // It asks again with its next environment.
    if (process.availableMemory() < totalmem() * AVAILABLE_SHARE_MIN) return;
    const ended = this.#make(next).then((hasRun) => {
      this.#running = undefined;
      this.#beginLater(hasRun ? BEGIN_DELAY_MS : 0);
    });
    this.#running = { key: next.key, ended };
  }

  /** Whether a process has run for it. Never rejects. */
  async #make(request: CompileRequest): Promise<boolean> {
    try {
      if (!(await request.isWorthIt())) {
        this.#without.set(request.key, true);
        this.#counts.none++;
        return false;
      }
      const files = await compileCode(request, this.#tools, (sandbox) => this.#holds(sandbox));
      if (this.#isClosed) return true;
      const bytes = files?.files.reduce((sum, { content }) => sum + content.length, 0) ?? 0;
      const isKept = bytes >= KEPT_BYTES_MIN;
      await this.#store.keep(request.key, isKept ? files : undefined);
      this.#counts[isKept ? 'made' : 'none']++;
    } catch {
      // A machine that makes no sandbox, or a disk that is full: functions compile their code themselves.
      this.#counts.failed++;
      this.#without.set(request.key, true);
    }
    return true;
  }

  #holds(sandbox: Sandbox): void {
    if (this.#isClosed) void sandbox.destroy();
    else if (this.#running) this.#running.sandbox = sandbox;
  }
}
