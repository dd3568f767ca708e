/** Environments: one invoke at a time in each, as many as concurrent invokes ask for, reused, ended when idle. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { InvokeCommand, type LambdaClient, TooManyRequestsException } from '@aws-sdk/client-lambda';
import { byExtent } from '../proof/extent.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;

const HOLDING = `
  import { randomUUID } from 'node:crypto';
  const id = randomUUID();
  let running = 0;
  let most = 0;
  export const handler = async ({ ms }) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, ms));
    running--;
    return { id, most };
  };`;

/** Called at once, each for longer than it takes to start them all. */
const CROWD = byExtent({ reduced: 40, full: 200, longest: 200 });
const CROWD_MS = byExtent({ reduced: 5_000, full: 10_000, longest: 10_000 });

before(async () => {
  server = await startTestServer({ args: ['--idle-seconds', '2'] });
  client = server.client({ maxAttempts: 1, requestHandler: { httpsAgent: {}, httpAgent: { maxSockets: 300 } } });
  await createFunction(client, 'hold', { Timeout: 60, files: { 'index.mjs': HOLDING } });
});

after(() => server.stop());

async function hold(ms: number, caller = client): Promise<{ id: string; most: number }> {
  const answer = await caller.send(new InvokeCommand({ FunctionName: 'hold', Payload: JSON.stringify({ ms }) }));
  assert.equal(answer.FunctionError, undefined);
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString());
}

test('calls one after the other reuse one environment', async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 20; i++) ids.add((await hold(0)).id);
  assert.equal(ids.size, 1);
});

test('concurrent calls each have an environment to themselves', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => hold(5000)));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 8);
  assert.ok(answers.every(({ most }) => most === 1));
});

test(`an invoke answers while ${CROWD} others run`, { timeout: 120_000 }, async () => {
  await createFunction(client, 'other', { files: { 'index.mjs': 'export const handler = async () => "here";' } });
  assert.equal((await invokeFunction(client, 'other')).payload, 'here');
  let running = CROWD;
  const others = Array.from({ length: running }, () => hold(CROWD_MS).finally(() => running--));
  assert.equal((await invokeFunction(client, 'other')).payload, 'here');
  assert.ok(running > 0, 'it need not wait for them all');
  const answers = await Promise.all(others);
  assert.ok(answers.every(({ most }) => most === 1));
});

test('the account limit refuses what goes beyond it', { timeout: 60_000 }, async () => {
  const limited = await startTestServer({ args: ['--concurrency', '5'] });
  try {
    const caller = limited.client({ maxAttempts: 1 });
    await createFunction(caller, 'hold', { Timeout: 60, files: { 'index.mjs': HOLDING } });
    // All are there long before the first has answered: a slot is taken on arrival.
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => hold(6_000, caller)));
    const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    assert.equal(refusals.length, 7);
    for (const error of refusals) {
      assert.ok(error instanceof TooManyRequestsException);
      assert.deepEqual([error.Reason, error.message], ['ConcurrentInvocationLimitExceeded', 'Rate Exceeded.']);
    }
  } finally {
    await limited.stop();
  }
});

test('idle environments end, and leave no process behind', {
  timeout: 60_000,
  skip: process.platform !== 'linux',
}, async () => {
  await hold(0);
  const launchers = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => isLauncher(pid)).length;
  const deadline = Date.now() + 30_000;
  let left = launchers();
  // The sweep runs every second; the idle time is two: wait for its effect, not for a time.
  while (left > STANDBY_MAX && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    left = launchers();
  }
  assert.ok(left <= STANDBY_MAX, `${left} sandboxes are left`);
});

/** Launchers that wait for their first function may stay, those whose runtime has been started already among them. */
const STANDBY_MAX = 8;

/** The server's nursery spawns them. */
function isLauncher(pid: string): boolean {
  const { name, parent } = processOf(pid);
  const nursery = processOf(parent);
  return name === 'lambdad-sandbox' && nursery.name === 'lambdad-nursery' && Number(nursery.parent) === server.pid;
}

function processOf(pid: string): { name: string; parent: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, name = '', parent = ''] = /^\d+ \((.*)\) \S (\d+)/.exec(stat) ?? [];
    return { name, parent };
  } catch {
    return { name: '', parent: '' };
  }
}

test('a sandbox that somebody kills while it is idle costs nobody an invoke', {
  skip: process.platform !== 'linux',
}, async () => {
  const { id } = await hold(0);
  const killed = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isLauncher(name));
  for (const pid of killed) process.kill(Number(pid), 'SIGKILL');
  // Once the server has taken note of their end they are gone from /proc.
  while (killed.some((pid) => existsSync(`/proc/${pid}`))) await new Promise((resolve) => setTimeout(resolve, 10));
  const next = await hold(0);
  assert.notEqual(next.id, id);
});

test('sandboxes killed while they work cost their own invokes and no later one', {
  skip: process.platform !== 'linux',
}, async () => {
  await Promise.all(Array.from({ length: 4 }, () => hold(500)));
  const busy = Array.from({ length: 4 }, () =>
    client.send(new InvokeCommand({ FunctionName: 'hold', Payload: JSON.stringify({ ms: 20_000 }) })),
  );
  const marked = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isLauncher(name));
  // All four are taken: this call needs a fifth environment, and when it is answered they have long been at work.
  await hold(0);
  const killed = marked();
  for (const pid of killed) process.kill(Number(pid), 'SIGKILL');
  for (const { FunctionError } of await Promise.all(busy)) assert.equal(FunctionError, 'Unhandled');
  // The fifth was idle: once the server has taken note of its end, it is gone from /proc.
  while (killed.some((pid) => existsSync(`/proc/${pid}`))) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let i = 0; i < 5; i++) await hold(0);
});

test('when the process that spawns sandboxes is killed, what runs fails and all later invokes are served', {
  skip: process.platform !== 'linux',
}, async () => {
  const busy = client.send(new InvokeCommand({ FunctionName: 'hold', Payload: JSON.stringify({ ms: 20_000 }) }));
  // Needs an environment besides: when it is answered, the first has long been at work.
  const { id } = await hold(0);
  const nursery = readdirSync('/proc').find((pid) => {
    const { name, parent } = processOf(pid);
    return name === 'lambdad-nursery' && Number(parent) === server.pid;
  });
  process.kill(Number(nursery), 'SIGKILL');
  assert.equal((await busy).FunctionError, 'Unhandled');
  const later = await Promise.all(Array.from({ length: 4 }, () => hold(100)));
  for (const next of later) assert.notEqual(next.id, id);
});
