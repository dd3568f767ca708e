/** Sandboxes that stand still between invokes, and what is left of them when their server is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPlace } from '../../src/sandboxes/linux/cgroup-places.ts';
import { freezerControl } from '../../src/sandboxes/linux/cgroup-v1.ts';
import { findGroups, groupsAt } from '../../src/sandboxes/linux/cgroups.ts';
import { identityOf } from '../../src/sandboxes/linux/linux-sandbox.ts';
import { skipUnless } from '../support/requirement.ts';
import {
  canMakeSandboxes,
  createSandbox,
  groupsNamed,
  openSandboxes,
  type Shell,
  sandboxesIn,
  startShell,
} from './linux-port.ts';

const skip = skipUnless(canMakeSandboxes, 'Linux, as root');
const TICKING = 'n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.02; done';

async function ticks(shell: Shell, count: number): Promise<number> {
  let last = 0;
  for (let i = 0; i < count; i++) last = Number(await shell.line('tick '));
  return last;
}

test('what is frozen stands still until it is thawed, and goes on where it was', { skip }, async () => {
  await using sandboxes = openSandboxes();
  await using frozen = await createSandbox(sandboxes);
  await using running = await createSandbox(sandboxes);
  const [still, clock] = [await startShell(frozen, TICKING), await startShell(running, TICKING)];
  await ticks(still, 1);
  frozen.freeze();
  frozen.freeze();
  // The same loop beside it tells the time; the first ticks of it are for what was under way.
  await ticks(clock, 3);
  const pending = still.untaken();
  await ticks(clock, 10);
  assert.equal(still.untaken(), pending);
  frozen.thaw();
  frozen.thaw();
  await ticks(still, pending + 3);
});

test('a frozen sandbox can be emptied and ended', { skip }, async () => {
  await using sandboxes = openSandboxes();
  const sandbox = await createSandbox(sandboxes);
  const shell = await startShell(sandbox, TICKING);
  await ticks(shell, 1);
  sandbox.freeze();
  await sandbox.killAll();
  assert.deepEqual(await shell.process.exited, { signal: 'SIGKILL' });
  const next = await startShell(sandbox, TICKING);
  await ticks(next, 1);
  sandbox.freeze();
  await sandbox.destroy();
  assert.deepEqual(await next.process.exited, { signal: 'SIGKILL' });
  // What comes late is of no effect.
  sandbox.thaw();
  sandbox.freeze();
  sandbox.limitCpu(true);
});

/** Plays a server that makes a sandbox, freezes it, and tells the names of its control groups. */
const [script, folder] = [fileURLToPath(import.meta.url), process.env['FROZEN_IN']];
if (folder !== undefined) {
  const sandbox = await createSandbox(sandboxesIn(folder));
  await ticks(await startShell(sandbox, TICKING), 1);
  sandbox.freeze();
  console.log('frozen');
  setInterval(() => {}, 60_000);
}

test('what a killed server left frozen is gone after the next start, and others stay', {
  skip: folder !== undefined || skip,
}, async () => {
  const own = mkdtempSync(join(tmpdir(), 'lambdad-frozen-'));
  await using others = openSandboxes();
  await using other = await createSandbox(others);
  const shell = await startShell(other, TICKING);
  await ticks(shell, 1);
  const server = spawn(process.execPath, [script], {
    env: { ...process.env, FROZEN_IN: own, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(server.stdout, 'data');
  const identity = `lambdad-${identityOf(join(own, 'linux'))}-`;
  const processes = groupsNamed(identity).flatMap((path) =>
    readFileSync(join(path, 'cgroup.procs'), 'utf8').trim().split('\n'),
  );
  assert.ok(processes.length > 0);
  server.kill('SIGKILL');
  await once(server, 'exit');
  const next = sandboxesIn(own);
  await next.reconcile();
  await next.close();
  assert.deepEqual(groupsNamed(identity), []);
  const alive = readdirSync('/proc').filter((pid) => processes.includes(pid) && !isZombie(pid));
  assert.deepEqual(alive, []);
  await ticks(shell, 2);
  rmSync(own, { recursive: true, force: true });
});

function isZombie(pid: string): boolean {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('with the freezer of version 1, whom even a kill does not wake', {
  skip: folder !== undefined || skip || (firstFreezer() === undefined && 'version 1 has no freezer here'),
}, async () => {
  const parent = firstFreezer() as string;
  const directory = join(parent, `lambdad-frozentest${process.pid}-1`);
  mkdirSync(directory);
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  const freezer = freezerControl(directory);
  try {
    writeFileSync(join(directory, 'cgroup.procs'), String(child.pid));
    freezer.freeze();
    child.kill('SIGKILL');
    assert.equal(child.exitCode, null);
    const exited = once(child, 'exit');
    await groupsAt({ freezer: { version: 1, parent } }, `frozentest${process.pid}`).reconcile();
    assert.deepEqual(await exited, [null, 'SIGKILL']);
    assert.throws(() => rmdirSync(directory), { code: 'ENOENT' });
  } finally {
    child.kill('SIGKILL');
  }
});

test('what others left empty long ago is removed, and nothing that is young or has a process', {
  skip: folder !== undefined || skip,
}, async (context) => {
  const groups = findGroups(`abandonedtest${process.pid}`);
  const place = groups.versions.pids && findPlace('pids');
  if (!place) return context.skip('no control groups here');
  const named = (part: string) => join(place.parent, `lambdad-otherserver${process.pid}${part}`);
  // The last one has the form of the group that a server itself is in.
  const directories = ['-old', '-young', '-taken', ''].map(named);
  for (const directory of directories) mkdirSync(directory);
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  try {
    writeFileSync(join(named('-taken'), 'cgroup.procs'), String(child.pid));
    const twoHoursAgo = Date.now() / 1000 - 7200;
    for (const part of ['-old', '-taken', '']) utimesSync(named(part), twoHoursAgo, twoHoursAgo);
    await groups.reconcile();
    assert.deepEqual(directories.filter(existsSync), ['-young', '-taken', ''].map(named));
  } finally {
    child.kill('SIGKILL');
    await exited;
    for (const directory of directories.filter(existsSync)) rmdirSync(directory);
  }
});

/** Where the first version's freezer is, though the second's is preferred. */
function firstFreezer(): string | undefined {
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup \S+ \S*\bfreezer\b/m.exec(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  );
  return mount?.[1];
}
