import type { Server } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * The port of sandboxes: a place in which an execution environment's processes run, see only what they should, and end.
 */
export interface Mount {
  readonly source: string;
  /** Path inside. Always read-only. */
  readonly target: string;
}

export interface SandboxSpec {
  /** Unique on this machine; part of directory and cgroup names. */
  readonly id: string;
  readonly mounts: readonly Mount[];
  readonly tmpBytes: number;
  readonly memoryBytes: number;
}

/** The process to start inside: paths are those seen inside. */
export interface ProcessSpec {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** How a process ended. One of the three is set. */
export interface ProcessExit {
  readonly code?: number;
  /** SIGKILL and the like. */
  readonly signal?: string;
  /** It never began: what the kernel said, in Go's words (`permission denied`, `exec format error`). */
  readonly launchError?: string;
}

export interface SandboxProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Framed log records of the bootstraps (runtime-facts 4, TLV); undefined where the sandbox has no third pipe. */
  readonly log?: Readable;
  /** Resolves once, also when the whole sandbox goes away. */
  readonly exited: Promise<ProcessExit>;
}

export interface Sandbox {
  /** host:port under which processes inside reach the Runtime API. */
  readonly runtimeApiAddress: string;
  /** Listens where `runtimeApiAddress` points; the environment attaches its Runtime API to it. */
  readonly listener: Server;
  /** Resolves when the sandbox is no more, by destroy() or because somebody killed it. */
  readonly gone: Promise<void>;
  /** Path inside of a mount's target: the same where there are namespaces, the source where there are none. */
  path(target: string): string;
  /** Starts the one main process. Call again only after the last one ended and killAll() resolved. */
  start(process: ProcessSpec): Promise<SandboxProcess>;
  /** Kills every process inside; resolves when none is left. /tmp stays. */
  killAll(): Promise<void>;
  /** Highest memory use since the last reset, in bytes, as far as this machine can tell. */
  memoryPeakBytes(): number;
  resetMemoryPeak(): void;
  /** True when the machine killed a process of this sandbox for want of memory since the last start. */
  outOfMemory(): boolean;
  /** Ends everything and removes every trace. Never rejects. */
  destroy(): Promise<void>;
}

export interface SandboxKind {
  /** One line for people: what walls this kind has here. */
  readonly description: string;
  create(spec: SandboxSpec): Promise<Sandbox>;
  /** Removes what a server that was killed left behind. */
  reconcile(): Promise<void>;
  /** Ends what is kept ready for the next sandbox. */
  close(): Promise<void>;
}
