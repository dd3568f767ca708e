/**
 * Runs inside namespaces of its own (see leaks.test.ts): functions are created, invoked and deleted, a tenth of them failing in
 * every way known, and what the machine holds is counted before and after; then once more after a kill of the server in the
 * middle of it. Prints one JSON object.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CreateFunctionCommand, DeleteFunctionCommand, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';
import { type Holdings, moreThan } from './holdings.ts';

export interface LeakReport {
  readonly rounds: number;
  readonly failures: number;
  readonly before: Holdings;
  readonly after: Holdings;
  readonly afterKill: Holdings;
  /** Below the data folder, that were not there before. */
  readonly newDirectories: readonly string[];
}

const WORKERS = 4;
/** Every tenth round fails, in these ways in turn. */
const FAIL_EVERY = 10;
const SETTLE_MS_MAX = 60_000;
const LOOK_MS = 100;
const LOG_GROUP = '/leaks';

const handler = (body: string, head = '') => `${head}\nexport const handler = async (event) => { ${body} };`;
const good = handler('return 1;');
const failing: readonly { readonly code: string; readonly settings?: object }[] = [
  { code: handler('throw new Error("thrown");') },
  { code: handler('process.exit(3);') },
  { code: handler('process.kill(process.pid, "SIGSEGV"); await new Promise(() => setTimeout(() => {}, 1e6));') },
  { code: handler('await new Promise(() => setTimeout(() => {}, 1e6));'), settings: { Timeout: 1 } },
  { code: handler('const kept = []; for (;;) kept.push(Buffer.alloc(1e7, 1));') },
  { code: handler('', 'throw new Error("at init");') },
  { code: handler('', 'process.exit(1);') },
  { code: 'export const handler = async () => {' },
  { code: good, settings: { Handler: 'index.missing' } },
  { code: good, settings: { Runtime: 'provided.al2023' } },
  { code: handler('return "x".repeat(7_000_000);') },
  {
    code: handler('import("node:child_process").then((m) => m.spawn("sleep", ["600"], { detached: true })); return 1;'),
  },
  {
    code: handler(
      'for (let i = 0; i < 100; i++) fs.writeFileSync("/tmp/" + i, "x"); return 1;',
      'import fs from "node:fs";',
    ),
  },
  { code: handler('await Promise.all([1,2,3].map(() => fetch("http://127.0.0.1:1/").catch(() => 0))); return 1;') },
];

const rounds = Number(process.argv[2]);
let made = 0;
/** Every directory that was ever below the data folder. */
const seen = new Set<string>();
/** How the control groups of this data folder's servers begin; other servers of the machine have others. */
let identity = 'none';

function shell(command: string): string {
  return execFileSync('sh', ['-c', command], { encoding: 'utf8' });
}

function lines(text: string): number {
  return text.split('\n').filter((line) => line.trim() !== '').length;
}

function holdings(server: TestServer): Holdings {
  const own = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const descriptors = readdirSync(`/proc/${server.pid}/fd`);
  const folders = readdirSync(server.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(server.dataDir, join(entry.parentPath, entry.name)));
  for (const folder of folders) seen.add(folder);
  return {
    processes: own.length,
    mounts: lines(readFileSync('/proc/self/mounts', 'utf8')),
    controlGroups: lines(shell(`find /sys/fs/cgroup -type d -name '${identity}*' 2>/dev/null; true`)),
    links: lines(shell('ip -o link')),
    firewallRules: lines(shell('command -v nft >/dev/null && nft -a list ruleset; true')),
    descriptors: descriptors.length,
    sockets: lines(readFileSync(`/proc/${server.pid}/net/tcp`, 'utf8').replace(/^.*: .* 06 .*$/gm, '')),
    directories: readdirSync(server.dataDir, { recursive: true, withFileTypes: true }).filter((it) => it.isDirectory())
      .length,
    loopDevices: lines(shell(`cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep -F '${server.dataDir}'; true`)),
  };
}

/** The first part of the names of our control groups, from what runs in them. */
function identityOf(): string {
  const groups = shell('cat /proc/[0-9]*/cgroup 2>/dev/null; true');
  return /\/(lambdad-[^/-]+-)/.exec(groups)?.[1] ?? 'none';
}

/** Waits until the machine holds no more than `wanted`: environments end behind the answer, and spares are made anew. */
async function settled(server: TestServer, wanted: Holdings): Promise<Holdings> {
  for (const until = Date.now() + SETTLE_MS_MAX; ; await wait(LOOK_MS)) {
    const held = holdings(server);
    if (moreThan(wanted, held).length === 0 || Date.now() > until) return held;
  }
}

/** The same twice in a row, with time for the spares between. */
async function quiet(server: TestServer): Promise<Holdings> {
  let last = '';
  for (const until = Date.now() + SETTLE_MS_MAX; ; await wait(LOOK_MS * 20)) {
    const held = holdings(server);
    if (JSON.stringify(held) === last || Date.now() > until) return held;
    last = JSON.stringify(held);
  }
}

async function round(
  client: LambdaClient,
  zips: ReadonlyMap<string, Buffer>,
  failure: number | undefined,
): Promise<boolean> {
  const name = `leak-${++made}`;
  const { code, settings = {} } =
    failure === undefined ? { code: good } : (failing[failure % failing.length] ?? { code: good });
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/test',
      MemorySize: 128,
      LoggingConfig: { LogGroup: LOG_GROUP },
      ...settings,
      Code: { ZipFile: zips.get(code) as Buffer },
    }),
  );
  let failed = false;
  try {
    const { FunctionError } = await client.send(new InvokeCommand({ FunctionName: name }));
    failed = FunctionError !== undefined;
  } catch {
    failed = true;
  }
  await client.send(new DeleteFunctionCommand({ FunctionName: name }));
  return failed;
}

/** Runs `count` rounds, several at a time; how many failed. Ends early, without a word, when the server has gone. */
async function run(client: LambdaClient, count: number, failEvery = FAIL_EVERY, isOver = () => false): Promise<number> {
  const zips = new Map<string, Buffer>();
  for (const { code } of [{ code: good }, ...failing]) zips.set(code, await zipOf({ 'index.mjs': code }));
  let next = 0;
  let failures = 0;
  const work = async () => {
    while (next < count && !isOver()) {
      const at = next++;
      const isFailing = at % failEvery === 0;
      try {
        if (await round(client, zips, isFailing ? at / failEvery : undefined)) failures++;
      } catch (error) {
        if (!isOver()) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return failures;
}

if (hostname() !== 'disposable') throw new Error('this is for a disposable machine only');
const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-leaks-'));
let server = await startTestServer({ dataDir });
// Every kind, twice: what is made once, such as unpacked code, is there from now on.
await run(server.client(), 2 * failing.length, 1);
identity = identityOf();
const before = await quiet(server);
const known = new Set(seen);
const failures = await run(server.client(), rounds);
const after = await settled(server, before);
const newDirectories = [...seen].filter((folder) => !known.has(folder));
let killed = false;
const killedRun = run(server.client({ maxAttempts: 1 }), rounds, FAIL_EVERY, () => killed);
await wait(1000);
killed = true;
await server.kill();
await killedRun;
server = await startTestServer({ dataDir });
await run(server.client(), failing.length + 1, 1);
const afterKill = await settled(server, before);
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
console.log(JSON.stringify({ rounds, failures, before, after, afterKill, newDirectories } satisfies LeakReport));
process.exit(0);
