/**
 * The child of crash.test.ts: `crash-writer.ts DATA-FOLDER SEED`. Opens the data folder, goes on from what it finds,
 * and writes until it is killed; prints a line for each write once it was acknowledged.
 *
 * Each lane does one thing after the other, so that its state after any number of steps is known: of every four steps
 * one deletes the lane's pair of records and three put it. `pair LANE STEP` acknowledges a step, `blob SHA256` a blob.
 */
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { randomIds } from '../../src/base/ids.ts';
import { openDiskBlobs } from '../../src/databases/disk/blobs.ts';
import { openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import type { Change, MetadataStore, RecordKey } from '../../src/store/metadata.ts';
import { randomFromSeed } from './random-from-seed.ts';

export const LANES = 6;

/** More than any round of the test lets happen. */
const STEPS_MAX = 100_000;

export function key(id: string): RecordKey {
  return { account: '123456789012', region: 'eu-central-1', kind: 'function', id };
}

/** What a lane's two records hold after a step; undefined where it deleted them. */
export function stateAfter(step: number): number | undefined {
  return step === 0 || step % 4 === 0 ? undefined : step;
}

function changesOf(lane: number, step: number): Change[] {
  const keys = [key(`left-${lane}`), key(`right-${lane}`)];
  const change = (each: RecordKey): Change =>
    stateAfter(step) === undefined
      ? { type: 'delete', key: each }
      : { type: 'put', key: each, body: { step, padding: 'x'.repeat((step * 37) % 3000) } };
  return [...keys.map(change), { type: 'put', key: key(`step-${lane}`), body: step }];
}

/** Before anything else happens; a reader that is behind is waited for. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

async function runLane(store: MetadataStore, lane: number): Promise<void> {
  const begun = ((await store.get(key(`step-${lane}`)))?.body ?? 0) as number;
  for (let step = begun + 1; step < begun + STEPS_MAX; step++) {
    await store.commit(changesOf(lane, step));
    say(`pair ${lane} ${step}\n`);
  }
}

async function main(dir: string, seed: number): Promise<void> {
  const random = randomFromSeed(seed);
  const folder = await openDataFolder(dir, randomIds);
  const store = await openSqliteMetadata({ path: folder.paths.database });
  const blobs = await openDiskBlobs(folder.paths.blobs);
  const lanes = Array.from({ length: LANES }, (_, lane) => runLane(store, lane));
  for (let turn = 0; turn < STEPS_MAX; turn++) {
    const bytes = Buffer.alloc(1 + Math.floor(random() * 200_000), `${seed}-${turn}-`);
    say(`blob ${(await blobs.put(bytes)).sha256}\n`);
  }
  await Promise.all(lanes);
}

const [, script = '', dir = '', seed = ''] = process.argv;
if (import.meta.url === pathToFileURL(script).href) await main(dir, Number(seed));
