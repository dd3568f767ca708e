/** What one invoke or one tenant leaves behind: processes, files, links. None of it meets the next one, or the host. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DeleteFunctionCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { openOutput, openSandbox, openWorkshop, runShell } from '../../native/launcher-harness.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const skip = process.platform === 'linux' ? false : 'sandboxes of namespaces are a feature of Linux';
const BACKGROUND = `lambdad-background-${process.pid}`;

/** Starts a process that belongs to no group of its runtime's and ends with nobody; or says what runs. */
const DAEMON = `
import fs from 'node:fs';
import { spawn } from 'node:child_process';
const running = () => fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).map((pid) => {
  try { return fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8'); } catch { return ''; }
});
export const handler = async ({ start }) => {
  if (!start) return running().filter((line) => line.includes('${BACKGROUND}'));
  const args = ['sh', '-c', 'exec 1>&- 2>&-; while :; do sleep 1; done', '${BACKGROUND}'];
  spawn('setsid', args, { stdio: 'ignore', detached: true }).unref();
  if (start === 'and hang') await new Promise((resolve) => setTimeout(resolve, 60_000));
  process.exit(1);
};`;

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});

after(async () => {
  await server?.stop();
});

/** Command lines of this machine that hold a text. */
function commandsWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(text));
}

describe('what is left behind', { skip }, () => {
  for (const start of ['and hang', 'and exit'] as const) {
    test(`a background process does not outlive its invoke (${start})`, async () => {
      const name = `daemon-${start.replaceAll(' ', '-')}`;
      await createFunction(client, name, { Timeout: 5, files: { 'index.mjs': DAEMON } });
      const { error } = await invokeFunction(client, name, { start });
      assert.equal(error, 'Unhandled');
      assert.deepEqual(commandsWith(BACKGROUND), []);
      assert.deepEqual((await invokeFunction(client, name)).payload, []);
    });
  }

  test('without the sweep through the sandbox it would', async () => {
    using workshop = openWorkshop();
    await using sandbox = await openSandbox(workshop, process.getuid?.() === 0 ? 'root' : 'userns');
    const output = openOutput(sandbox, 20);
    const shell = `setsid sh -c 'echo up; exec 1>&- 2>&-; while :; do sleep 1; done' ${BACKGROUND} & exec sleep 60`;
    sandbox.send(['start', 'runtime', 'arg', '/bin/sh', 'arg', '-c', 'arg', shell, 'env', 'PATH=/usr/bin:/bin']);
    await output.until('up');
    // The pipe has one reader at a time, and the next one wants all of it.
    output[Symbol.dispose]();
    sandbox.send(['signal', 'runtime', 'SIGKILL']);
    await sandbox.answer((answer) => answer['exit'] === 'runtime');
    const { output: seen } = await runShell(sandbox, `cat /proc/[0-9]*/cmdline | tr '\\0' ' '`);
    assert.ok(seen.includes(BACKGROUND), seen);
    sandbox.send(['killall']);
    await sandbox.answer((answer) => answer['killed'] === true);
    assert.deepEqual(commandsWith(BACKGROUND), []);
  });

  test('what an earlier tenant left is gone for the next', async () => {
    const files = {
      'index.mjs': `
import fs from 'node:fs';
import net from 'node:net';
const path = String.fromCharCode(0) + 'left';
const taken = () => new Promise((resolve) => {
  const socket = net.connect({ path });
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});
export const handler = async ({ leave }) => {
  if (leave) {
    fs.writeFileSync('/tmp/left', 'x');
    fs.mkdirSync('/tmp/folder/deeper', { recursive: true });
    await new Promise((resolve) => net.createServer().listen({ path }, resolve));
  }
  return { files: fs.readdirSync('/tmp'), socket: await taken() };
};`,
    };
    await createFunction(client, 'earlier', { files });
    const left = (await invokeFunction(client, 'earlier', { leave: true })).payload;
    assert.deepEqual(left, { files: ['folder', 'left'], socket: true });
    await client.send(new DeleteFunctionCommand({ FunctionName: 'earlier' }));
    await createFunction(client, 'earlier', { files });
    assert.deepEqual((await invokeFunction(client, 'earlier')).payload, { files: [], socket: false });
  });

  test('a link in /tmp leads no clean-up of the host anywhere', async () => {
    const host = mkdtempSync(join(tmpdir(), 'lambdad-precious-'));
    const kept = join(host, 'kept');
    try {
      writeFileSync(kept, 'x');
      const files = {
        'index.mjs': `
import fs from 'node:fs';
export const handler = async ({ host }) => {
  fs.symlinkSync(host, '/tmp/link');
  fs.symlinkSync(host + '/kept', '/tmp/file');
  fs.mkdirSync('/tmp/deep');
  fs.symlinkSync('../../../../../../' + host, '/tmp/deep/link');
  return fs.readdirSync('/tmp');
};`,
      };
      await createFunction(client, 'linker', { files });
      const { payload } = await invokeFunction(client, 'linker', { host });
      assert.deepEqual(payload, ['deep', 'file', 'link']);
      await client.send(new DeleteFunctionCommand({ FunctionName: 'linker' }));
      // Once this one has answered, the environment of the other is being taken away, or is gone.
      await createFunction(client, 'afterwards', { files: { 'index.mjs': 'export const handler = async () => 1;' } });
      assert.equal((await invokeFunction(client, 'afterwards')).payload, 1);
      await server.stop();
      assert.equal(existsSync(kept), true);
      // Whoever cleaned up by following links would have removed it.
      const naive = join(host, 'naive');
      mkdirSync(naive);
      symlinkSync(host, join(naive, 'link'));
      for (const entry of readdirSync(join(naive, 'link'))) if (entry === 'kept') rmSync(join(naive, 'link', entry));
      assert.equal(existsSync(kept), false);
    } finally {
      rmSync(host, { recursive: true, force: true });
    }
  });
});
