import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import type { ProcessExit, ProcessSpec, Sandbox, SandboxProcess } from '../../src/environments/sandbox.ts';

/** What a program in a FakeSandbox can do. Its signals go to `onSignal`, but for SIGKILL, which ends it. */
export interface FakeProcess {
  call(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<FakeAnswer>;
  exit(exit: ProcessExit): void;
  onSignal: (name: string) => void;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Program = (process: FakeProcess) => unknown;

/** A sandbox without walls or processes: programs are functions of the test, which speak real HTTP to the listener. */
export class FakeSandbox implements Sandbox {
  /** In order: `start NAME`, `SIGTERM NAME`, `freeze`, `limitCpu true` … */
  readonly calls: string[] = [];
  readonly notes: readonly string[] = [];
  readonly listener: Server;
  readonly #programs: Readonly<Record<string, Program>>;
  readonly #gone = deferred<void>();
  readonly #running = new Map<string, Deferred<ProcessExit>>();
  readonly #agent = new Agent({ keepAlive: true });
  isOutOfMemory = false;

  private constructor(listener: Server, programs: Readonly<Record<string, Program>>) {
    this.listener = listener;
    this.#programs = programs;
  }

  /** `programs` by name: `runtime`, and those of extensions. One that is not there cannot be started. */
  static async open(programs: Readonly<Record<string, Program>>): Promise<FakeSandbox> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new FakeSandbox(listener, programs);
  }

  get runtimeApiAddress(): string {
    return `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  path(target: string): string {
    return target;
  }

  async start(spec: ProcessSpec): Promise<SandboxProcess> {
    const name = spec.argv[0] ?? '';
    this.calls.push(`start ${name}`);
    const program = this.#programs[name];
    if (!program) throw new Error('the sandbox does not answer');
    const exited = deferred<ProcessExit>();
    this.#running.set(name, exited);
    const process: FakeProcess = {
      call: (method, path, headers, body) => this.#call(method, path, headers, body),
      exit: exited.resolve,
      onSignal: () => undefined,
    };
    void program(process);
    const signal = (what: string) => {
      this.calls.push(`${what} ${name}`);
      if (what === 'SIGKILL') exited.resolve({ signal: what });
      else process.onSignal(what);
    };
    return { stdout: new PassThrough(), stderr: new PassThrough(), exited: exited.promise, signal };
  }

  async dial(): Promise<Socket> {
    throw new Error('nobody listens inside');
  }

  async killAll(): Promise<void> {
    this.calls.push('killAll');
    this.#end();
  }

  memoryPeakBytes(): number {
    return 0;
  }

  resetMemoryPeak(): void {}

  outOfMemory(): boolean {
    return this.isOutOfMemory;
  }

  freeze(): void {
    this.calls.push('freeze');
  }

  thaw(): void {
    this.calls.push('thaw');
  }

  limitCpu(isLimited: boolean): void {
    this.calls.push(`limitCpu ${isLimited}`);
  }

  async destroy(): Promise<void> {
    this.calls.push('destroy');
    this.#vanish();
  }

  /** As if somebody had killed it. */
  vanish(): void {
    this.#vanish();
  }

  #vanish(): void {
    this.#end();
    this.listener.close();
    this.#agent.destroy();
    this.#gone.resolve();
  }

  #end(): void {
    for (const exited of this.#running.values()) exited.resolve({ signal: 'SIGKILL' });
    this.#running.clear();
  }

  /** Never resolves when the connection is closed instead of answered. */
  #call(method: string, path: string, headers = {}, body?: string): Promise<FakeAnswer> {
    const { port } = this.listener.address() as AddressInfo;
    return new Promise((resolve) => {
      const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: this.#agent }, async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text });
      });
      asked.on('error', () => undefined);
      asked.end(body);
    });
  }
}
