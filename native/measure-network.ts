// Prints what a network of its own adds to a sandbox: from the setup message to "ready" where the launcher stood by, and
// from its spawn where it did not; medians taken in turn in one run. Links appear on the machine for the time it runs.
// Usage, as root: unshare --net node native/measure-network.ts [ROUNDS]

import { setTimeout as wait } from 'node:timers/promises';
import { openWorkshop, setupOf, spawnSandbox } from './launcher-harness.ts';

const ROUNDS_MAX = 1000;
const STANDING_BY_MS = 60;
const rounds = Math.min(Number(process.argv[2] ?? 30), ROUNDS_MAX);
const extra = ['tmp', '8388608', '512', 'listen', '9001'];
let made = 0;

/** What a launcher is told before it stands by. */
const networks: Record<string, () => string[]> = {
  'made with the sandbox': () => [],
  'loopback, beforehand': () => ['alone'],
  'a link, beforehand': () => ['link', `198.18.${made >> 8}.${++made & 255}`, '198.18.255.1'],
};

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

using workshop = openWorkshop();
const standing = new Map<string, number[]>();
const fresh = new Map<string, number[]>();

async function measure(name: string, times: Map<string, number[]>, standingByMs: number): Promise<void> {
  const spawned = performance.now();
  const sandbox = spawnSandbox(workshop, 'root', networks[name]?.());
  if (standingByMs > 0) await wait(standingByMs);
  const begin = standingByMs > 0 ? performance.now() : spawned;
  const ready = sandbox.answer((answer) => answer['ready'] === true);
  sandbox.send(setupOf(workshop, 'root', extra));
  await ready;
  times.set(name, [...(times.get(name) ?? []), performance.now() - begin]);
  sandbox.launcher.stdin?.end();
  await sandbox.ended;
}

for (let round = 0; round < rounds; round++) {
  for (const name of Object.keys(networks)) {
    await measure(name, standing, STANDING_BY_MS);
    await measure(name, fresh, 0);
  }
}
console.log(`medians of ${rounds}, in ms   stood by   spawned`);
for (const name of Object.keys(networks)) {
  const [s, f] = [standing, fresh].map((times) =>
    median(times.get(name) ?? [])
      .toFixed(2)
      .padStart(8),
  );
  console.log(`  ${name.padEnd(24)} ${s}  ${f}`);
}
