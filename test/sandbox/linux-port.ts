import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assetPath } from '../../src/base/assets.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { Sandbox, SandboxKind, SandboxProcess } from '../../src/environments/sandbox.ts';
import { type LinuxSandboxOptions, linuxSandboxes } from '../../src/sandboxes/linux/linux-sandbox.ts';
import { noNetwork } from '../../src/sandboxes/linux/network.ts';

/** Linux sandboxes as a server has them, without the server: shells run in them by way of the port. */
export const canMakeSandboxes = process.platform === 'linux' && process.getuid?.() === 0;
export const MEGABYTE = 1_048_576;

const LINE_WAIT_MS_MAX = 30_000;
let count = 0;

export interface TestSandboxes extends SandboxKind {
  readonly folder: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export function sandboxesIn(folder: string, options: Partial<LinuxSandboxOptions> = {}): SandboxKind {
  return linuxSandboxes({
    binary: assetPath(join('native', 'bin', `linux-${process.arch}`, 'lambdad-sandbox')),
    runDir: join(folder, 'linux'),
    emptyDir: join(folder, 'empty'),
    network: noNetwork(process.getuid?.() === 0, []),
    cpu: 'weight',
    landlock: true,
    bubblewrap: undefined,
    scratch: undefined,
    ids: randomIds,
    prestart: 0,
    ...options,
  });
}

/** Sandboxes of a data folder of their own, which goes with them. */
export function openSandboxes(options: Partial<LinuxSandboxOptions> = {}): TestSandboxes {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-port-'));
  return Object.assign(sandboxesIn(folder, options), {
    folder,
    [Symbol.asyncDispose]: async function (this: SandboxKind) {
      await this.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

export async function createSandbox(kind: SandboxKind, memoryMb = 128, tmpMb = 512) {
  const spec = { id: `test-${++count}`, mounts: [], tmpBytes: tmpMb * MEGABYTE, memoryBytes: memoryMb * MEGABYTE };
  const sandbox = await kind.create(spec);
  return Object.assign(sandbox, { [Symbol.asyncDispose]: () => sandbox.destroy() });
}

export interface Shell {
  readonly process: SandboxProcess;
  /** The next line that begins with `start`, without it. Lines come in order, each once. */
  line(start?: string): Promise<string>;
  /** Lines that came and that nobody has taken. */
  untaken(): number;
}

/** Lets go of the pipes of a sandbox's last shell: they are the next one's too, which may print before it is listened to. */
const lastShells = new WeakMap<Sandbox, () => void>();

/** Starts a shell; what it prints is taken line by line. One at a time in a sandbox. */
export async function startShell(sandbox: Sandbox, script: string): Promise<Shell> {
  lastShells.get(sandbox)?.();
  const shell = await sandbox.start({
    role: 'runtime',
    argv: ['/bin/sh', '-c', script],
    environment: { PATH: '/usr/bin:/bin' },
    cwd: '/tmp',
  });
  const lines: string[] = [];
  let rest = '';
  let arrived = () => {};
  let complaints = '';
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    arrived();
  });
  for (const stream of [shell.stdout, shell.stderr]) stream.resume();
  lastShells.set(sandbox, () => {
    for (const stream of [shell.stdout, shell.stderr]) stream.pause().removeAllListeners('data');
  });
  const line = async (start = '') => {
    const deadline = AbortSignal.timeout(LINE_WAIT_MS_MAX);
    for (;;) {
      const at = lines.findIndex((each) => each.startsWith(start));
      if (at >= 0) return (lines.splice(0, at + 1).at(-1) as string).slice(start.length);
      await new Promise<void>((resolve, reject) => {
        arrived = resolve;
        deadline.onabort = () => reject(new Error(`no line ${start}… but ${lines.join('\n')}\n${complaints}`));
      });
    }
  };
  return { process: shell, line, untaken: () => lines.length };
}

/** Runs a shell to its end; what it printed. */
export async function runShell(sandbox: Sandbox, script: string): Promise<string> {
  const shell = await startShell(sandbox, `${script}\necho "end of the script"`);
  const printed: string[] = [];
  for (;;) {
    const line = await shell.line();
    if (line === 'end of the script') break;
    printed.push(line);
  }
  await shell.process.exited;
  await sandbox.killAll();
  return printed.join('\n');
}

/** Directories of control groups, in all hierarchies, whose name begins with `start`. */
export function groupsNamed(start: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] as string);
  return mounts.flatMap((mount) => globSync(`${mount}/**/${start}*`));
}
