// Drives the launcher's binary the way a server does; for the tests and the measurement beside it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, constants, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';

export const ANSWER_WAIT_MS = 5000;

/** An account for tests as an ordinary user: "nobody", which owns nothing. */
export const NOBODY_UID = 65534;

/** The host's account of a sandbox that root starts; any number without a name. */
export const SANDBOX_HOST_UID = 61993;

/** Linux 6.16 is the first that keeps descriptors out of a local socket. */
const [major = 0, minor = 0] = release().split('.').map(Number);
export const hasChannels = process.platform === 'linux' && (major > 6 || (major === 6 && minor >= 16));

export type Answer = Record<string, unknown>;
export type Mode = 'root' | 'userns';

export type Workshop = { binary: string; directory: string; [Symbol.dispose](): void };

export type Sandbox = {
  readonly launcher: ChildProcess;
  readonly answers: Answer[];
  readonly handles: unknown[];
  /** Launcher's standard error so far. */
  readonly complaints: () => string;
  send(strings: readonly string[]): void;
  /** The first answer, past or to come, that is `wanted`; fails after ANSWER_WAIT_MS or at the launcher's end. */
  answer(wanted: (answer: Answer) => boolean): Promise<Answer>;
  readonly ended: Promise<number | null>;
};

/** A directory that every user can read, with a copy of the binary of this machine's architecture. */
export function openWorkshop(): Workshop {
  const directory = mkdtempSync(join(tmpdir(), 'lambdad-native-'));
  chmodSync(directory, 0o755);
  const binary = join(directory, 'lambdad-sandbox');
  copyFileSync(join(import.meta.dirname, 'bin', `linux-${process.arch}`, 'lambdad-sandbox'), binary);
  chmodSync(binary, 0o755);
  mkdirSync(join(directory, 'root'), { mode: 0o755 });
  return { binary, directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Length and NUL-terminated strings, as the launcher reads them. */
export function encodeFrame(strings: readonly string[]): Buffer {
  const body = Buffer.from(strings.map((string) => `${string}\0`).join(''));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

/** What a shell of the host needs to run inside. */
export function hostPrograms(): string[] {
  const binds = ['bind', '/usr', '/usr', 'ro'];
  for (const path of ['/bin', '/lib', '/lib64']) binds.push('bind', path, path, 'ro?');
  return binds;
}

/** The credentials to spawn the launcher with for a mode. */
export function credentialsOf(mode: Mode): { uid?: number; gid?: number } {
  return mode === 'userns' && process.getuid?.() === 0 ? { uid: NOBODY_UID, gid: NOBODY_UID } : {};
}

export function setupOf(workshop: Workshop, mode: Mode, extra: readonly string[] = []): string[] {
  const identity = mode === 'root' ? ['hostuid', `${SANDBOX_HOST_UID}`, 'hostgid', `${SANDBOX_HOST_UID}`] : [];
  return ['root', join(workshop.directory, 'root'), ...identity, ...hostPrograms(), ...extra, 'end'];
}

export function spawnSandbox(workshop: Workshop, mode: Mode, cgroups: readonly string[] = []): Sandbox {
  const launcher = spawn(workshop.binary, ['run', ...cgroups], {
    stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
    ...credentialsOf(mode),
  });
  const answers: Answer[] = [];
  const handles: unknown[] = [];
  let complaints = '';
  launcher.stderr?.on('data', (bytes: Buffer) => {
    complaints += bytes.toString();
  });
  // A launcher that has refused its setup reads no more.
  launcher.stdin?.on('error', () => {});
  launcher.on('message', (message, handle: unknown) => {
    answers.push(message as Answer);
    if (handle !== undefined) handles.push(handle);
    launcher.emit('answer');
  });
  const ended = new Promise<number | null>((resolve) => launcher.once('close', (code) => resolve(code)));
  const answer = (wanted: (answer: Answer) => boolean) =>
    new Promise<Answer>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        launcher.off('answer', look);
        launcher.off('close', onClose);
        act();
      };
      const look = () => {
        const found = answers.find(wanted);
        if (found !== undefined) settle(() => resolve(found));
      };
      const lack = (why: string) => new Error(`${why}; answers: ${JSON.stringify(answers)}; ${complaints}`);
      const onClose = () => settle(() => reject(lack('the launcher ended')));
      const timer = setTimeout(() => settle(() => reject(lack('no such answer in time'))), ANSWER_WAIT_MS);
      launcher.on('answer', look);
      launcher.on('close', onClose);
      look();
    });
  return {
    launcher,
    answers,
    handles,
    complaints: () => complaints,
    send: (strings) => void launcher.stdin?.write(encodeFrame(strings)),
    answer,
    ended,
  };
}

/** A sandbox that has said "ready"; it ends when disposed of. */
export async function openSandbox(
  workshop: Workshop,
  mode: Mode,
  extra: readonly string[] = [],
  cgroups: readonly string[] = [],
) {
  const sandbox = spawnSandbox(workshop, mode, cgroups);
  sandbox.send(setupOf(workshop, mode, extra));
  await sandbox.answer((answer) => answer['ready'] === true);
  return Object.assign(sandbox, {
    async [Symbol.asyncDispose]() {
      sandbox.launcher.stdin?.end();
      await sandbox.ended;
    },
  });
}

/** Collects what processes write into one of the launcher's pipes (20 output, 22 errors, 24 log, 28 extensions). */
export function openOutput(sandbox: Sandbox, descriptor: 20 | 22 | 24 | 28) {
  const path = `/proc/${sandbox.launcher.pid}/fd/${descriptor}`;
  const pipe = new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  let text = '';
  pipe.setEncoding('utf8');
  pipe.on('data', (part) => {
    text += part;
    pipe.emit('more');
  });
  return {
    text: () => text,
    /** Resolves when every process that could write has ended. */
    end: new Promise<void>((resolve) => pipe.once('close', () => resolve())),
    /** The text, as soon as it contains `mark`. */
    until: (mark: string) =>
      new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${mark} in time but: ${text}`)), ANSWER_WAIT_MS);
        const look = () => {
          if (!text.includes(mark)) return;
          clearTimeout(timer);
          pipe.off('more', look);
          resolve(text);
        };
        pipe.on('more', look);
        look();
      }),
    [Symbol.dispose]: () => void pipe.destroy(),
  };
}

let starts = 0;

/** Runs a shell script inside to its end; what it printed, on both descriptors in turn, and the answer of its end. */
export async function runShell(sandbox: Sandbox, script: string, extra: readonly string[] = []) {
  const id = `run-${++starts}`;
  const mark = `end of ${id}\n`;
  using output = openOutput(sandbox, 20);
  using errors = openOutput(sandbox, 22);
  const shell = `${script}\nstatus=$?\nprintf '%s\\n' 'end of ${id}' >&2\nprintf '%s\\n' 'end of ${id}'\nexit $status`;
  sandbox.send(['start', id, 'arg', '/bin/sh', 'arg', '-c', 'arg', shell, 'env', 'PATH=/usr/bin:/bin', ...extra]);
  const [printed, complained, exit] = await Promise.all([
    output.until(mark),
    errors.until(mark),
    sandbox.answer((answer) => answer['exit'] === id || answer['failed'] === id),
  ]);
  return { output: printed.replace(mark, ''), errors: complained.replace(mark, ''), exit };
}

/** Why a mode cannot be tested here, or false when it can. */
export function lackOf(mode: Mode): string | false {
  if (process.platform !== 'linux') return 'the launcher is for Linux';
  if (mode === 'root' && process.getuid?.() !== 0) return 'the tests do not run as root';
  using workshop = openWorkshop();
  const probe = spawnSync(workshop.binary, ['probe'], { encoding: 'utf8', ...credentialsOf(mode) });
  const result = JSON.parse(probe.stdout) as Answer;
  if (result['mode'] !== mode) return `the launcher works in mode ${result['mode']} here`;
  return result['ok'] === true ? false : `this machine gives no sandbox: ${probe.stdout.trim()}`;
}
