import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { skipUnless } from '../support/requirement.ts';

/**
 * A machine's network to try things on: the test file runs itself again in network and mount namespaces of its own, which
 * go with it. There the test is on a "host" with two interfaces; behind one is an "internet" with a web server, behind
 * the other a neighbour in the same building.
 */
export const WEB = '203.0.113.1';
export const HOST = '203.0.113.2';
export const HOST_LAN = '192.168.77.5';
export const NEIGHBOUR = '192.168.77.6';
export const METADATA = '169.254.169.254';
export const METADATA_V6 = 'fd00:ec2::254';
export const HOST_V6 = 'fd00:77::2';

const MARK = 'LAMBDAD_TEST_DISPOSABLE_NETWORK';
const RUN_MS_MAX = 240_000;
const READY_MS_MAX = 10_000;
const LOOK_MS = 20;

const isRoot = process.getuid?.() === 0;
const needed = ['ip', 'unshare', 'nsenter', 'nft', 'mount'];

function lacking(): string | undefined {
  if (process.platform !== 'linux' || !isRoot) return 'network namespaces need root on Linux';
  const missing = needed.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length > 0) return `${missing.join(', ')} is not installed`;
  const trial = spawnSync('unshare', ['--net', '--mount', 'true']);
  return trial.status === 0 ? undefined : 'this machine makes no network namespaces';
}

/**
 * True inside. Outside it registers one test, which runs the file inside and fails with it. `programs`: what the file
 * needs besides.
 */
export function isInDisposableNetwork(file: string, programs: readonly string[] = []): boolean {
  if (process.env[MARK] !== undefined) return true;
  const missing = programs.filter((program) => !existsSync(`/usr/bin/${program}`)).join(', ');
  const reason = lacking() ?? (missing === '' ? undefined : `${missing} is not installed`);
  test('in a network of its own', {
    skip: skipUnless(reason === undefined, reason ?? ''),
    timeout: RUN_MS_MAX,
  }, async () => {
    const env: NodeJS.ProcessEnv = { ...process.env, [MARK]: 'inside' };
    // For the runner around this is one test, and no reports come from beneath it.
    delete env['NODE_TEST_CONTEXT'];
    const child = spawn('unshare', ['--net', '--mount', process.execPath, file], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, output);
  });
  return false;
}

export function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A command's output inside the network of another process. */
export function inside(pid: number, ...words: string[]): string {
  return execFileSync('nsenter', ['-t', String(pid), '-n', ...words], { encoding: 'utf8' });
}

export interface Internet {
  /** Processes in whose networks the web server and the neighbour are. */
  readonly web: number;
  readonly neighbour: number;
  close(): void;
}

// Answers with the address that it sees.
const WEB_SERVER = `
require('node:http').createServer((request, response) => response.end(request.socket.remoteAddress))
  .listen(80, '::', () => console.log('ready'));`;
const NOTHING = "console.log('ready'); setInterval(() => {}, 1000);";

async function spawnInNewNetwork(script: string): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

/** Builds both networks around the one that this process is in. */
export async function openInternet(): Promise<Internet> {
  ip('link', 'set', 'lo', 'up');
  const web = await spawnInNewNetwork(WEB_SERVER);
  const neighbour = await spawnInNewNetwork(NOTHING);
  const [webPid, neighbourPid] = [web.pid ?? 0, neighbour.pid ?? 0];
  ip('link', 'add', 'wan0', 'type', 'veth', 'peer', 'name', 'wan1', 'netns', String(webPid));
  ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1', 'netns', String(neighbourPid));
  for (const [name, ...addresses] of [
    ['wan0', `${HOST}/24`, `${HOST_V6}/64`],
    ['lan0', `${HOST_LAN}/24`],
  ] as const) {
    for (const address of addresses)
      ip('address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : []));
    ip('link', 'set', name, 'up');
  }
  for (const words of [
    ['address', 'add', `${WEB}/24`, 'dev', 'wan1'],
    ['address', 'add', `${METADATA}/32`, 'dev', 'wan1'],
    ['address', 'add', 'fd00:77::1/64', 'dev', 'wan1', 'nodad'],
    ['address', 'add', `${METADATA_V6}/128`, 'dev', 'wan1', 'nodad'],
    ['link', 'set', 'lo', 'up'],
    ['link', 'set', 'wan1', 'up'],
    // So that only rules, not the lack of a way back, keep the neighbour away.
    ['route', 'add', '192.168.77.0/24', 'via', HOST],
  ])
    inside(webPid, 'ip', ...words);
  inside(neighbourPid, 'ip', 'address', 'add', `${NEIGHBOUR}/24`, 'dev', 'lan1');
  inside(neighbourPid, 'ip', 'link', 'set', 'lan1', 'up');
  inside(neighbourPid, 'ip', 'route', 'add', 'default', 'via', HOST_LAN);
  ip('route', 'add', 'default', 'via', WEB);
  ip('-6', 'route', 'add', 'default', 'via', 'fd00:77::1');
  return {
    web: webPid,
    neighbour: neighbourPid,
    close: () => {
      web.kill('SIGKILL');
      neighbour.kill('SIGKILL');
    },
  };
}

/** Something of the host that answers on every address of both families. */
export async function openHostService(): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('the host'));
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, server };
}

/** Puts a file of a test over one of the machine, in this mount namespace alone. */
export function cover(path: string, content: string): void {
  const source = `/tmp/lambdad-cover-${process.pid}-${path.replaceAll('/', '-')}`;
  writeFileSync(source, content, { mode: 0o644 });
  execFileSync('mount', ['--bind', source, path]);
  execFileSync('rm', [source]);
}

/** A device that ordinary users may open, as distributions make it. */
export function openTunnelDevice(): void {
  mkdirSync('/dev/net', { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/dev/net']);
  execFileSync('mknod', ['-m', '666', '/dev/net/tun', 'c', '10', '200']);
}

/** Whether the interface forwards IPv4; "all" is the machine's switch. */
export function forwards(name: string): boolean {
  return readFileSync(`/proc/sys/net/ipv4/conf/${name}/forwarding`, 'utf8').trim() === '1';
}

/** Names of lambdad's firewall tables here. */
export function tables(): string[] {
  const listed = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' });
  return [...listed.matchAll(/^table inet (lambdad-\S+)/gm)].map(([, name = '']) => name);
}

/** Host's ends of sandboxes' links. */
export function links(): string[] {
  const listed = execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' });
  return [...listed.matchAll(/^\d+: (lmbd[0-9a-f]+)/gm)].map(([, name = '']) => name);
}

/** Waits until it is so; fails after READY_MS_MAX. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const started = performance.now(); !isSo(); await new Promise((resolve) => setTimeout(resolve, LOOK_MS)))
    assert.ok(performance.now() - started < READY_MS_MAX, `${what}, in time`);
}
