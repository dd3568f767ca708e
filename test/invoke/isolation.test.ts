/**
 * What a function must not reach from inside its sandbox. Each probe succeeds on the bare host, where it is tried first:
 * a probe that could not succeed anywhere would prove nothing.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Runs in a function and on the host alike; answers what each probe could do. */
const PROBES = `
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

const connect = (port, host) => new Promise((resolve) => {
  const socket = net.connect({ port, host, timeout: 1000 });
  const end = (result) => { socket.destroy(); resolve(result); };
  socket.on('connect', () => end(true));
  socket.on('timeout', () => end(false));
  socket.on('error', () => end(false));
});
const can = (action) => { try { return action() !== false; } catch { return false; } };

export const probe = async ({ file, folder, port, addresses, pid, writable }) => ({
  readsHostFile: can(() => fs.readFileSync(file)),
  listsHostFolder: can(() => fs.readdirSync(folder)),
  seesHostProcess: can(() => fs.readdirSync('/proc').includes(String(pid)) && fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('lambdad')),
  signalsHostProcess: can(() => process.kill(pid, 0) && fs.readFileSync('/proc/' + pid + '/comm')),
  reachesServerOnLoopback: await connect(port, '127.0.0.1'),
  reachesServerByAddress: (await Promise.all(addresses.map((address) => connect(port, address)))).includes(true),
  writesCode: can(() => fs.writeFileSync(writable + '/index.mjs.probe', 'x')),
  writesSystem: can(() => fs.writeFileSync((writable.startsWith('/var/task') ? '/usr/bin' : writable) + '/lambdad-probe', 'x')),
  seesLocalPrograms: can(() => fs.readdirSync('/usr/local').length > 0),
  seesShadow: can(() => fs.statSync('/etc/shadow')),
  mounts: can(() => execFileSync('mount', ['-t', 'tmpfs', 'none', '/tmp'], { stdio: 'ignore' })),
  unshares: can(() => execFileSync('unshare', ['--user', '--mount', 'true'], { stdio: 'ignore' })),
});
export const handler = probe;
`;

let server: TestServer;
let client: LambdaClient;
const folder = mkdtempSync(join(tmpdir(), 'lambdad-isolation-'));
const listener = createServer((socket) => socket.destroy());

before(async () => {
  server = await startTestServer();
  client = server.client();
  listener.listen(0, '0.0.0.0');
  await once(listener, 'listening');
  writeFileSync(join(folder, 'secret'), 'secret');
  await createFunction(client, 'probe', { Timeout: 20, MemorySize: 256, files: { 'index.mjs': PROBES } });
});

after(async () => {
  listener.close();
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});

function target(writable: string) {
  const addresses = Object.values(networkInterfaces())
    .flat()
    .map((address) => address?.address ?? '')
    .filter((address) => /^\d+\./.test(address) && !address.startsWith('127.'));
  const { port } = listener.address() as { port: number };
  return { file: join(folder, 'secret'), folder, port, addresses, pid: server.pid, writable };
}

async function onHost(): Promise<Record<string, boolean>> {
  writeFileSync(join(folder, 'probe.mjs'), PROBES);
  const script = `import { probe } from ${JSON.stringify(join(folder, 'probe.mjs'))}; console.log(JSON.stringify(await probe(${JSON.stringify(target(folder))})));`;
  // A mount namespace of its own, so that a mount that succeeds does not stay.
  const [command, ...args] =
    process.getuid?.() === 0
      ? ['unshare', '--mount', process.execPath, '--input-type=module', '-e', script]
      : [process.execPath, '--input-type=module', '-e', script];
  const child = spawn(command as string, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(await text(child.stdout)) as Record<string, boolean>;
}

const skip = process.platform === 'linux' ? false : 'sandboxes of namespaces are a feature of Linux';

test('nothing of the host can be reached from inside', { skip, timeout: 60_000 }, async () => {
  const { payload, error } = await invokeFunction(client, 'probe', target('/var/task'));
  assert.equal(error, undefined, JSON.stringify(payload));
  const succeeded = Object.entries(payload as Record<string, boolean>).filter(([, could]) => could);
  assert.deepEqual(succeeded, []);
});

test('every probe can succeed where nothing walls it in', { skip, timeout: 60_000 }, async () => {
  const host = await onHost();
  // Without privileges some need no sandbox to fail, and a machine without another address has nothing to reach.
  const mayFail = new Set(process.getuid?.() === 0 ? [] : ['mounts', 'unshares', 'signalsHostProcess']);
  if (target(folder).addresses.length === 0) mayFail.add('reachesServerByAddress');
  const failed = Object.entries(host).filter(([name, could]) => !could && !mayFail.has(name));
  assert.deepEqual(failed, []);
});

test('what one environment leaves in /tmp is not there for another', { skip }, async () => {
  const files = {
    'index.mjs':
      "import fs from 'node:fs'; export const handler = async ({ write }) => { if (write) fs.writeFileSync('/tmp/left', 'x'); return fs.readdirSync('/tmp'); };",
  };
  await createFunction(client, 'writer', { files });
  await createFunction(client, 'reader', { files });
  assert.deepEqual((await invokeFunction(client, 'writer', { write: true })).payload, ['left']);
  assert.deepEqual((await invokeFunction(client, 'reader')).payload, []);
});
