import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { assetPath } from '../../src/base/assets.ts';

export const launcher = assetPath('bin/lambdad.mjs');
const RUN_MS_MAX = 30_000;

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly endpoint?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** The Node that runs the launcher. */
  readonly node?: string;
}

/** Starts `lambdad ARGS` as a process of its own, with nothing of the caller's environment but what is given. */
export function startCommand(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const endpoint = options.endpoint === undefined ? {} : { AWS_ENDPOINT_URL_LAMBDA: options.endpoint };
  return spawn(options.node ?? process.execPath, [launcher, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...endpoint, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  });
}

export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return finish(startCommand(args, options), options.stdin);
}

/** Waits for the end of a command and collects what it printed. */
export async function finish(child: ChildProcess, stdin = ''): Promise<Run> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(stdin);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  return { code, stdout, stderr };
}

/** Resolves with what a command printed on stdout, once `wanted` is in it. Rejects when it ends before. */
export function outputWith(child: ChildProcess, wanted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes(wanted)) resolve(text);
    });
    child.once('close', () => reject(new Error(`ended without ${JSON.stringify(wanted)}: ${text}`)));
  });
}

/** A folder with these files, removed with the test. A path that ends in `*` is executable. */
export async function folderOf(name: string, files: Readonly<Record<string, string>>) {
  const parent = await mkdtemp(join(tmpdir(), 'lambdad-cli-'));
  const path = join(parent, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files)) {
    const mode = file.endsWith('*') ? 0o755 : 0o644;
    const target = join(path, file.replace(/\*$/, ''));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode });
  }
  return { path, parent, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}

/** Another Node on PATH than the one that runs the tests, or undefined. */
export function otherNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'node');
    if (folder === '' || folder.includes('node_modules') || path === process.execPath) continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
