/**
 * What walls cost a process: a sandbox as the server makes it by default, made, and Node run in it to its end, against the same
 * Node started bare. The sandbox's own end is not measured: nobody waits for it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomIds } from '../src/base/ids.ts';
import type { SandboxKind } from '../src/environments/sandbox.ts';
import { chooseSandboxes } from '../src/sandboxes/choice.ts';
import { type MissingRow, type Row, row } from './statistics.ts';

const ROUNDS = 25;
/** Time in which the launchers that stand by are made anew, as between two cold starts of a quiet server. */
const PAUSE_MS = 150;
const MEGABYTE = 1_048_576;
const NODE = '/var/lang/bin/node';
const ARGUMENTS = ['-e', '0'];

async function bareMs(): Promise<number> {
  const started = performance.now();
  await once(spawn(process.execPath, ARGUMENTS, { stdio: ['ignore', 'pipe', 'pipe'] }), 'exit');
  return performance.now() - started;
}

async function sandboxedMs(kind: SandboxKind): Promise<number> {
  const started = performance.now();
  const sandbox = await kind.create({
    id: randomIds.hex(16),
    mounts: [{ source: process.execPath, target: NODE }],
    tmpBytes: 512 * MEGABYTE,
    memoryBytes: 128 * MEGABYTE,
  });
  try {
    const { exited } = await sandbox.start({ role: 'runtime', argv: [NODE, ...ARGUMENTS], environment: {}, cwd: '/' });
    const exit = await exited;
    const tookMs = performance.now() - started;
    if (exit.code !== 0) throw new Error(`Node ended in the sandbox with ${JSON.stringify(exit)}`);
    return tookMs;
  } finally {
    await sandbox.destroy();
  }
}

export async function benchSandbox(): Promise<readonly (Row | MissingRow)[]> {
  const [what, aim] = ['a sandbox and node in it, against node', '≤ 1.3'] as const;
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const wish = {
    sandbox: 'auto',
    network: 'egress',
    allowHost: [],
    cpu: 'weight',
    prestart: 0,
    loopback: true,
  } as const;
  const chosen = await chooseSandboxes(wish, folder, randomIds);
  try {
    if ('refusal' in chosen) return [{ what, aim, lacks: 'a sandbox' }];
    const blocks: { ours: number; bare: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      blocks.push({ bare: await bareMs(), ours: await sandboxedMs(chosen.sandboxes) });
    }
    return [row(what, 'ms', aim, blocks)];
  } finally {
    if ('sandboxes' in chosen) await chosen.sandboxes.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
