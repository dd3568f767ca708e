import type { Socket as DatagramSocket } from 'node:dgram';
import { constants, openSync } from 'node:fs';
import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { deferred } from '../../base/deferred.ts';
import { guardConnection } from '../../environments/guard-connection.ts';
import type { Mount, ProcessExit, ProcessSpec } from '../../environments/sandbox.ts';
import { readDatagrams } from '../../environments/trace-datagrams.ts';
import { frame } from './frame.ts';
import type { NetworkPlan } from './network.ts';
import type { Nursery, Spawned } from './nursery.ts';
import { GatedServer } from './peer-gate.ts';
import { relayPort } from './port-relay.ts';

/**
 * One running native launcher: the process that builds a sandbox and starts and kills what runs in it.
 *
 * native/README.md has the protocol: framed commands on a socket of its own; JSON lines by way of the nursery, over whose
 * channel the listening socket of the sandbox's network namespace arrives too.
 */

const READY_MS_MAX = 10_000;
const COMMAND_MS_MAX = 10_000;
/** Where the bootstraps look for it. */
const CHANNEL_DESCRIPTOR = '4';
/** Descriptors at which the launcher keeps the read ends of the pipes. */
const PIPES = { stdout: 20, stderr: 22, log: 24, extension: 28 } as const;

interface Report {
  readonly ready?: boolean;
  /** With `ready`: the helper that was to lead out of the sandbox did not come up. */
  readonly offline?: boolean;
  readonly listener?: number;
  readonly forward?: number;
  readonly datagrams?: number;
  readonly started?: string;
  readonly failed?: string;
  readonly exit?: string;
  readonly code?: number;
  readonly signal?: string;
  readonly core?: boolean;
  readonly killed?: boolean;
  readonly channel?: string;
  readonly dialled?: string;
  readonly undialled?: string;
  readonly assigned?: string;
  readonly unassigned?: string;
  readonly error?: string;
  readonly step?: string;
  readonly errno?: number;
  /** What came with the message; not part of its text. */
  readonly handle?: unknown;
}

export interface SandboxPipes {
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly log: Socket;
  readonly extension: Socket;
}

export class SandboxFailed extends Error {
  /** Of the launcher's, where it said which. */
  readonly step: string | undefined;

  constructor(message: string, step?: string) {
    super(message);
    this.step = step;
  }
}

/** What a sandbox is built from. */
export interface Blueprint {
  /** Keys and values of the setup message, without those of the network and without its end. */
  readonly setup: readonly string[];
  readonly network: NetworkPlan;
  /** Whose connections alone the Runtime API takes; undefined where nobody else can reach it, or nobody can tell. */
  readonly peerUid: number | undefined;
  /** Takes what comes to the socket of datagrams, if the setup asks for one. */
  readonly datagrams?: ((datagram: Buffer) => void) | undefined;
}

/** A sandbox that stands. */
export interface Built {
  readonly server: Server;
  readonly port: number;
  /** Where datagrams are taken; undefined where they are not. */
  readonly datagramPort: number | undefined;
  readonly pipes: SandboxPipes;
  /** Why there is no way out of it, although there should be. */
  readonly offline: string | undefined;
}

export interface LauncherListener {
  exited(id: string, exit: ProcessExit): void;
  /** The launcher is gone, and everything inside with it. */
  gone(): void;
}

export class Launcher {
  readonly #process: Spawned;
  #commands: Socket | undefined;
  /** Commands from before it ran. */
  readonly #early: Buffer[] = [];
  #pid = 0;
  #listener: LauncherListener | undefined;
  readonly #waiting = new Map<string, ReturnType<typeof deferred<Report>>>();
  readonly #gone = deferred<void>();
  #ended = false;
  #blueprint: Blueprint | undefined;
  #server: Server | undefined;
  readonly #relays: { close(): void }[] = [];
  #port = 0;
  #datagramPort: number | undefined;
  #dialCount = 0;

  /** `beforehand`: the disk, the network and the control groups that the launcher takes at once; then it stands by for set(). */
  constructor(nursery: Nursery, beforehand: readonly string[]) {
    this.#process = nursery.spawn(beforehand, {
      spawned: (pid, commands) => this.#begin(pid, commands),
      said: (report, handle) => this.#report(report, handle),
      over: (reason) => this.#over(reason),
    });
  }

  /** Resolves when the launcher, and so everything inside, has ended. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Builds the sandbox. Rejects with SandboxFailed when any part of it cannot be had; then the launcher has ended. */
  async set(blueprint: Blueprint, listener: LauncherListener): Promise<Built> {
    this.#listener = listener;
    this.#blueprint = blueprint;
    const ready = this.#expect('ready', READY_MS_MAX);
    this.#write([...blueprint.setup, ...blueprint.network.setup, 'end']);
    try {
      const { offline } = await ready;
      if (!this.#server) throw new SandboxFailed('the sandbox gave no listener');
      return {
        server: this.#server,
        port: this.#port,
        datagramPort: this.#datagramPort,
        pipes: {
          stdout: this.#pipe(PIPES.stdout),
          stderr: this.#pipe(PIPES.stderr),
          log: this.#pipe(PIPES.log),
          extension: this.#pipe(PIPES.extension),
        },
        offline: offline ? this.#process.complaints().trim() : undefined,
      };
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  get pid(): number {
    return this.#pid;
  }

  async startProcess(id: string, { role, argv, environment, cwd, channel }: ProcessSpec): Promise<Report> {
    const command = ['start', id];
    for (const argument of argv) command.push('arg', argument);
    for (const [name, value] of Object.entries(environment)) command.push('env', `${name}=${value}`);
    command.push('cwd', cwd, 'stdin', 'null', ...(role === 'extension' ? ['output', role] : ['logfd', '3']));
    if (channel) command.push('channel', CHANNEL_DESCRIPTOR);
    const report = this.#expect(`start ${id}`, COMMAND_MS_MAX);
    this.#write(command);
    return await report;
  }

  /** Gives a process that waits at its gate its files; whether that went well assign() tells. */
  mount(id: string, mounts: readonly Mount[]): void {
    const binds = mounts.flatMap(({ source, target }) => ['bind', source, target]);
    if (!this.#ended) this.#write(['mount', id, ...binds]);
  }

  /** Gives a process that has its files the text that it waits for. Rejects with SandboxFailed. */
  async assign(id: string, text: string): Promise<void> {
    const report = this.#expect(`assign ${id}`, COMMAND_MS_MAX);
    this.#write(['assign', id, 'text', text]);
    const { unassigned, step, errno } = await report;
    if (unassigned !== undefined)
      throw new SandboxFailed(`the function could not be assigned (${step}, ${getSystemErrorName(-(errno ?? 0))})`);
  }

  /** To the process group of a started process. */
  signal(id: string, name: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#ended) this.#write(['signal', id, name]);
  }

  /** A connection to a port of the sandbox's own loopback address. */
  async dial(port: number): Promise<Socket> {
    const id = `d${++this.#dialCount}`;
    const report = this.#expect(`dial ${id}`, COMMAND_MS_MAX);
    this.#write(['dial', id, String(port)]);
    const { handle, errno } = await report;
    if (handle === undefined)
      throw new SandboxFailed(`port ${port} of the sandbox: ${getSystemErrorName(-(errno ?? 0))}`);
    const socket = new Socket({ handle } as SocketConstructorOpts);
    guardConnection(socket);
    return socket;
  }

  /** Stops all processes inside by a signal, or lets them go on: for machines without a freezer. */
  stopAll(isStopped: boolean): void {
    if (!this.#ended) this.#write([isStopped ? 'stop' : 'continue']);
  }

  async killAll(): Promise<void> {
    if (this.#ended) return;
    const report = this.#expect('killed', COMMAND_MS_MAX);
    this.#write(['killall']);
    // A sandbox that cannot be emptied is ended as a whole.
    await report.catch(() => this.end());
  }

  /** Ends the sandbox; resolves when the launcher, and so everything inside, is gone. */
  async end(): Promise<void> {
    if (!this.#ended) this.#process.kill();
    await this.gone;
  }

  #begin(pid: number, commands: Socket | undefined): void {
    this.#pid = pid;
    this.#commands = commands;
    for (const each of this.#early.splice(0)) commands?.write(each);
    if (commands) return;
    this.#failWaiting('no descriptors are left for another sandbox');
    this.#process.kill();
  }

  #write(command: readonly string[]): void {
    if (this.#commands) this.#commands.write(frame(command));
    else this.#early.push(frame(command));
  }

  #pipe(descriptor: number): Socket {
    // Opening the launcher's end by its /proc name gives a descriptor of our own for the same pipe.
    const fd = openSync(`/proc/${this.pid}/fd/${descriptor}`, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: true, writable: false });
  }

  #expect(what: string, withinMs: number): Promise<Report> {
    const answer = deferred<Report>();
    if (this.#ended) {
      answer.reject(new SandboxFailed('the sandbox has ended'));
      return answer.promise;
    }
    this.#waiting.set(what, answer);
    const timer = setTimeout(() => {
      this.#waiting.delete(what);
      answer.reject(new SandboxFailed(`the sandbox did not answer (${what})`));
    }, withinMs);
    const stop = () => clearTimeout(timer);
    answer.promise.then(stop, stop);
    return answer.promise;
  }

  #settle(what: string, report: Report): void {
    this.#waiting.get(what)?.resolve(report);
    this.#waiting.delete(what);
  }

  #report(report: Report, handle: unknown): void {
    if (handle && report.listener !== undefined) {
      this.#port = report.listener;
      this.#server = this.#serve(handle);
    } else if (handle && report.forward !== undefined) this.#relay(handle, report.forward);
    else if (handle && report.channel !== undefined) this.#connect(handle);
    else if (handle && report.datagrams !== undefined) this.#read(handle as DatagramSocket, report.datagrams);
    else if (report.dialled !== undefined) this.#settle(`dial ${report.dialled}`, { ...report, handle });
    else if (report.undialled !== undefined) this.#settle(`dial ${report.undialled}`, report);
    else if (report.assigned !== undefined) this.#settle(`assign ${report.assigned}`, report);
    else if (report.unassigned !== undefined) this.#settle(`assign ${report.unassigned}`, report);
    else if (report.ready) this.#settle('ready', report);
    else if (report.started !== undefined) this.#settle(`start ${report.started}`, report);
    else if (report.failed !== undefined) this.#settle(`start ${report.failed}`, report);
    else if (report.killed) this.#settle('killed', report);
    else if (report.exit !== undefined) {
      const { code, signal, core } = report;
      const killed = { signal: signal ?? '', ...(core ? { coreDumped: true as const } : {}) };
      this.#listener?.exited(report.exit, signal === undefined ? { code: code ?? 0 } : killed);
    } else if (report.error !== undefined)
      this.#failWaiting(`${report.error} (${report.step ?? 'setup'}, errno ${report.errno ?? 0})`, report.step);
  }

  #serve(handle: unknown): Server {
    const peerUid = this.#blueprint?.peerUid;
    if (peerUid !== undefined) return new GatedServer(handle, peerUid);
    const server = createServer({ noDelay: true }, guardConnection).listen(handle);
    server.on('error', () => undefined);
    return server;
  }

  /** A runtime's channel is one more connection to its Runtime API. */
  #connect(handle: unknown): void {
    const socket = new Socket({ handle, allowHalfOpen: true } as SocketConstructorOpts);
    guardConnection(socket);
    this.#server?.emit('connection', socket);
  }

  #relay(handle: unknown, port: number): void {
    const destination = this.#blueprint?.network.forwards.get(port);
    if (destination) this.#relays.push(relayPort(handle, destination));
  }

  #read(socket: DatagramSocket, port: number): void {
    const take = this.#blueprint?.datagrams;
    this.#datagramPort = port;
    if (take) readDatagrams(socket, take);
    this.#relays.push(socket);
  }

  #failWaiting(reason: string, step?: string): void {
    for (const answer of this.#waiting.values()) answer.reject(new SandboxFailed(reason, step));
    this.#waiting.clear();
  }

  #over(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#server?.close();
    for (const relay of this.#relays.splice(0)) relay.close();
    this.#failWaiting(this.#process.complaints().trim() || reason);
    this.#listener?.gone();
    this.#gone.resolve();
  }
}
