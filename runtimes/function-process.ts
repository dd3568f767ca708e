import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { type FakeRuntimeApi, startFakeRuntimeApi } from './fake-runtime-api.ts';

/** A function in its runtime's real process, served by a fake Runtime API. */
export interface FunctionProcess {
  readonly api: FakeRuntimeApi;
  /** The function's folder. */
  readonly taskRoot: string;
  stdout(): string;
  stderr(): string;
  /** What came through the structured-log descriptor, frame by frame. */
  frames(): LogFrame[];
  /** Resolves when standard output and error and the frames together match; fails after a few seconds. */
  logged(pattern: RegExp): Promise<void>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

export interface LogFrame {
  /** Eight hexadecimal digits. */
  readonly type: string;
  readonly timeMs: number;
  readonly message: string;
}

export interface FunctionOptions {
  /** Command without the handler: interpreter, options, bootstrap. */
  readonly argv: readonly string[];
  /** File name → content, below the function's folder. */
  readonly files: Readonly<Record<string, string>>;
  readonly handler: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the platform's structured-log descriptor is there. */
  readonly logFrames?: boolean;
}

const LOG_WAIT_MS = 5000;
const LOG_DESCRIPTOR = 3;
const FRAME_HEAD_BYTES = 16;

/** Starts a function; the test's end stops it and removes its files. */
export async function startFunction(test: TestContext, options: FunctionOptions): Promise<FunctionProcess> {
  const api = await startFakeRuntimeApi();
  const taskRoot = realpathSync(mkdtempSync(join(tmpdir(), 'lambdad-function-')));
  for (const [name, content] of Object.entries(options.files)) {
    mkdirSync(dirname(join(taskRoot, name)), { recursive: true });
    writeFileSync(join(taskRoot, name), content);
  }
  const [command, ...args] = options.argv;
  const child = spawn(command!, args, {
    cwd: taskRoot,
    stdio: ['ignore', 'pipe', 'pipe', options.logFrames ? 'pipe' : 'ignore'],
    env: { ...environment(api, taskRoot, options), ...options.environment },
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  test.after(async () => {
    child.kill('SIGKILL');
    await ended;
    await api.close();
    rmSync(taskRoot, { recursive: true, force: true });
  });
  return { api, taskRoot, ended, ...collectOutput(child, options.logFrames === true) };
}

function environment(api: FakeRuntimeApi, taskRoot: string, options: FunctionOptions): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    LANG: 'C.UTF-8',
    TZ: ':UTC',
    AWS_LAMBDA_RUNTIME_API: api.address,
    AWS_LAMBDA_FUNCTION_NAME: 'f',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/f',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef',
    LAMBDA_TASK_ROOT: taskRoot,
    _HANDLER: options.handler,
    ...(options.logFrames ? { _LAMBDA_TELEMETRY_LOG_FD: String(LOG_DESCRIPTOR) } : {}),
  };
}

function collectOutput(child: ChildProcess, withFrames: boolean) {
  const waiting = new Set<() => void>();
  const read = (stream: Readable | null) => {
    const chunks: Buffer[] = [];
    stream?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      for (const check of waiting) check();
    });
    return () => Buffer.concat(chunks);
  };
  const out = read(child.stdout);
  const err = read(child.stderr);
  const framed = read(withFrames ? (child.stdio[LOG_DESCRIPTOR] as Readable) : null);
  const everything = () => `${out()}${err()}${framed()}`;
  return {
    stdout: () => out().toString(),
    stderr: () => err().toString(),
    frames: () => parseFrames(framed()),
    logged: (pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`no ${pattern} in the log within ${LOG_WAIT_MS} ms: ${everything()}`));
        }, LOG_WAIT_MS);
        const check = () => {
          if (!pattern.test(everything())) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

function parseFrames(bytes: Buffer): LogFrame[] {
  const frames: LogFrame[] = [];
  for (let at = 0; at + FRAME_HEAD_BYTES <= bytes.length; ) {
    const end = at + FRAME_HEAD_BYTES + bytes.readUInt32BE(at + 4);
    frames.push({
      type: bytes.toString('hex', at, at + 4),
      timeMs: Number(bytes.readBigUInt64BE(at + 8)) / 1000,
      message: bytes.toString('utf8', at + FRAME_HEAD_BYTES, end),
    });
    at = end;
  }
  return frames;
}

/** Every file of the given names on the PATH, but not what npm has put there. */
export function commandsOnPath(names: readonly string[]): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !/node_modules|shims/.test(folder));
  const places = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [...new Set(places.filter((place) => existsSync(place)).map((place) => realpathSync(place)))];
}

/** Interpreters that pyenv has installed. */
export function pyenvPythons(): string[] {
  return globSync(join(homedir(), '.pyenv/versions/*/bin/python3'));
}
