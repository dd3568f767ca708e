import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const namespaces = ['--mount', '--net', '--ipc', '--uts', '--pid', '--fork', '--mount-proc', '--kill-child'];

/**
 * Runs a script of this folder as root on a machine of its own: new namespaces for mounts, network, IPC, host name and processes,
 * which end with it. What it prints last is its report, as JSON.
 */
export async function onDisposableMachine<T>(script: string, ...args: readonly string[]): Promise<T> {
  const place = (file: string) => join(import.meta.dirname, file);
  // The games folder takes a program with the set-uid bit; nothing of that is to be seen outside.
  const prepare = 'mount -t tmpfs none /usr/games && exec "$@"';
  const argv = ['python3', place('outer_world.py'), process.execPath, place(script), ...args];
  const child = spawn('unshare', [...namespaces, 'sh', '-c', prepare, 'sh', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as T;
  } catch {
    throw new Error(`${script} gave no report: ${printed.slice(-2000)}\n${complained.slice(-4000)}`);
  }
}
