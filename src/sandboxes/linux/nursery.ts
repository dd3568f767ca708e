import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { frame } from './frame.ts';

/**
 * One running `lambdad-sandbox nursery`: the small process that spawns the launchers of a server and passes on what they
 * say. A fork of the server itself would hold up its one thread for 4 ms in the middle, and for a hundred at worst.
 *
 * It ends with the server, and every launcher ends with it.
 */

const COMPLAINT_CHARACTERS_MAX = 4096;

/** Told of one launcher, in the order in which things happen; nothing comes after over(). */
export interface LauncherOwner {
  /** It runs. `commands` takes what it shall do: undefined where the server had no descriptor left for it. */
  spawned(pid: number, commands: Socket | undefined): void;
  /** A line of the protocol in native/README.md, with what came along. */
  said(report: object, handle: unknown): void;
  /** The process has ended, or was never made. */
  over(reason: string): void;
}

interface Line {
  readonly launcher?: string;
  readonly commands?: boolean;
  readonly spawned?: number;
  readonly complaint?: string;
  readonly over?: boolean;
  readonly error?: string;
}

interface Entry {
  readonly owner: LauncherOwner;
  commands: Socket | undefined;
  complaints: string;
}

export interface Spawned {
  /** What it wrote to its standard error so far: 4,096 characters at most. */
  readonly complaints: () => string;
  /** Ends the process, unless it has ended. */
  readonly kill: () => void;
}

export class Nursery {
  readonly #binary: string;
  #child: ChildProcess | undefined;
  readonly #entries = new Map<string, Entry>();
  /** Launchers whose end is waited for. */
  readonly #killed = new Set<string>();
  #count = 0;

  constructor(binary: string) {
    this.#binary = binary;
  }

  /** `args` as in native/README.md under `run`. Throws when not even the nursery can be had. */
  spawn(args: readonly string[], owner: LauncherOwner): Spawned {
    this.#child ??= this.#start();
    const id = String(++this.#count);
    const entry: Entry = { owner, commands: undefined, complaints: '' };
    this.#entries.set(id, entry);
    this.#send(['spawn', id, ...args]);
    return { complaints: () => entry.complaints, kill: () => this.#kill(id) };
  }

  /** Launchers that still run end with it. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    this.#hold(child, true);
    child.stdin?.end();
    await exited;
  }

  #start(): ChildProcess {
    const child = spawn(this.#binary, ['nursery'], {
      stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
      env: {},
      // Out of the reach of what is typed at the server's terminal.
      detached: true,
    });
    child.on('error', (error) => this.#lost(child, error.message));
    child.on('exit', () => this.#lost(child, 'the process that starts sandboxes ended'));
    // Without a descriptor or memory to spare the child comes back without its ends.
    if (!child.stdin) throw new Error('no descriptors are left for another sandbox');
    child.stdin.on('error', () => undefined);
    child.on('message', (line, handle) => this.#take(line as Line, handle));
    this.#hold(child, false);
    return child;
  }

  #send(command: readonly string[]): void {
    this.#child?.stdin?.write(frame(command));
  }

  #kill(id: string): void {
    if (!this.#child || !this.#entries.has(id)) return;
    this.#killed.add(id);
    // Its end is waited for, unlike its standing by.
    this.#hold(this.#child, true);
    this.#send(['kill', id]);
  }

  /** Whether it keeps this process from ending by itself. */
  #hold(child: ChildProcess, isHeld: boolean): void {
    for (const each of [child, child.channel, child.stdin as Socket | null]) each?.[isHeld ? 'ref' : 'unref']();
  }

  #take(line: Line, handle: unknown): void {
    const { launcher = '' } = line;
    const entry = this.#entries.get(launcher);
    if (!entry) {
      // Its last words, or of no launcher: nobody may hold on to what came along.
      (handle as { close?: () => void } | undefined)?.close?.();
    } else if (line.commands) entry.commands = commandsBy(handle);
    else if (line.spawned !== undefined) entry.owner.spawned(line.spawned, entry.commands);
    else if (line.complaint !== undefined) {
      if (entry.complaints.length < COMPLAINT_CHARACTERS_MAX) entry.complaints += line.complaint;
    } else if (line.over) this.#over(launcher, entry, line.error ?? 'the launcher ended');
    else entry.owner.said(line, handle);
  }

  #over(id: string, { owner, commands }: Entry, reason: string): void {
    this.#entries.delete(id);
    if (this.#killed.delete(id) && this.#killed.size === 0 && this.#child) this.#hold(this.#child, false);
    commands?.destroy();
    owner.over(reason);
  }

  #lost(child: ChildProcess, reason: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const [id, entry] of [...this.#entries]) this.#over(id, entry, reason);
  }
}

function commandsBy(handle: unknown): Socket {
  const socket = new Socket({ handle, readable: false } as SocketConstructorOpts);
  // A launcher that has ended takes no more.
  socket.on('error', () => undefined);
  socket.unref();
  return socket;
}
