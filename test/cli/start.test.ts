import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { finish, outputWith, runCommand } from './run-command.ts';

const program = fileURLToPath(new URL('start-process.ts', import.meta.url));

function startServer(kind: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [program, kind, ...args], { timeout: 30_000, killSignal: 'SIGKILL' });
}

describe('start', () => {
  it('says where it listens, and on SIGTERM or SIGINT closes and exits 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = startServer('ordinary', '--port', '7');
      const done = finish(child);
      await outputWith(child, 'point clients here\n');
      child.kill(signal);
      const { code, stdout } = await done;
      assert.equal(code, 0);
      assert.equal(stdout, 'lambdad listening on http://127.0.0.1:7\nsandbox: none\npoint clients here\nclosing\n');
    }
  });

  it('closes when the launcher that handed over to it is gone', async () => {
    const child = spawn(process.execPath, [program, 'ordinary'], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    // Not `finish`: after a disconnect of ours there is no 'close'.
    const exit = once(child, 'exit');
    await outputWith(child, 'point clients here\n');
    const closing = outputWith(child, 'closing\n');
    child.disconnect();
    await closing;
    assert.deepEqual(await exit, [0, null]);
  });

  it('takes one Ctrl-C that arrives twice for one, and exits 130 at a second one', async () => {
    const twice = startServer('ordinary');
    const done = finish(twice);
    await outputWith(twice, 'point clients here\n');
    twice.kill('SIGINT');
    twice.kill('SIGINT');
    assert.equal((await done).code, 0);
    const hanging = startServer('hanging');
    const ended = finish(hanging);
    await outputWith(hanging, 'listening');
    hanging.kill('SIGINT');
    // Beyond the time in which two signals are one keypress.
    await sleep(500);
    hanging.kill('SIGINT');
    assert.equal((await ended).code, 130);
  });

  it('prints JSON on demand', async () => {
    const child = startServer('ordinary', '--json');
    const done = finish(child);
    const line = await outputWith(child, '\n');
    child.kill('SIGTERM');
    await done;
    assert.deepEqual(JSON.parse(line), {
      url: 'http://127.0.0.1:2015',
      lines: ['sandbox: none', 'point clients here'],
    });
  });

  it('fails with the reason and what mends it', async () => {
    const { code, stdout, stderr } = await finish(startServer('refused'));
    assert.deepEqual([code, stdout], [1, '']);
    assert.deepEqual(JSON.parse(stderr), ['the data folder cannot be written', 'to mend that: chmod']);
  });

  it('says a wrong setting in one line, exit 1', async () => {
    for (const [args, says] of [
      [['--port', '70000'], /^lambdad: --port: "70000" is not a whole number from 0 to 65535$/m],
      [['--frob'], /^lambdad: Unknown option '--frob'$/m],
      [['--auth', 'open', '--host', '0.0.0.0'], /^lambdad: --auth open is only for a loopback address/m],
    ] as const) {
      const { code, stderr } = await runCommand(['start', ...args]);
      assert.equal(code, 1);
      assert.match(stderr, says);
      assert.equal(stderr.split('\n').length, 3, 'the line and where the help is');
    }
  });
});
