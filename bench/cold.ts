/**
 * Cold invokes, as the client sees them, against a bare unsandboxed spawn of the same runtime that loads the same
 * handler, calls it once and exits: first byte of the call to last byte of the answer against spawn to exit.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvokeCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { startTestServer } from '../test/support/server.ts';
import { sharedCacheDir } from '../test/support/shared-cache.ts';
import { deploy } from './bench-server.ts';
import { type ColdCase, coldCases } from './cold-cases.ts';
import { type Row, row } from './statistics.ts';

const ROUNDS = 7;
const BURST_ROUNDS = 3;
const BURSTS = [10, 50];
/** Calls that come faster than sandboxes can be made ready: functions that are called once each, by so many callers. */
const SUSTAINED_FUNCTIONS = 40;
const SUSTAINED_CALLERS = 4;
const RETRIES = { maxAttempts: 1 };

export async function benchCold(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const args = ['--bundled-sdk', 'on', '--cache', sharedCacheDir];
  const data = mkdtempSync(join(tmpdir(), 'lambdad-bench-data-'));
  try {
    const cases = await coldCases(folder);
    const rows: Row[] = [];
    let server = await startTestServer({ args, dataDir: data });
    try {
      const client = server.client(RETRIES);
      for (const each of cases) {
        await deploy(client, each.deployment);
        rows.push(await compare(client, each));
      }
      const [hello] = cases;
      if (!hello) return rows;
      for (const count of BURSTS) rows.push(await burst(client, hello, count));
      rows.push(await sustained(client, hello));
      const starts = [];
      for (let round = 0; round < BURST_ROUNDS; round++) {
        await server.stop();
        const bare = await bareMs(hello);
        server = await startTestServer({ args, dataDir: data });
        starts.push({ bare, ours: await invokeMs(server.client(RETRIES), hello.deployment.name) });
      }
      rows.push(row('cold: first call after a start', 'ms', 'shown', starts));
      return rows;
    } finally {
      await server.stop();
    }
  } finally {
    for (const each of [folder, data]) rmSync(each, { recursive: true, force: true });
  }
}

/** A new environment is had by changing the configuration; the wait is not measured. */
async function renew(client: LambdaClient, name: string, round: string): Promise<void> {
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Description: `round ${round}` }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
}

async function invokeMs(client: LambdaClient, name: string): Promise<number> {
  const started = performance.now();
  const answer = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ name }) }));
  const tookMs = performance.now() - started;
  if (answer.FunctionError) throw new Error(Buffer.from(answer.Payload ?? []).toString());
  return tookMs;
}

async function bareMs({ command, args, env }: ColdCase): Promise<number> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  child.stdout.resume();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return performance.now() - started;
}

async function compare(client: LambdaClient, each: ColdCase): Promise<Row> {
  const blocks: { ours: number; bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await bareMs(each);
    await renew(client, each.deployment.name, String(round));
    blocks.push({ bare, ours: await invokeMs(client, each.deployment.name) });
  }
  return row(`cold: ${each.what}`, 'ms', each.aim, blocks);
}

/** Wall time of so many calls at once, of which each needs an environment, against as many bare programs at once. */
async function burst(client: LambdaClient, each: ColdCase, count: number): Promise<Row> {
  const blocks: { ours: number; bare: number }[] = [];
  const wallMs = async (one: () => Promise<unknown>) => {
    const started = performance.now();
    await Promise.all(Array.from({ length: count }, one));
    return performance.now() - started;
  };
  for (let round = 0; round < BURST_ROUNDS; round++) {
    const bare = await wallMs(() => bareMs(each));
    await renew(client, each.deployment.name, `${count} ${round}`);
    blocks.push({ bare, ours: await wallMs(() => invokeMs(client, each.deployment.name)) });
  }
  return row(`cold: burst of ${count}`, 'ms', '≤ 1.5', blocks);
}

/** Cold starts per second. */
async function sustained(client: LambdaClient, each: ColdCase): Promise<Row> {
  const names = Array.from({ length: SUSTAINED_FUNCTIONS }, (_, number) => `sustained-${number}`);
  await Promise.all(names.map((name) => deploy(client, { ...each.deployment, name })));
  const perSecond = async (one: (name: string) => Promise<unknown>) => {
    const left = [...names];
    const started = performance.now();
    const caller = async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) await one(name);
    };
    await Promise.all(Array.from({ length: SUSTAINED_CALLERS }, caller));
    return (names.length * 1000) / (performance.now() - started);
  };
  const bare = await perSecond(() => bareMs(each));
  const ours = await perSecond((name) => invokeMs(client, name));
  return row('cold: sustained', '/s', '≥ 0.8', [{ bare, ours }]);
}
