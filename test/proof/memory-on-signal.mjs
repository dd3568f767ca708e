// Loaded into a server that is watched: on SIGUSR2 it collects its garbage and writes what it holds to
// PROOF_MEMORY_FILE, as one line of JSON.
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const file = process.env.PROOF_MEMORY_FILE;
if (isMainThread && file !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', async () => {
    for (let round = 0; round < 3; round++) {
      collect({ type: 'major', flavor: 'last-resort', execution: 'sync' });
      await new Promise((resolve) => setImmediate(resolve));
    }
    writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.new`, file);
  });
}
