/**
 * Memory of N idle execution environments against N bare runtime processes, by the memory that the machine has left:
 * the server and its helpers count as ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { startTestServer } from '../test/support/server.ts';
import { deploy } from './bench-server.ts';
import { type MissingRow, type Row, row } from './statistics.ts';

const ENVIRONMENTS = 100;
/** Longer than it takes to start them all. */
const HOLD_MS = 20_000;
const SETTLE_MS = 1500;
/** Longer than sandboxes are kept ready for as many further calls as there were just now. */
const DEMAND_MS = 35_000;
const HOLDING = {
  'index.mjs': `const id = process.env.AWS_LAMBDA_LOG_STREAM_NAME;
export const handler = () => new Promise((resolve) => setTimeout(resolve, ${HOLD_MS}, id));
`,
};

function availableMb(): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(match?.[1]) / 1024;
}

function settle(ms = SETTLE_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function bareMb(): Promise<number> {
  const before = availableMb();
  const children: ChildProcess[] = [];
  for (let i = 0; i < ENVIRONMENTS; i++)
    children.push(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' }));
  await settle();
  const used = before - availableMb();
  for (const child of children) child.kill('SIGKILL');
  await settle();
  return used;
}

/** Starts a server of its own: what it takes is part of what is measured. */
export async function benchMemory(): Promise<readonly (Row | MissingRow)[]> {
  const [what, aim] = [`memory of ${ENVIRONMENTS} idle environments`, '≤ 1.15'] as const;
  if (process.platform !== 'linux') return [{ what, aim, lacks: 'Linux' }];
  const bare = await bareMb();
  const before = availableMb();
  const server = await startTestServer();
  try {
    const client = server.client();
    await deploy(client, { name: 'node-idle', runtime: 'nodejs24.x', handler: 'index.handler', files: HOLDING });
    // One client has connections for half of them.
    const clients = [client, server.client(), server.client()];
    // As many at once as environments are wanted: each holds its own until all are there.
    const answers = await Promise.all(
      Array.from({ length: ENVIRONMENTS }, (_, at) =>
        clients[at % clients.length]?.send(new InvokeCommand({ FunctionName: 'node-idle' })),
      ),
    );
    const ids = new Set(answers.map((answer) => Buffer.from(answer?.Payload ?? []).toString()));
    if (ids.size !== ENVIRONMENTS) throw new Error(`${ids.size} environments instead of ${ENVIRONMENTS}`);
    await settle(DEMAND_MS);
    const ours = before - availableMb();
    return [row(what, 'MB', aim, [{ ours, bare }])];
  } finally {
    await server.stop();
  }
}
