/** What a sandbox is held to: processes, processors, memory. By way of the port, with real groups of this machine. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { identityOf } from '../../src/sandboxes/linux/linux-sandbox.ts';
import { skipUnless } from '../support/requirement.ts';
import { canMakeSandboxes, createSandbox, groupsNamed, openSandboxes, runShell, startShell } from './linux-port.ts';

const skip = skipUnless(canMakeSandboxes, 'Linux, as root');
/** Forks sleepers until it may not, tells how many there are, and leaves them. */
const FORK_ALL = `perl -e '$| = 1; my $n = 0;
  while ($n < 5000) { my $pid = fork(); last if !defined $pid; if ($pid == 0) { sleep 60; exit } $n++ } print "forked $n\\n"; sleep 60'`;
/** As many busy processes as given, until SIGTERM; then the processor time of all, in seconds. */
const BUSY = (
  processes: number,
) => `trap 'kill $(jobs -p); wait; times > /tmp/times; sed -n "2s/^/used /p" /tmp/times; exit' TERM
  for each in $(seq ${processes}); do (while :; do :; done) & done; echo busy; wait`;

function secondsOf(times: string): number {
  const [, minutes, seconds] = /^(\d+)m([\d.]+)s/.exec(times) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

test('a fork bomb ends at 1024 processes, and others go on', { skip }, async () => {
  await using sandboxes = openSandboxes();
  await using bomb = await createSandbox(sandboxes, 1024);
  await using neighbour = await createSandbox(sandboxes);
  const shell = await startShell(bomb, FORK_ALL);
  const forked = Number(await shell.line('forked '));
  assert.ok(forked > 1000 && forked <= 1024, `${forked} processes`);
  assert.equal(await runShell(neighbour, 'echo fine | cat'), 'fine');
  await bomb.killAll();
  assert.equal(await runShell(bomb, 'echo again | cat'), 'again');
});

test('busy functions share the processors by their memory', { skip }, async () => {
  await using sandboxes = openSandboxes();
  await using small = await createSandbox(sandboxes, 128);
  await using large = await createSandbox(sandboxes, 1024);
  for (const sandbox of [small, large]) sandbox.limitCpu(true);
  const shells = [await startShell(small, BUSY(4)), await startShell(large, BUSY(4))] as const;
  await Promise.all(shells.map((shell) => shell.line('busy')));
  // Their own work is the clock: a third of the same weight as the large one burns a bounded time.
  await using third = await createSandbox(sandboxes, 1024);
  third.limitCpu(true);
  await runShell(third, 'for each in 1 2 3 4; do (i=0; while [ $i -lt 250000 ]; do i=$((i+1)); done) & done; wait');
  for (const shell of shells) shell.process.signal('SIGTERM');
  const [less, more] = (await Promise.all(shells.map((shell) => shell.line('used ')))).map(secondsOf) as [
    number,
    number,
  ];
  const ratio = more / less;
  assert.ok(ratio > 3 && ratio < 20, `${less} s and ${more} s are 1:${ratio.toFixed(1)}, not about 1:8`);
});

test('under a quota a function gets its share of an idle machine and no more, but for its init', { skip }, async () => {
  await using sandboxes = openSandboxes({ cpu: 'quota' });
  await using sandbox = await createSandbox(sandboxes, 256);
  const work = `perl -e '$i++ while $i < 3_000_000'`;
  /** How often the kernel has made the sandbox wait for its next share; that of sandboxes that stand by is 0. */
  const waits = () => {
    const groups = groupsNamed(`lambdad-${identityOf(join(sandboxes.folder, 'linux'))}-`);
    const counts = groups.map((path) => /^nr_throttled (\d+)$/m.exec(readIfThere(join(path, 'cpu.stat')))?.[1] ?? '0');
    return Math.max(...counts.map(Number));
  };
  await runShell(sandbox, work);
  assert.equal(waits(), 0, 'init is not limited');
  sandbox.limitCpu(true);
  await runShell(sandbox, work);
  const limited = waits();
  assert.ok(limited > 0, '256 MB are a seventh of a processor');
  sandbox.limitCpu(false);
  await runShell(sandbox, work);
  assert.ok(waits() <= limited + 1, 'nor is it when the limit is taken off');
});

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

test('a function that takes more memory than it has ends, and the reason can be read', { skip }, async () => {
  await using sandboxes = openSandboxes();
  await using sandbox = await createSandbox(sandboxes, 128);
  const shell = await startShell(sandbox, `exec perl -e 'my $x = "x" x 300_000_000; print "survived\\n"; sleep 60'`);
  const exit = await shell.process.exited;
  assert.equal(exit.signal, 'SIGKILL');
  assert.equal(sandbox.outOfMemory(), true);
  assert.equal(await runShell(sandbox, 'echo again | cat'), 'again');
  assert.equal(sandbox.outOfMemory(), false);
});
