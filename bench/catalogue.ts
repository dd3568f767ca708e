/** What the number of functions costs: reads, start-up and memory; and what taking in a package costs. */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListFunctionsCommand, type ListFunctionsCommandOutput } from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../test/support/server.ts';
import { zipOf } from '../test/support/zip.ts';
import { apiRequest, onServer, startBareServer } from './bench-server.ts';
import { makeFolder, nameOf } from './catalogue-folder.ts';
import { type Block, median, type Row, row } from './statistics.ts';
import { load } from './warm.ts';

const FEW = 10;
const MANY = 10_000;

const READ_BLOCKS = 3;
const BLOCK_SECONDS = 1;
const WARM_UP_SECONDS = 2;
const START_BLOCKS = 3;
const CREATE_BLOCKS = 3;
const CREATES_PER_BLOCK = 8;
const PACKAGE_BYTES = 1_000_000;
const SETTLE_MS = 1_500;

async function reads(few: TestServer, many: TestServer): Promise<Row[]> {
  const paths = {
    GetFunction: `/2015-03-31/functions/${nameOf(FEW / 2)}`,
    'ListFunctions of 50': '/2015-03-31/functions/?MaxItems=50',
  };
  const rows: Row[] = [];
  for (const [what, path] of Object.entries(paths)) {
    // Ten functions make a page of ten: the page of the many is cut to as many.
    const asked = what === 'GetFunction' ? path : path.replace('50', String(FEW));
    const requests = [few, many].map(({ url }) => ({
      port: Number(new URL(url).port),
      request: apiRequest(new URL(url).host, 'GET', asked),
    }));
    const [small, large] = requests as [(typeof requests)[0], (typeof requests)[0]];
    for (const { port, request } of requests) await load(port, 1, request, { seconds: WARM_UP_SECONDS });
    const blocks: { ours: number; bare: number }[] = [];
    for (let block = 0; block < READ_BLOCKS; block++)
      blocks.push({
        bare: (await load(small.port, 1, small.request, { seconds: BLOCK_SECONDS })).p50Ms,
        ours: (await load(large.port, 1, large.request, { seconds: BLOCK_SECONDS })).p50Ms,
      });
    rows.push(row(`${what.replace('50', String(FEW))}, ${MANY} functions against ${FEW}`, 'ms', '≤ 1.5', blocks));
  }
  return rows;
}

/** Every page of the list by position, the first against the last: a page costs the same wherever it stands. */
async function pages(many: TestServer): Promise<Row> {
  const client = many.client();
  const blocks: Block[] = [];
  for (let block = 0; block < READ_BLOCKS; block++) {
    const timed: number[] = [];
    for (let Marker: string | undefined; ; ) {
      const started = performance.now();
      const answer: ListFunctionsCommandOutput = await client.send(new ListFunctionsCommand({ Marker, MaxItems: 50 }));
      timed.push(performance.now() - started);
      Marker = answer.NextMarker;
      if (Marker === undefined) break;
    }
    const tenth = Math.floor(timed.length / 10);
    blocks.push({ ours: median(timed.slice(-tenth)), bare: median(timed.slice(tenth, 2 * tenth)) });
  }
  return row(`ListFunctions of 50 of ${MANY}, last pages against early ones`, 'ms', '≤ 1.5', blocks);
}

async function startMs(dataDir: string): Promise<number> {
  const started = performance.now();
  const server = await startTestServer({ dataDir });
  const tookMs = performance.now() - started;
  await server.stop();
  return tookMs;
}

/** Resident memory of the server, all its threads included, without the sandboxes that stand by. */
function residentKb({ pid }: TestServer): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** At rest after a start, with everything in the cache that finds room there. */
async function memory(none: string, many: string): Promise<Row> {
  const restingKb = async (dataDir: string) => {
    const server = await startTestServer({ dataDir });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const kb = residentKb(server);
    await server.stop();
    return kb;
  };
  const blocks: { ours: number; bare: number }[] = [];
  for (let block = 0; block < 3; block++) {
    const empty = await restingKb(none);
    blocks.push({ ours: ((await restingKb(many)) - empty) / MANY, bare: 1 });
  }
  return row('memory of a function at rest, against 1 KB', 'KB', '≤ 10', blocks);
}

function post(port: number, agent: Agent, path: string, body: string): Promise<number> {
  const authorization =
    'AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/lambda/aws4_request, ' +
    `SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const headers = { Authorization: authorization, 'Content-Length': Buffer.byteLength(body) };
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path, agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => {
        if (answer.statusCode === 201) resolve(performance.now() - started);
        else reject(new Error(`${path}: ${answer.statusCode}`));
      });
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

/** A package that nobody has seen: bytes that cannot be packed. */
async function createBody(name: string): Promise<string> {
  const zip = await zipOf({
    'index.mjs': 'export const handler = 1;\n',
    data: randomFillSync(Buffer.alloc(PACKAGE_BYTES)),
  });
  const settings = { Runtime: 'nodejs24.x', Handler: 'index.handler', Role: 'arn:aws:iam::000000000000:role/bench' };
  return JSON.stringify({ FunctionName: name, ...settings, Code: { ZipFile: zip.toString('base64') } });
}

async function creates(server: TestServer): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const bare = await startBareServer('bare-upload-server.ts', [folder]);
  const agent = new Agent({ keepAlive: true });
  const port = Number(new URL(server.url).port);
  const path = '/2015-03-31/functions';
  const blocks: { ours: number; bare: number }[] = [];
  try {
    for (let block = 0; block <= CREATE_BLOCKS; block++) {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let n = 0; n < CREATES_PER_BLOCK; n++) {
        const body = await createBody(`c-${block}-${n}`);
        theirs.push(await post(bare.port, agent, path, body));
        ours.push(await post(port, agent, path, body));
      }
      // The first block warms both up.
      if (block > 0) blocks.push({ ours: median(ours), bare: median(theirs) });
    }
  } finally {
    agent.destroy();
    bare.stop();
    rmSync(folder, { recursive: true });
  }
  return row('CreateFunction of 1 MB', 'ms', '≤ 3', blocks);
}

export async function benchCatalogue(): Promise<Row[]> {
  const none = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const [few, many] = [await makeFolder(FEW), await makeFolder(MANY)];
  try {
    const rows = [await onServer(creates)];
    const servers = await Promise.all([few, many].map((dataDir) => startTestServer({ dataDir })));
    const [small, large] = servers as [TestServer, TestServer];
    rows.push(...(await reads(small, large)), await pages(large));
    for (const server of servers) await server.stop();
    const starts: { ours: number; bare: number }[] = [];
    for (let block = 0; block < START_BLOCKS; block++)
      starts.push({ bare: await startMs(none), ours: await startMs(many) });
    rows.push(row(`start with ${MANY} functions against none`, 'ms', '≤ 2', starts));
    if (process.platform === 'linux') rows.push(await memory(none, many));
    return rows;
  } finally {
    for (const dataDir of [none, few, many]) rmSync(dataDir, { recursive: true, force: true });
  }
}
