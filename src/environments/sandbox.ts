import type { Server, Socket } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * The port of sandboxes: a place in which an execution environment's processes run, see only what they should, and end.
 */
export interface Mount {
  readonly source: string;
  /** Path inside. */
  readonly target: string;
  /**
   * Read-only unless it says so. What is written then belongs to the owner of the directory on this machine, whichever
   * user the sandbox has.
   */
  readonly writable?: boolean;
}

/** A writable mount cannot be had; the message says why. */
export class MountFailed extends Error {
  readonly target: string;

  constructor(target: string, message: string) {
    super(message);
    this.target = target;
  }
}

/**
 * A runtime's process as it can be started before it is known for whom: it says with a byte on its standard output that it
 * waits, and reads from its gate, a FIFO, what it shall be. Nothing of it is any function's.
 */
export interface Prestart {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly channel: boolean;
  /** Path inside, in a directory that one of the function's own mounts covers later. */
  readonly gate: string;
  /** Those of the sandbox's mounts that are there from the beginning. */
  readonly mounts: readonly Mount[];
  /** For processes that take much memory: how many wait though none was taken lately, and the most that do. */
  readonly waiting?: { readonly min: number; readonly max: number };
}

export interface SandboxSpec {
  /** Unique on this machine; part of directory and cgroup names. */
  readonly id: string;
  readonly mounts: readonly Mount[];
  readonly tmpBytes: number;
  readonly memoryBytes: number;
  /** Takes what processes inside send to `datagramAddress`; absent where nobody wants it. */
  readonly datagrams?: ((datagram: Buffer) => void) | undefined;
  /** Absent where the runtime's process must begin with what is its function's. */
  readonly prestart?: Prestart;
}

/** A process to start inside: paths are those seen inside. */
export interface ProcessSpec {
  /** The runtime has three pipes of its own; all extensions of a sandbox write into one. */
  readonly role: 'runtime' | 'extension';
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  /**
   * It finds a connection to its Runtime API at descriptor 4, where the sandbox can make one: a program that does not heed it
   * would leave it to its children.
   */
  readonly channel?: boolean;
}

/** How a process ended. One of the three is set. */
export interface ProcessExit {
  readonly code?: number;
  /** SIGKILL and the like. */
  readonly signal?: string;
  /** It never began: what the kernel said, in Go's words (`permission denied`, `exec format error`). */
  readonly launchError?: string;
  /** Beside launchError: not the program but the directory that it was to start in. */
  readonly launchStep?: 'cwd';
  /** Beside signal. */
  readonly coreDumped?: true;
}

export interface SandboxProcess {
  /** Extensions may share one stream for both outputs and among each other. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Framed log records of the bootstraps (runtime-facts 4, TLV); undefined where the sandbox has no third pipe. */
  readonly log?: Readable;
  /** To the process and all of its group. Without effect when it has ended. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  /** Resolves once, also when the whole sandbox goes away. */
  readonly exited: Promise<ProcessExit>;
}

export interface Sandbox {
  /** host:port under which processes inside reach the Runtime API. */
  readonly runtimeApiAddress: string;
  /** Listens where `runtimeApiAddress` points; the environment attaches its Runtime API to it. */
  readonly listener: Server;
  /** host:port of the X-Ray daemon as processes inside see it; undefined where the spec takes no datagrams. */
  readonly datagramAddress?: string | undefined;
  /** Number of the user that processes inside are, as they see it; undefined where they are the server's. */
  readonly userId?: number | undefined;
  /** What the function's log is to say about this sandbox, in sentences without an end of line. */
  readonly notes: readonly string[];
  /** Resolves when the sandbox is no more, by destroy() or because somebody killed it. */
  readonly gone: Promise<void>;
  /** Path inside of a mount's target: the same where there are namespaces, the source where there are none. */
  path(target: string): string;
  /**
   * Starts a process: one runtime at a time, beside it any number of extensions. After a runtime has ended the next one
   * begins behind killAll(). One that was started before becomes this one, if it is what the sandbox was made for.
   */
  start(process: ProcessSpec): Promise<SandboxProcess>;
  /**
   * A TCP connection to 127.0.0.1:port as processes inside see it, never of the server's own network. It may not be
   * established yet; rejects when it is known that it cannot be.
   */
  dial(port: number): Promise<Socket>;
  /** Kills every process inside; resolves when none is left. /tmp stays. */
  killAll(): Promise<void>;
  /** Highest memory use since the last reset, in bytes, as far as this machine can tell. */
  memoryPeakBytes(): number;
  resetMemoryPeak(): void;
  /** True when the machine killed a process of this sandbox for want of memory since the last start. */
  outOfMemory(): boolean;
  /**
   * Stops every process inside where it is, until thaw(); none of them notices. Synchronous, cheap enough for every
   * invoke, without effect when frozen already or gone. killAll() and destroy() work on a frozen sandbox too, and leave
   * it thawed. Never throws.
   */
  freeze(): void;
  /** Lets go on what freeze() stopped; without effect when nothing is stopped. Never throws. */
  thaw(): void;
  /**
   * The share of the processors that goes with the memory, on or off: a weight among others, and with `--cpu quota` AWS's
   * hard limit. Begins off, as AWS throttles no init. Never throws.
   */
  limitCpu(isLimited: boolean): void;
  /** Ends everything and removes every trace. Never rejects. */
  destroy(): Promise<void>;
}

export interface SandboxKind {
  /** One line for people: what walls this kind has here. */
  readonly description: string;
  /** Ports of this machine that a function reaches at its own 127.0.0.1. */
  readonly hostPorts: 'all' | ReadonlySet<number>;
  /** True where processes see paths of their own, false where they see this machine's. */
  readonly hasOwnPaths: boolean;
  /** Rejects with MountFailed, or with another plain Error when this machine cannot make one. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  /** A sandbox like this will probably be asked for. */
  expect?(spec: Pick<SandboxSpec, 'tmpBytes' | 'prestart' | 'datagrams'>): void;
  /** Removes what a server that was killed left behind. */
  reconcile(): Promise<void>;
  /** Ends what is kept ready for the next sandbox. */
  close(): Promise<void>;
}
