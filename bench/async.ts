/** Asynchronous invokes: how fast they are accepted, and how long one function's events wait beside another's flood. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { InvokeCommand, type LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { fillBacklog } from '../test/async/backlog.ts';
import { startLedger, tellingFunction } from '../test/async/ledger.ts';
import { startTestServer, type TestServer } from '../test/support/server.ts';
import { apiRequest, deploy, startBareServer } from './bench-server.ts';
import { percentile, type Row, row } from './statistics.ts';
import { load } from './warm.ts';

const BLOCKS = 3;
/** Of the first; what comes after it finds the code compiled. */
const WARM_UP_SECONDS = { 16: 4, 64: 1 } as const;
const CONNECTIONS = [16, 64] as const;
const BODY = JSON.stringify({ text: 'x'.repeat(1000) });
const BACKLOG_EVENTS = 10_000;
const FLOOD_EVENTS = 20_000;
const VICTIM_EVENTS = 200;
const VICTIM_PAUSE_MS = 25;

export async function* benchAsync(): AsyncGenerator<Row> {
  yield* await acceptance();
  yield* await fairness();
  yield await restart();
}

const runtime = 'nodejs24.x' as const;
const handler = 'index.handler';

/** The function does nothing for so long that what is measured is acceptance alone. */
async function acceptance(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-queue-'));
  const server = await startTestServer({ args: ['--shutdown-seconds', '0'] });
  const bare = await startBareServer('bare-queue-server.ts', [folder]);
  try {
    const source = 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 50_000));';
    await deploy(server.client(), { name: 'sleeper', runtime, handler, files: { 'index.mjs': source } });
    const reserved = { FunctionName: 'sleeper', ReservedConcurrentExecutions: 1 };
    await server.client().send(new PutFunctionConcurrencyCommand(reserved));
    const port = Number(new URL(server.url).port);
    const request = eventRequest(port, 'sleeper');
    const rows: Row[] = [];
    for (const connections of CONNECTIONS) {
      for (const warmed of [port, bare.port])
        await load(warmed, connections, request, { status: 202, seconds: WARM_UP_SECONDS[connections] });
      const blocks: { ours: number; bare: number }[] = [];
      for (let block = 0; block < BLOCKS; block++) {
        const ours = await load(port, connections, request, { status: 202 });
        const theirs = await load(bare.port, connections, request, { status: 202 });
        blocks.push({ ours: ours.perSecond, bare: theirs.perSecond });
      }
      rows.push(row(`async accept, ${connections} connections`, 'events/s', '≥ 0.5', blocks));
    }
    return rows;
  } finally {
    bare.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function eventRequest(port: number, name: string): string {
  const request = apiRequest(`127.0.0.1:${port}`, 'POST', `/2015-03-31/functions/${name}/invocations`, BODY);
  return request.replace('\r\n', '\r\nX-Amz-Invocation-Type: Event\r\n');
}

/** From sending an event to its run, as the function tells it; quiet, and beside a backlog of another function. */
async function fairness(): Promise<Row[]> {
  const ledger = await startLedger();
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-bench-flood-'));
  const server = await startTestServer({ dataDir, args: ['--sandbox', 'process', '--shutdown-seconds', '0'] });
  try {
    const client = server.client();
    await deploy(client, { name: 'victim', runtime, handler, files: tellingFunction(ledger.url) });
    const source =
      'export const handler = async () => { for (const until = performance.now() + 5; performance.now() < until; ); };';
    await deploy(client, { name: 'flood', runtime, handler, files: { 'index.mjs': source } });
    const began = new Map<number, number>();
    ledger.judge = ({ event }) => {
      began.set((event as { n: number }).n, performance.now());
      return {};
    };
    await waits(client, began, 0);
    const quietMs = percentile(await waits(client, began, 1), 0.99);
    await fill(server);
    const floodedMs = percentile(await waits(client, began, 2), 0.99);
    await server.stop();
    if (leftIn(join(dataDir, 'events.db')) === 0) throw new Error('the flood ended before it was measured beside');
    return [row("async wait of one function's events, p99", 'ms', '≤ 2.5', [{ ours: floodedMs, bare: quietMs }])];
  } finally {
    await server.stop();
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** From the moment at which a server with a backlog is ready to the first run; beside it, what a start with one event takes. */
async function restart(): Promise<Row> {
  const blocks: { ours: number; bare: number }[] = [];
  for (let block = 0; block < BLOCKS; block++)
    blocks.push({ ours: await firstRunMs(BACKLOG_EVENTS), bare: await firstRunMs(1) });
  return row(`async first run after a restart, ${BACKLOG_EVENTS} events wait`, 'ms', '< 1000 ms', blocks);
}

async function firstRunMs(events: number): Promise<number> {
  const ledger = await startLedger();
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-bench-restart-'));
  const start = () => startTestServer({ dataDir, args: ['--sandbox', 'process', '--shutdown-seconds', '0'] });
  try {
    const first = await start();
    await deploy(first.client(), { name: 'behind', runtime, handler, files: tellingFunction(ledger.url) });
    await first.stop();
    await fillBacklog(dataDir, 'behind', events);
    const server = await start();
    const readyMs = performance.now();
    await ledger.runsOf('behind', 1);
    const waitedMs = performance.now() - readyMs;
    await server.kill();
    return waitedMs;
  } finally {
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function waits(client: LambdaClient, began: ReadonlyMap<number, number>, round: number): Promise<number[]> {
  const sent = new Map<number, number>();
  for (let n = round * VICTIM_EVENTS; n < (round + 1) * VICTIM_EVENTS; n++) {
    sent.set(n, performance.now());
    const input = { FunctionName: 'victim', InvocationType: 'Event', Payload: JSON.stringify({ n }) } as const;
    await client.send(new InvokeCommand(input));
    await new Promise((resolve) => setTimeout(resolve, VICTIM_PAUSE_MS));
  }
  while ([...sent.keys()].some((n) => !began.has(n)))
    await new Promise((resolve) => setTimeout(resolve, VICTIM_PAUSE_MS));
  return [...sent].map(([n, sentMs]) => (began.get(n) ?? Number.NaN) - sentMs);
}

function leftIn(path: string): number {
  const database = new DatabaseSync(path);
  const row = database.prepare('SELECT count(*) AS count FROM item').get();
  database.close();
  return Number(row?.['count']);
}

/** A backlog that outlasts the measurement. */
async function fill(server: TestServer): Promise<void> {
  const port = Number(new URL(server.url).port);
  for (let accepted = 0; accepted < FLOOD_EVENTS; ) {
    const { perSecond } = await load(port, 64, eventRequest(port, 'flood'), { status: 202, seconds: 1 });
    accepted += perSecond;
  }
}
