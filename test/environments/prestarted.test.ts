/** A function in a process that waited for it sees the same as in one that began for it, and its log tells the same. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  InvokeCommand,
  type Runtime,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { inFullOnly } from '../proof/extent.ts';
import { canSwitchUser, nobody, type User } from '../support/readable-checkout.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { sharedCacheDir } from '../support/shared-cache.ts';
import { zipOf } from '../support/zip.ts';
import { compiledJava, skipJava, waitingJavas } from './java-seen.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const python = await machinePrograms('python', process.env).newest();
const skip = skipUnless(isRoot, 'Linux, as root');
const skipPython = skip || skipUnless(python !== undefined, 'Python');
const WAIT_MS_MAX = 60_000;
const LOOK_MS = 20;
const START_TIME_FIELD = 22;
const TICKS_PER_SECOND = 100;
const seenFolder = join(import.meta.dirname, 'what-is-seen');

interface Case {
  readonly runtime: Runtime;
  readonly handler: string;
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** Of the server. */
  readonly args?: readonly string[];
  readonly asUser?: User;
  readonly settings?: Partial<CreateFunctionCommandInput>;
}

type Seen = Record<string, unknown> & { early: Record<string, unknown>; stat: string; timerMs?: number };

const withSdk = ['--bundled-sdk', 'on', '--cache', sharedCacheDir];
/** A module of the function's own in the place of one of the SDK's. */
const shadow = 'from datetime import datetime as search\nclass Options: pass\ndef compile(text): return None\n';
const fileOf = (name: string) => ({ [name]: readFileSync(join(seenFolder, name), 'utf8') });
const nodeCase: Case = { runtime: 'nodejs24.x', handler: 'seen.handler', files: fileOf('seen.mjs') };
const pythonCase: Case = {
  runtime: `python${python?.version}` as Runtime,
  handler: 'seen.handler',
  files: fileOf('seen.py'),
};

const sdkCase: Case = { ...pythonCase, handler: 'sdk.handler', files: fileOf('sdk.py'), args: withSdk };
const shadowCase: Case = { ...sdkCase, files: { ...fileOf('sdk.py'), 'jmespath.py': shadow } };

const javaCases: Case[] = [];
for (const version of skip || skipJava ? [] : (await waitingJavas()).slice(inFullOnly ? -1 : 0)) {
  const files = { 'Seen.class': await compiledJava('Seen', version) };
  const settings = { MemorySize: 128, Timeout: 60, Environment: { Variables: { GREETING: 'grüß Gott', EMPTY: '' } } };
  const args = ['--cache', sharedCacheDir];
  javaCases.push({ runtime: `java${version}` as Runtime, handler: 'Seen', files, args, settings });
}

/** Parents of all processes of the machine. */
function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      found.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // No process, or none any more.
    }
  }
  return found;
}

/** Where the kernel has a process that opens a FIFO which nobody writes. */
const AT_GATE = 'wait_for_partner';

/** Processes of a server that stand at their gate and wait for a function. */
function waitingOf(server: TestServer): number[] {
  const all = parents();
  const isOfServer = (pid: number): boolean => pid === server.pid || (pid > 1 && isOfServer(all.get(pid) ?? 0));
  return [...all.keys()].filter((pid) => {
    if (!isOfServer(pid)) return false;
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes('_LAMBDAD_GATE=')) return false;
      // A JVM's first thread does nothing but wait for its second.
      const threads = readdirSync(`/proc/${pid}/task`);
      return threads.some((id) => readFileSync(`/proc/${pid}/task/${id}/wchan`, 'latin1') === AT_GATE);
    } catch {
      return false;
    }
  });
}

async function deploy(server: TestServer, { runtime, handler, files, settings }: Case): Promise<void> {
  const client = server.client();
  const code = { ZipFile: await zipOf(files) };
  const own = { FunctionName: 'seen', Runtime: runtime, Handler: handler, Code: code, ...settings };
  await client.send(new CreateFunctionCommand({ Role: 'arn:aws:iam::000000000000:role/seen', ...own }));
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName: 'seen' });
}

async function waits(server: TestServer): Promise<void> {
  const untilMs = performance.now() + WAIT_MS_MAX;
  while (waitingOf(server).length === 0) {
    assert.ok(performance.now() < untilMs, 'no process waits');
    await wait(LOOK_MS);
  }
}

async function invoke(server: TestServer, payload = '{}') {
  const answer = await server
    .client()
    .send(new InvokeCommand({ FunctionName: 'seen', Payload: payload, LogType: 'Tail' }));
  const text = Buffer.from(answer.Payload ?? []).toString();
  return { text, error: answer.FunctionError, log: Buffer.from(answer.LogResult ?? '', 'base64').toString() };
}

/** What the function sees on a server of its own, and whether its process was there before anybody called. */
async function look(prestart: number, what: Case) {
  const args = ['--prestart', String(prestart), ...(what.args ?? [])];
  const server = await startTestServer({ args, ...(what.asUser === undefined ? {} : { asUser: what.asUser }) });
  try {
    await deploy(server, what);
    if (prestart > 0) await waits(server);
    // What is there now has begun in an earlier tick of the kernel's.
    await wait(2 * (1000 / TICKS_PER_SECOND));
    const nowTicks = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * TICKS_PER_SECOND;
    const { text, error, log } = await invoke(server);
    assert.equal(error, undefined, text);
    const seen = JSON.parse(text) as Seen;
    const startTicks = Number(seen.stat.slice(seen.stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD - 3]);
    return { seen: comparable(seen), timerMs: seen.timerMs, wasThere: startTicks < Math.floor(nowTicks), log };
  } finally {
    await server.stop();
  }
}

/** Variables with a value for each environment. */
const RANDOM = /^(AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|AWS_LAMBDA_(LOG_STREAM_NAME|METADATA_TOKEN))$/;
/** Lines of /proc/self/status that differ from one process to the next: its user, and what it has used, threads too. */
const OWN_STATUS =
  /^(Uid|Gid|Threads|State|Vm\w+|Hugetlb\w+|Rss\w+|\w*voluntary_ctxt_switches|HugetlbPages|SigQ|x86_\w+)\b/;

function comparable({ early, stat: _stat, timerMs: _timer, ...seen }: Seen) {
  const { variables, ...others } = early;
  const environ = seen['environ'] as string[];
  return {
    ...seen,
    ...others,
    variables: (variables as string[][]).map(([name = '', value = '']) => [name, RANDOM.test(name) ? '' : value]),
    environ: environ.map((entry) => (RANDOM.test(entry.split('=')[0] ?? '') ? entry.split('=')[0] : entry)),
    status: (seen['status'] as string).split('\n').filter((line) => !OWN_STATUS.test(line)),
    mounts: (seen['mounts'] as string).split('\n').map((line) =>
      line
        .replace(/^\d+ \d+ \d+:\d+ /, '')
        .replace(/lambdad-test-\w+/g, 'HOME')
        .replace(/\/dev\/loop\d+/, 'LOOP'),
    ),
  };
}

/** Takes 300 ms to load, ends its process when asked to, and tells how often it was loaded in this environment. */
const SLOW_AND_FRAIL = `import { appendFileSync, readFileSync } from 'node:fs';
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
appendFileSync('/tmp/loads', '.');
export const handler = async ({ end }) => {
  if (end) process.exit(3);
  return { loads: readFileSync('/tmp/loads', 'utf8').length, secret: process.env.SECRET, gate: process.env._LAMBDAD_GATE };
};
`;

test('its init counts in full, and after a crash the same sandbox begins anew', { skip }, async () => {
  const server = await startTestServer({ args: ['--prestart', '1'] });
  try {
    const settings = { Environment: { Variables: { SECRET: 'its own' } } };
    await deploy(server, { ...nodeCase, files: { 'seen.mjs': SLOW_AND_FRAIL }, settings });
    await waits(server);
    const first = await invoke(server);
    assert.deepEqual(JSON.parse(first.text), { loads: 1, secret: 'its own' });
    const [, initMs] = /Init Duration: ([\d.]+) ms/.exec(first.log) ?? [];
    assert.ok(Number(initMs) >= 300, `an init of ${initMs} ms, of which the module alone takes 300`);
    const crash = await invoke(server, '{"end":true}');
    assert.equal(crash.error, 'Unhandled');
    assert.deepEqual(JSON.parse((await invoke(server)).text), { loads: 2, secret: 'its own' });
  } finally {
    await server.stop();
  }
});

test('the next server of a data folder has processes of the kinds that were taken before', { skip }, async () => {
  const args = ['--prestart', '1'];
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-test-'));
  try {
    const first = await startTestServer({ args, dataDir });
    try {
      await deploy(first, { ...nodeCase, files: { 'seen.mjs': 'export const handler = async () => process.ppid;' } });
      await waits(first);
    } finally {
      await first.stop();
    }
    const next = await startTestServer({ args, dataDir });
    try {
      await waits(next);
      assert.equal((await invoke(next)).text, '1');
    } finally {
      await next.stop();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('what is fixed when a process begins is begun for its function', { skip }, async () => {
  const variables = { NODE_OPTIONS: '--stack-trace-limit=7', NODE_ENV: 'test' };
  const files = { 'seen.mjs': 'export const handler = async () => Error.stackTraceLimit;' };
  const server = await startTestServer({ args: ['--prestart', '1'] });
  try {
    await deploy(server, { ...nodeCase, files, settings: { Environment: { Variables: variables } } });
    await waits(server);
    assert.equal((await invoke(server)).text, '7');
  } finally {
    await server.stop();
  }
});

const skipUser = skip || skipUnless(canSwitchUser, 'root, to become somebody else');
test("an ordinary user's function takes a process that waited", { skip: skipUser }, async () => {
  const { wasThere, seen } = await look(1, { ...nodeCase, asUser: nobody });
  assert.ok(wasThere);
  assert.ok(seen.variables.some(([name, value]) => name === '_HANDLER' && value === nodeCase.handler));
});

for (const [name, what, lack] of [
  ['Node', nodeCase, skip],
  ['Python', pythonCase, skipPython],
  ['Python with the SDK', sdkCase, skipPython],
  ["Python with a module in the SDK's place", shadowCase, inFullOnly || skipPython],
  ...javaCases.map((each) => [each.runtime, each, false] as const),
] as const) {
  test(`a ${name} function sees nothing of its process having waited`, { skip: lack }, async () => {
    const plain = await look(0, what);
    const prestarted = await look(1, what);
    assert.deepEqual([plain.wasThere, prestarted.wasThere], [false, true]);
    assert.deepEqual(prestarted.seen, plain.seen);
    if (prestarted.timerMs !== undefined)
      assert.ok(prestarted.timerMs >= 59, `a timer of 60 ms: ${prestarted.timerMs}`);
    const lines = (log: string) =>
      log.split('\n').map((line) => line.replace(/[\d.]+/g, '0').replace(/0x?[\da-f-]{20,}/g, 'ID'));
    assert.equal(lines(prestarted.log).length, lines(plain.log).length);
    assert.match(prestarted.log, /Init Duration: \d/);
  });
}
