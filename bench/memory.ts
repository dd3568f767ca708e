/**
 * Memory of N idle execution environments against N bare runtime processes, by the memory that the machine has left: the
 * server and its helpers count as ours, and what the kernel keeps for them. Pages of processes that have ended are kept by
 * the processor that freed them, up to 490 MB here, and Linux does not call them available: they are counted as left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { startTestServer } from '../test/support/server.ts';
import { deploy } from './bench-server.ts';
import { type MissingRow, median, type Row, row } from './statistics.ts';

const ENVIRONMENTS = 100;
/** Longer than it takes to start them all on most machines; where it is not, those that are there help the next time. */
const HOLD_MS = 8_000;
const HOLDS_MAX = 5;
/** What ended before gives its memory back for a while: it is level when these many readings differ by less than LEVEL_MB. */
const LEVEL_READINGS = 5;
const READING_MS = 400;
const LEVEL_MB = 3;
const LEVEL_MS_MAX = 15_000;
/** Longer than sandboxes are kept ready for as many further calls as there were just now. */
const DEMAND_MS = 35_000;
const HOLDING = {
  'index.mjs': `const id = process.env.AWS_LAMBDA_LOG_STREAM_NAME;
export const handler = () => new Promise((resolve) => setTimeout(resolve, ${HOLD_MS}, id));
`,
};

/** What the machine has left: what it calls available, and the free pages that each processor keeps to itself. */
function availableMb(): number {
  const numbers = (file: string, pattern: RegExp) =>
    [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, number]) => Number(number));
  const [availableKb = Number.NaN] = numbers('/proc/meminfo', /^MemAvailable: +(\d+) kB$/gm);
  const [pageKb = Number.NaN] = numbers('/proc/self/smaps', /^KernelPageSize: +(\d+) kB$/gm);
  const keptPages = numbers('/proc/zoneinfo', /^ +count: +(\d+)$/gm).reduce((sum, pages) => sum + pages, 0);
  return (availableKb + keptPages * pageKb) / 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What is left when that has come to rest, or after a bounded time. */
async function levelMb(): Promise<number> {
  const untilMs = performance.now() + LEVEL_MS_MAX;
  const readings: number[] = [];
  for (;;) {
    readings.push(availableMb());
    const last = readings.slice(-LEVEL_READINGS);
    const isLevel = last.length === LEVEL_READINGS && Math.max(...last) - Math.min(...last) < LEVEL_MB;
    if (isLevel || performance.now() > untilMs) return median(last);
    await pause(READING_MS);
  }
}

async function bareMb(): Promise<number> {
  const before = await levelMb();
  const children: ChildProcess[] = [];
  for (let i = 0; i < ENVIRONMENTS; i++)
    children.push(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' }));
  const used = before - (await levelMb());
  for (const child of children) child.kill('SIGKILL');
  return used;
}

export async function benchMemory(): Promise<readonly (Row | MissingRow)[]> {
  const [what, aim] = [`memory of ${ENVIRONMENTS} idle environments`, '≤ 1.15'] as const;
  if (process.platform !== 'linux') return [{ what, aim, lacks: 'Linux' }];
  const bare = await bareMb();
  return [row(what, 'MB', aim, [{ bare, ours: await oursMb() }])];
}

/** As many invokes at once as environments are wanted, each of which holds its own; returns how many that were. */
async function holdAll(clients: readonly LambdaClient[]): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: ENVIRONMENTS }, (_, at) =>
      clients[at % clients.length]?.send(new InvokeCommand({ FunctionName: 'node-idle' })),
    ),
  );
  return new Set(answers.map((answer) => Buffer.from(answer?.Payload ?? []).toString())).size;
}

/** Of a server of its own: what it takes is part of what is measured. */
async function oursMb(): Promise<number> {
  const before = await levelMb();
  const server = await startTestServer();
  try {
    const client = server.client();
    await deploy(client, { name: 'node-idle', runtime: 'nodejs24.x', handler: 'index.handler', files: HOLDING });
    // One client has connections for half of them.
    const clients = [client, server.client(), server.client()];
    for (let holds = 1, held = 0; held < ENVIRONMENTS; holds++) {
      if (holds > HOLDS_MAX) throw new Error(`${held} environments instead of ${ENVIRONMENTS}`);
      held = await holdAll(clients);
    }
    await pause(DEMAND_MS);
    return before - (await levelMb());
  } finally {
    await server.stop();
  }
}
