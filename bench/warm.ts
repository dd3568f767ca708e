/** Warm invokes against bare node:http that answers the same payload in process, in interleaved blocks. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { TestServer } from '../test/support/server.ts';
import { benchFile, deploy, invokeRequest, onServer, startBareServer } from './bench-server.ts';
import { type Row, row } from './statistics.ts';

const BLOCKS = 5;
const BLOCK_SECONDS = 2;
const WARM_UP_SECONDS = 8;
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

async function compare(server: TestServer, barePort: number, name: string): Promise<Row[]> {
  const port = Number(new URL(server.url).port);
  const request = invokeRequest(`127.0.0.1:${port}`, name, EVENT);
  const rate: { ours: number; bare: number }[] = [];
  const p50: { ours: number; bare: number }[] = [];
  const p99: { ours: number; bare: number }[] = [];
  // Steady state is what is compared: each of the 16 function processes has its code compiled first, and so has the server.
  for (const warmed of [port, barePort]) await load(warmed, 16, request, { seconds: WARM_UP_SECONDS });
  for (let block = 0; block < BLOCKS; block++) {
    const ours1 = await load(port, 1, request);
    const bare1 = await load(barePort, 1, request);
    const ours16 = await load(port, 16, request);
    const bare16 = await load(barePort, 16, request);
    rate.push({ ours: ours16.perSecond, bare: bare16.perSecond });
    p50.push({ ours: ours1.p50Ms, bare: bare1.p50Ms });
    p99.push({ ours: ours1.p99Ms, bare: bare1.p99Ms });
  }
  return [
    row(`warm ${name}, 16 connections`, 'req/s', '≥ 0.25', rate),
    row(`warm ${name}, 1 connection, p50`, 'ms', '≤ 5', p50),
    row(`warm ${name}, 1 connection, p99`, 'ms', '', p99),
  ];
}

export function benchWarm(): Promise<Row[]> {
  return onServer(measure);
}

async function measure(server: TestServer): Promise<Row[]> {
  const client = server.client();
  await deploy(client, {
    name: 'node-hello',
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    files: { 'index.mjs': "export const handler = async () => ({ hello: 'world' });\n" },
  });
  const bare = await startBareServer();
  try {
    return await compare(server, bare.port, 'node-hello');
  } finally {
    bare.stop();
  }
}
