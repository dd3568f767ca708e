/**
 * Runs inside namespaces of its own (see battery.test.ts): a small machine with things on it that a function must not reach.
 * First every probe from inside a Node and a Python function of a real server, then every probe once more in sandboxes that lack
 * just the walls that stand before it. Prints one JSON object.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type ProbeWorld, probeWalls } from './probe-layers.ts';
import { probeWithoutWalls } from './sandbox-without-walls.ts';

const SHM_KEY = 0x6c616d62;
const PROCESS_MARK = 'lambdad-neighbour';
/** With which a Node function makes system calls by number. */
export const SYSTEM_PYTHON = '/usr/bin/python3';
const DEVICES = ['/dev/vda', '/dev/sda', '/dev/nvme0n1', '/dev/loop0', '/dev/kmsg'];

export type Outcome = { readonly through?: string; readonly stopped?: string };
export type Outcomes = Readonly<Record<string, Outcome>>;
export interface BatteryReport {
  readonly sandbox: string;
  readonly node: Outcomes;
  readonly python: Outcomes;
  readonly unwalled: Outcomes;
}

const sources = ['probes.py', 'probes_of_sockets.py', 'kernel_calls.py', 'probes.mjs'];
const files = Object.fromEntries(
  sources.map((name) => [name, readFileSync(join(import.meta.dirname, name), 'utf8')]),
) as Record<string, string>;

function fileBelow(directory: string, named: string): string {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true }).find((entry) => entry.name === named);
  if (!found) throw new Error(`no ${named} in ${directory}`);
  return join(found.parentPath, named);
}

/** Answers "reached" to whoever comes, over TCP on every address, UDP, and an abstract socket. */
async function listenEverywhere(abstractName: string): Promise<number> {
  const answer = (socket: Socket) => socket.on('error', () => undefined).end('reached');
  const reached = createServer(answer);
  reached.listen(0, '::');
  await once(reached, 'listening');
  const { port } = reached.address() as { port: number };
  createServer(answer).listen({ path: `\0${abstractName}` });
  const datagrams = createSocket('udp4');
  datagrams.on('message', (_message, from) => datagrams.send('reached', from.port, from.address));
  datagrams.bind(port);
  await once(datagrams, 'listening');
  return port;
}

async function worldOf(server: TestServer, client: LambdaClient): Promise<ProbeWorld> {
  const place = mkdtempSync(join(tmpdir(), 'lambdad-battery-'));
  chmodSync(place, 0o755);
  const sharedTmp = join(place, 'tmp-of-another');
  mkdirSync(sharedTmp);
  writeFileSync(join(sharedTmp, 'left-by-another'), 'x');
  const secretFile = join(place, 'secret');
  writeFileSync(secretFile, 'secret');
  // Below /usr, so that a function sees it wherever it sees the system; the mount is of this machine's own namespace.
  const setuidProgram = '/usr/games/lambdad-id';
  copyFileSync('/usr/bin/id', setuidProgram);
  chmodSync(setuidProgram, 0o4755);
  const neighbour = spawn('sleep', ['600'], { argv0: PROCESS_MARK, env: { MARK: PROCESS_MARK } });
  await once(neighbour, 'spawn');
  const other = {
    'index.mjs':
      "import fs from 'node:fs'; export const handler = async () => fs.writeFileSync('/tmp/left-by-another', 'x');",
    'code-of-another.txt': 'x',
  };
  await createFunction(client, 'another', { files: other });
  await invokeFunction(client, 'another');
  const abstractName = 'lambdad-abstract';
  return {
    secretFile,
    dataFile: fileBelow(server.dataDir, 'data-key'),
    otherCode: fileBelow(server.dataDir, 'code-of-another.txt'),
    tmpMark: 'left-by-another',
    sharedTmp,
    setuidProgram,
    device: DEVICES.find((path) => isReadable(path)) ?? '/dev/kmsg',
    pid: neighbour.pid as number,
    processMark: PROCESS_MARK,
    port: await listenEverywhere(abstractName),
    lanAddress: '192.0.2.77',
    lanAddress6: '2001:db8::77',
    abstractName,
    shmKey: SHM_KEY,
    queueName: 'lambdad-queue',
    keyName: 'lambdad-key',
    // Of the system, so that a function in another language sees it too.
    python: SYSTEM_PYTHON,
  };
}

function isReadable(path: string): boolean {
  try {
    readFileSync(path, { flag: 'r' }).subarray(0, 0);
    return true;
  } catch {
    return false;
  }
}

async function insideFunctions(client: LambdaClient, world: ProbeWorld, runtime: string) {
  const common = { Timeout: 300, MemorySize: 512 };
  const names = Object.keys(probeWalls);
  await createFunction(client, 'node', { ...common, files, Handler: 'probes.handler' });
  await createFunction(client, 'python', { ...common, files, Runtime: runtime as Runtime, Handler: 'probes.handler' });
  const invoke = async (name: string, only: readonly string[]) => {
    const { payload, error } = await invokeFunction(client, name, { ...world, only });
    if (error !== undefined) throw new Error(JSON.stringify(payload));
    return payload as Outcomes;
  };
  const onlyInNode = new Set(['datagram_to_the_host']);
  return {
    node: await invoke('node', names),
    python: await invoke(
      'python',
      names.filter((name) => !onlyInNode.has(name)),
    ),
  };
}

if (hostname() !== 'disposable') throw new Error('this is for a disposable machine only');
const interpreter = await machinePrograms('python', process.env).newest();
if (!interpreter) throw new Error('no Python');
const server = await startTestServer();
const client = server.client();
const world = await worldOf(server, client);
const inside = await insideFunctions(client, world, `python${interpreter.version}`);
const sandbox = /^sandbox: +(.*)$/m.exec(server.stdout())?.[1] ?? '';
const unwalled: Record<string, Outcome> = {};
for (const [name, walls] of Object.entries(probeWalls))
  unwalled[name] = await probeWithoutWalls(name, world, walls, files);
await server.stop();
console.log(JSON.stringify({ sandbox, ...inside, unwalled } satisfies BatteryReport));
process.exit(0);
