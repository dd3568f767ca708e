/** Warm invokes against bare node:http that answers the same payload in process, in interleaved blocks. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { type Credentials, signedHeaders } from '../src/protocol/sign-request.ts';
import { pythonRicLayer, skipWithoutPythonRic } from '../test/runtimes/ric-clients.ts';
import { startTestServer, type TestServer } from '../test/support/server.ts';
import { root } from '../test/support/source-tree.ts';
import { coldStartsOf, fewestColdStarts, readTrace } from '../test/support/trace-replay.ts';
import type { Aim } from './aim.ts';
import { benchFile, deploy, invokeRequest, onServer, startBareServer } from './bench-server.ts';
import { makeFolder } from './catalogue-folder.ts';
import { type MissingRow, type Row, row } from './statistics.ts';
import { hasWrk, loadByWrk } from './wrk.ts';

const BLOCKS = 5;
const BLOCK_SECONDS = 1.5;
const FEW_BLOCKS = { count: 3 };
/** As heavy as what is measured: with less, the compiler is still at work within the blocks. */
const WARM_UP_SECONDS = 6;
/** What has been at rest since. */
const BACK_AT_WORK_SECONDS = 2;
const MEGABYTE = 1_000_000;
const FUNCTIONS = 10_000;
const IDLE_ENVIRONMENTS = 300;
/** After so long a server that has made them is one that merely has them. */
const AT_REST_MS = 45_000;
const HOLDING = 'holding';
/** Longer than it takes to start them all on a machine with little else to do. */
const IDLE_HOLD_MS = 12_000;
const IDLE_HOLDS_MAX = 5;
const HELLO = { 'index.mjs': "export const handler = async () => ({ hello: 'world' });\n" };
const EVENT = JSON.stringify({ key1: 'value1', key2: 'value2', key3: 'value3' });

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

export async function load(
  port: number,
  connections: number,
  request: string,
  { seconds = BLOCK_SECONDS, status = 200 }: { readonly seconds?: number; readonly status?: number } = {},
): Promise<Load> {
  const args = [benchFile('load.ts'), '127.0.0.1', ...[port, connections, seconds, status].map(String)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(request, 'latin1');
  const result = JSON.parse(await text(child.stdout)) as Load;
  if (result.failures > 0) throw new Error(`${result.failures} requests failed`);
  return result;
}

/** By wrk, or by our own generator where there is no wrk. */
async function steadyLoad(port: number, connections: number, request: string, seconds: number): Promise<Load> {
  const result = hasWrk
    ? await loadByWrk(port, connections, request, Math.floor(seconds))
    : await load(port, connections, request, { seconds });
  if (result.failures > 0) throw new Error(`${result.failures} requests failed`);
  return result;
}

/** Interleaved blocks of the same load; `bare` is what the other one is held against. */
async function blocks(
  ours: { readonly port: number; readonly request: string },
  bare: { readonly port: number; readonly request: string },
  connections: number,
  { count = BLOCKS, seconds = BLOCK_SECONDS }: { readonly count?: number; readonly seconds?: number } = {},
): Promise<readonly { readonly ours: Load; readonly bare: Load }[]> {
  const done: { ours: Load; bare: Load }[] = [];
  for (let block = 0; block < count; block++)
    done.push({
      ours: await steadyLoad(ours.port, connections, ours.request, seconds),
      bare: await steadyLoad(bare.port, connections, bare.request, seconds),
    });
  return done;
}

function rowOf(
  what: string,
  unit: 'req/s' | 'ms' | 'MB/s',
  aim: Aim,
  done: readonly { readonly ours: Load; readonly bare: Load }[],
  figure: (load: Load) => number,
): Row {
  return row(
    what,
    unit,
    aim,
    done.map(({ ours, bare }) => ({ ours: figure(ours), bare: figure(bare) })),
  );
}

const perSecond = (load: Load) => load.perSecond;
const portOf = (server: TestServer) => Number(new URL(server.url).port);

/** The small event on one function, against the yardstick; steady state: all of its processes have their code compiled. */
async function hello(server: TestServer, barePort: number): Promise<Row[]> {
  const port = portOf(server);
  await deploy(server.client(), { name: 'node-hello', runtime: 'nodejs24.x', handler: 'index.handler', files: HELLO });
  const request = invokeRequest(`127.0.0.1:${port}`, 'node-hello', EVENT);
  const [ours, bare] = [
    { port, request },
    { port: barePort, request },
  ];
  for (const warmed of [ours, bare]) await steadyLoad(warmed.port, 16, request, WARM_UP_SECONDS);
  const one = await blocks(ours, bare, 1);
  const sixteen = await blocks(ours, bare, 16);
  return [
    rowOf('warm node-hello, 16 connections', 'req/s', '≥ 0.45', sixteen, perSecond),
    rowOf('warm node-hello, 1 connection, p50', 'ms', '≤ 1.8', one, ({ p50Ms }) => p50Ms),
    rowOf('warm node-hello, 1 connection, p99', 'ms', '≤ 4', one, ({ p99Ms }) => p99Ms),
  ];
}

/** A body of a megabyte, echoed. */
async function megabyte(server: TestServer): Promise<Row[]> {
  const bare = await startBareServer('bare-server.ts', ['echo']);
  try {
    const port = portOf(server);
    const files = { 'index.mjs': 'export const handler = async (event) => event;\n' };
    await deploy(server.client(), { name: 'node-echo', runtime: 'nodejs24.x', handler: 'index.handler', files });
    const request = invokeRequest(`127.0.0.1:${port}`, 'node-echo', JSON.stringify('x'.repeat(MEGABYTE)));
    await load(port, 4, request, { seconds: 2 });
    const done = await blocks({ port, request }, { port: bare.port, request }, 4, FEW_BLOCKS);
    return [rowOf('warm, 1 MB each way, 4 connections', 'MB/s', '≥ 0.5', done, ({ perSecond }) => 2 * perSecond)];
  } finally {
    bare.stop();
  }
}

/** Amazon's own client for Python, unmodified, in a function of `provided.al2023`. */
async function official(server: TestServer, barePort: number): Promise<(Row | MissingRow)[]> {
  const [what, aim] = ['warm, awslambdaric of Amazon, 16 connections', '≥ 0.10'] as const;
  if (skipWithoutPythonRic) return [{ what, aim, lacks: skipWithoutPythonRic }];
  const client = server.client();
  const published = await client.send(
    new PublishLayerVersionCommand({ LayerName: 'ric', Content: { ZipFile: await pythonRicLayer() } }),
  );
  const start = 'export PYTHONPATH=/opt/ric PYTHONDONTWRITEBYTECODE=1';
  await deploy(client, {
    name: 'official',
    runtime: 'provided.al2023',
    handler: 'app.handler',
    files: {
      bootstrap: { content: `#!/bin/sh\n${start}\nexec /usr/bin/python3 -m awslambdaric "$_HANDLER"\n`, mode: 0o755 },
      'app.py': "def handler(event, context):\n    return {'hello': 'world'}\n",
    },
    layers: [published.LayerVersionArn ?? ''],
  });
  const port = portOf(server);
  const request = invokeRequest(`127.0.0.1:${port}`, 'official', EVENT);
  await steadyLoad(port, 16, request, WARM_UP_SECONDS);
  const done = await blocks({ port, request }, { port: barePort, request }, 16, FEW_BLOCKS);
  return [rowOf(what, 'req/s', aim, done, perSecond)];
}

/** The same bytes with a signature that is verified each time. */
async function signed(barePort: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const file = join(folder, 'credentials.json');
  const key = { accessKeyId: 'AKIDBENCH', secretAccessKey: 'a secret of the bench', account: '000000000000' };
  writeFileSync(file, JSON.stringify({ keys: [key] }), { mode: 0o600 });
  const measure = async (server: TestServer) => {
    const files = HELLO;
    const client = server.client({ credentials: key });
    await deploy(client, { name: 'node-hello', runtime: 'nodejs24.x', handler: 'index.handler', files });
    const port = portOf(server);
    const request = signedRequest(`127.0.0.1:${port}`, key);
    await steadyLoad(port, 16, request, WARM_UP_SECONDS);
    const done = await blocks({ port, request }, { port: barePort, request }, 16, FEW_BLOCKS);
    return [rowOf('warm node-hello, signed, 16 connections', 'req/s', '≥ 0.30', done, perSecond)];
  };
  try {
    return await onServer(measure, { args: ['--auth', 'sigv4', '--credentials', file] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function signedRequest(host: string, key: Credentials): string {
  const path = '/2015-03-31/functions/node-hello/invocations';
  const body = Buffer.from(EVENT);
  const digest = createHash('sha256').update(body).digest('hex');
  const given = { host, 'content-type': 'application/json', 'x-amz-content-sha256': digest };
  const where = { region: 'us-east-1', service: 'lambda' };
  const headers = signedHeaders({ method: 'POST', path, query: '', headers: given, body }, key, where, Date.now());
  const lines = Object.entries({ ...headers, 'content-length': body.length }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${EVENT}`;
}

/** What an invoke costs beside many functions, and beside many idle environments, against one that is alone. */
async function crowd(): Promise<Row[]> {
  const manyFolder = await makeFolder(FUNCTIONS);
  const servers = await Promise.all([
    startTestServer(),
    startTestServer({ dataDir: manyFolder }),
    startTestServer({ args: ['--concurrency', String(2 * IDLE_ENVIRONMENTS)] }),
  ]);
  try {
    const targets: { port: number; request: string }[] = [];
    for (const server of servers) {
      const port = portOf(server);
      await deploy(server.client(), { name: 'alone', runtime: 'nodejs24.x', handler: 'index.handler', files: HELLO });
      targets.push({ port, request: invokeRequest(`127.0.0.1:${port}`, 'alone', EVENT) });
    }
    await makeIdle(servers[2] as TestServer);
    const madeMs = performance.now();
    for (const { port, request } of targets) await steadyLoad(port, 4, request, WARM_UP_SECONDS);
    const [alone, functions, idle] = targets as [(typeof targets)[0], (typeof targets)[0], (typeof targets)[0]];
    const short = { count: 7, seconds: 1 };
    const beside = async (what: string, target: typeof idle) =>
      rowOf(
        `warm beside ${what} against alone, p50`,
        'ms',
        '≤ 1.05',
        await blocks(target, alone, 4, short),
        ({ p50Ms }) => p50Ms,
      );
    const besideFunctions = await beside(`${FUNCTIONS} functions`, functions);
    // What their start has left to do is done by then, and as many sandboxes wait as do otherwise.
    await new Promise((resolve) => setTimeout(resolve, madeMs + AT_REST_MS - performance.now()));
    await steadyLoad(idle.port, 4, idle.request, BACK_AT_WORK_SECONDS);
    return [besideFunctions, await beside(`${IDLE_ENVIRONMENTS} idle environments`, idle)];
  } finally {
    for (const server of servers) await server.stop();
    rmSync(manyFolder, { recursive: true, force: true });
  }
}

/** As many at once as are wanted: each holds its own environment for a while. Those that are there help to make the others. */
async function makeIdle(server: TestServer): Promise<void> {
  const files = {
    'index.mjs': `export const handler = ({ untilMs }) => new Promise((resolve) => setTimeout(resolve, untilMs - Date.now(), 1));\n`,
  };
  await deploy(server.client(), { name: HOLDING, runtime: 'nodejs24.x', handler: 'index.handler', files });
  const port = portOf(server);
  for (let holds = 0; holds < IDLE_HOLDS_MAX; holds++) {
    const event = JSON.stringify({ untilMs: Date.now() + IDLE_HOLD_MS });
    await load(port, IDLE_ENVIRONMENTS, invokeRequest(`127.0.0.1:${port}`, HOLDING, event), { seconds: 0.001 });
    if ((await idleEnvironments(server)) >= IDLE_ENVIRONMENTS) return;
  }
  throw new Error(`there are no ${IDLE_ENVIRONMENTS} idle environments`);
}

async function idleEnvironments({ url }: TestServer): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  const isOfHolding = (line: string) => line.includes(`"${HOLDING}"`) && line.includes('state="idle"');
  const line = lines.find((each) => each.startsWith('lambdad_environments{') && isOfHolding(each));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}

export async function* benchWarm(): AsyncGenerator<Row | MissingRow> {
  const bare = await startBareServer();
  try {
    yield* await onServer(async (server) => [
      ...(await hello(server, bare.port)),
      ...(await megabyte(server)),
      ...(await official(server, bare.port)),
    ]);
    yield* await signed(bare.port);
    if (process.platform === 'linux') yield* await crowd();
    yield* await replayed();
  } finally {
    bare.stop();
  }
}

/** The pool's cold starts on a recorded trace, where it is beside the checkout, against the fewest possible. */
async function replayed(): Promise<(Row | MissingRow)[]> {
  const [what, aim] = ['cold starts of a replayed trace', '≤ 1.05'] as const;
  const file = join(root, '..', 'shared', 'traces', 'invocations-200.csv');
  if (!existsSync(file)) return [{ what, aim, lacks: 'the trace beside the checkout' }];
  const trace = readTrace(file);
  const done: { ours: number; bare: number }[] = [];
  for (const idleMs of [60_000, 300_000, 600_000])
    done.push({ ours: await coldStartsOf(trace, idleMs), bare: fewestColdStarts(trace, idleMs) });
  return [row(what, '', aim, done)];
}
