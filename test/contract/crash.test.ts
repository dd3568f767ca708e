import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { randomIds } from '../../src/base/ids.ts';
import { openDiskBlobs } from '../../src/databases/disk/blobs.ts';
import { openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { listed } from './blobs.ts';
import { key, LANES, stateAfter } from './crash-writer.ts';
import { randomFromSeed } from './random-from-seed.ts';

const ROUNDS = 10;
const SEED = 20_250;
const LINES_BEFORE_KILL_MAX = 400;

/** What was acknowledged in all rounds so far. */
interface Acknowledged {
  readonly steps: number[];
  readonly blobs: Set<string>;
}

/** Lets a writer run until it has acknowledged so many writes, kills it, and notes all that it acknowledged. */
async function runAndKill(dir: string, seed: number, lines: number, acknowledged: Acknowledged): Promise<void> {
  const script = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [script, dir, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, first = '', second] = line.split(' ');
    if (what === 'blob') acknowledged.blobs.add(first);
    else acknowledged.steps[Number(first)] = Number(second);
    if (++count === lines) child.kill('SIGKILL');
  }
  assert.deepEqual(await ended, [null, 'SIGKILL'], `writer of seed ${seed}`);
}

/** Each lane may have taken one step that was on its way and never acknowledged; nothing else may differ. */
async function checkRecords(path: string, steps: number[]): Promise<void> {
  const store = await openSqliteMetadata({ path });
  try {
    for (let lane = 0; lane < LANES; lane++) {
      const [left, right, counter] = await Promise.all(
        [`left-${lane}`, `right-${lane}`, `step-${lane}`].map((id) => store.get(key(id))),
      );
      const step = (counter?.body ?? 0) as number;
      const known = steps[lane] ?? 0;
      assert.ok(step === known || step === known + 1, `lane ${lane} is at ${step}, acknowledged was ${known}`);
      for (const side of [left, right])
        assert.equal((side?.body as { step: number } | undefined)?.step, stateAfter(step), `lane ${lane} is torn`);
      steps[lane] = step;
    }
  } finally {
    await store.close();
  }
  const database = new DatabaseSync(path);
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
  database.close();
}

async function checkBlobs(dir: string, acknowledged: ReadonlySet<string>): Promise<void> {
  const blobs = await openDiskBlobs(dir);
  assert.deepEqual(await readdir(join(dir, 'partial')), []);
  const found = await listed(blobs);
  for (const digest of acknowledged) assert.ok(found.has(digest), `blob ${digest} is lost`);
  for (const digest of found.keys()) assert.ok(await blobs.get(digest), `blob ${digest} is not whole`);
}

describe('kill -9', () => {
  it('loses nothing that was acknowledged, and nothing is half done', { timeout: 60_000 }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lambdad-crash-'));
    const random = randomFromSeed(SEED);
    const acknowledged: Acknowledged = { steps: [], blobs: new Set() };
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const lines = 1 + Math.floor(random() * LINES_BEFORE_KILL_MAX);
        await runAndKill(dir, SEED + round, lines, acknowledged);
        const folder = await openDataFolder(dir, randomIds);
        try {
          await checkRecords(folder.paths.database, acknowledged.steps);
          await checkBlobs(folder.paths.blobs, acknowledged.blobs);
        } finally {
          await folder.close();
        }
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
