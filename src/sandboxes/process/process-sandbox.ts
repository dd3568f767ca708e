import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { deferred } from '../../base/deferred.ts';
import { launchErrorText } from '../../environments/fault.ts';
import { guardConnection } from '../../environments/guard-connection.ts';
import {
  type Mount,
  MountFailed,
  type ProcessExit,
  type ProcessSpec,
  type Sandbox,
  type SandboxKind,
  type SandboxProcess,
  type SandboxSpec,
} from '../../environments/sandbox.ts';
import { readDatagrams } from '../../environments/trace-datagrams.ts';

/**
 * No walls: plain processes of the server's own user, for machines without namespaces (macOS, Windows) and for people
 * who ask for it. Differences from a sandbox: the function sees the host's files, processes and network, its paths are
 * the host's, /tmp is a directory of its own named by TMPDIR, and memory is not limited. A function looks for its file
 * systems below /mnt, where nothing is put behind people's backs: they have to lie there already.
 */

class ProcessSandbox implements Sandbox {
  readonly runtimeApiAddress: string;
  readonly listener: Server;
  readonly datagramAddress: string | undefined;
  readonly notes: readonly string[] = [];
  readonly #spec: SandboxSpec;
  readonly #directory: string;
  readonly #gone = deferred<void>();
  /** Each with its end; those that are over included, because what they started may still run in their group. */
  readonly #started = new Map<ChildProcess, Promise<ProcessExit>>();

  #datagrams: DatagramSocket | undefined;

  constructor(spec: SandboxSpec, listener: Server, directory: string, datagrams: DatagramSocket | undefined) {
    this.#spec = spec;
    this.#directory = directory;
    this.#datagrams = datagrams;
    this.datagramAddress = datagrams && `127.0.0.1:${datagrams.address().port}`;
    this.listener = listener;
    this.runtimeApiAddress = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  path(target: string): string {
    for (const mount of this.#spec.mounts) {
      if (target === mount.target) return mount.source;
      if (target.startsWith(`${mount.target}/`)) return join(mount.source, target.slice(mount.target.length));
    }
    return target === '/tmp' ? this.#directory : target;
  }

  async start(process: ProcessSpec): Promise<SandboxProcess> {
    const [command = '', ...args] = process.argv;
    const child = spawn(command, args, {
      cwd: process.cwd,
      env: { ...process.environment, TMPDIR: this.#directory },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A process group of its own, so that what the function started ends with it.
      detached: true,
    });
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        resolve({ launchError: launchErrorText(command, error.code ?? 'ENOEXEC') }),
      );
      child.once('exit', (code, signal) => resolve(signal ? { signal } : { code: code ?? 0 }));
    });
    this.#started.set(child, exited);
    const [, stdout, stderr, log] = child.stdio as unknown as [
      null,
      SandboxProcess['stdout'],
      SandboxProcess['stderr'],
      SandboxProcess['stdout'],
    ];
    return { stdout, stderr, log, exited, signal: (name) => signalGroup(child, name) };
  }

  async dial(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    guardConnection(socket);
    return socket;
  }

  async killAll(): Promise<void> {
    const started = [...this.#started];
    this.#started.clear();
    for (const [child] of started) signalGroup(child, 'SIGKILL');
    await Promise.all(started.map(([, exited]) => exited));
  }

  memoryPeakBytes(): number {
    return 0;
  }

  resetMemoryPeak(): void {}

  outOfMemory(): boolean {
    return false;
  }

  /** Nothing holds these processes together: what a function detached from its group would not be stopped with it. */
  freeze(): void {}

  thaw(): void {}

  /** A share of the processors takes a control group. */
  limitCpu(): void {}

  async destroy(): Promise<void> {
    await this.killAll();
    this.listener.close();
    this.#datagrams?.close();
    this.#datagrams = undefined;
    rmSync(this.#directory, { recursive: true, force: true });
    this.#gone.resolve();
  }
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, name);
  } catch {
    // Nothing of the group is left.
  }
}

export function processSandboxes(options: { readonly runDir: string }): SandboxKind {
  return {
    description: 'plain processes, NO isolation',
    hostPorts: 'all',
    hasOwnPaths: false,
    create: async (spec) => {
      for (const mount of spec.mounts) if (mount.writable) checkInPlace(mount);
      const directory = join(options.runDir, spec.id);
      mkdirSync(directory, { recursive: true });
      const listener = createServer({ noDelay: true }, guardConnection);
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject);
        listener.listen(0, '127.0.0.1', resolve);
      });
      return new ProcessSandbox(spec, listener, directory, await datagramsOf(spec));
    },
    reconcile: async () => rmSync(options.runDir, { recursive: true, force: true }),
    close: async () => undefined,
  };
}

async function datagramsOf({ datagrams }: SandboxSpec): Promise<DatagramSocket | undefined> {
  if (datagrams === undefined) return undefined;
  const socket = createSocket('udp4');
  readDatagrams(socket, datagrams);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Throws MountFailed unless the path that the function knows leads to the directory already. */
function checkInPlace({ source, target }: Mount): void {
  try {
    if (realpathSync(target) === realpathSync(source)) return;
  } catch {}
  throw new MountFailed(target, `plain processes see this machine's own paths: ln -s ${source} ${target}`);
}
