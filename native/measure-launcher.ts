// Prints what a sandbox costs: from spawn to the end of /bin/true inside, against a bare spawn of /bin/true, medians
// taken in turn in one run. Usage: node native/measure-launcher.ts [ROUNDS]

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Mode, openSandbox, openWorkshop, setupOf, spawnSandbox } from './launcher-harness.ts';

const ROUNDS_MAX = 1000;
const rounds = Math.min(Number(process.argv[2] ?? 30), ROUNDS_MAX);
const modes: Mode[] = process.getuid?.() === 0 ? ['root', 'userns'] : ['userns'];
const extra = ['tmp', '8388608', '512', 'listen', '9001'];

async function time(act: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function spawnBare(): Promise<unknown> {
  return new Promise((resolve) => spawn('/bin/true', { stdio: 'ignore' }).once('exit', resolve));
}

/** Proportional memory of a process and, as its only child, the sandbox's pid 1. */
function memoryKb(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children]
    .map((each) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8'))?.[1]))
    .reduce((sum, each) => sum + each, 0);
}

using workshop = openWorkshop();
for (const mode of modes) {
  const bare: number[] = [];
  const whole: number[] = [];
  const ready: number[] = [];
  const inside: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await time(spawnBare));
    const begin = performance.now();
    const sandbox = spawnSandbox(workshop, mode);
    const isReady = sandbox.answer((answer) => answer['ready'] === true);
    sandbox.send(setupOf(workshop, mode, extra));
    sandbox.send(['start', 'true', 'arg', '/bin/true']);
    await isReady;
    ready.push(performance.now() - begin);
    await sandbox.answer((answer) => answer['exit'] === 'true');
    whole.push(performance.now() - begin);
    inside.push(
      await time(async () => {
        sandbox.send(['start', 'again', 'arg', '/bin/true']);
        await sandbox.answer((answer) => answer['exit'] === 'again');
      }),
    );
    sandbox.launcher.stdin?.end();
    await sandbox.ended;
  }
  await using idle = await openSandbox(workshop, mode, extra);
  const kilobytes = process.getuid?.() === 0 ? `${memoryKb(idle.launcher.pid ?? 0)} KB` : 'unknown';
  const [b, w, r, i] = [median(bare), median(whole), median(ready), median(inside)];
  console.log(`${mode}, medians of ${rounds}:`);
  console.log(`  bare spawn of /bin/true      ${b.toFixed(2)} ms`);
  console.log(
    `  sandbox and /bin/true        ${w.toFixed(2)} ms  ${(w / b).toFixed(2)}x  (ready after ${r.toFixed(2)})`,
  );
  console.log(`  /bin/true in a ready sandbox ${i.toFixed(2)} ms  ${(i / b).toFixed(2)}x`);
  console.log(`  launcher and pid 1, idle     ${kilobytes}`);
}
