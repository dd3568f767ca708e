import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Answer, lackOf, openOutput, openSandbox, openWorkshop, type Workshop } from './launcher-harness.ts';

const GATE = '/var/task/gate';
const SETUP = ['tmp', '8388608', '512', 'dir', '/var/task', 'dir', '/opt', 'gate', GATE];
/** Waits, then tells what it was given and what it sees. */
const WAITS = `read text < ${GATE}; echo "$text"; cd /var/task; echo *; cat code /opt/code; echo spoilt 2>&1 > code; echo over`;

function packageIn(workshop: Workshop, name: string): string {
  const directory = join(workshop.directory, name);
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(join(directory, 'code'), `code of ${name}\n`, { mode: 0o644 });
  return directory;
}

const shell = (script: string) => ['arg', '/bin/sh', 'arg', '-c', 'arg', script, 'env', 'PATH=/usr/bin:/bin'];
const isAnswer = (answer: Answer) => 'assigned' in answer || 'unassigned' in answer;

for (const mode of ['root', 'userns'] as const) {
  const skip = lackOf(mode);

  describe(`a process that waits, ${mode === 'root' ? 'started by root' : 'started by an ordinary user'}`, {
    skip,
  }, () => {
    test('is given its files, read-only, and its text', async () => {
      using workshop = openWorkshop();
      await using sandbox = await openSandbox(workshop, mode, SETUP);
      using output = openOutput(sandbox, 20);
      sandbox.send(['start', 'a', ...shell(WAITS)]);
      const [code, layer] = [packageIn(workshop, 'one'), packageIn(workshop, 'two')];
      sandbox.send(['assign', 'a', 'text', 'what it shall be\n', 'bind', code, '/var/task', 'bind', layer, '/opt']);
      assert.deepEqual(await sandbox.answer(isAnswer), { assigned: 'a' });
      const told = await output.until('over\n');
      const refused = /.*Read-only file system\n/;
      assert.match(told, refused);
      assert.equal(told.replace(refused, ''), 'what it shall be\ncode\ncode of one\ncode of two\nover\n');
    });

    test('is given its files before its text, and told by its text what went wrong', async () => {
      using workshop = openWorkshop();
      await using sandbox = await openSandbox(workshop, mode, SETUP);
      using output = openOutput(sandbox, 20);
      sandbox.send(['start', 'a', ...shell(WAITS)]);
      const [code, layer] = [packageIn(workshop, 'one'), packageIn(workshop, 'two')];
      sandbox.send(['mount', 'a', 'bind', code, '/var/task', 'bind', layer, '/opt']);
      sandbox.send(['assign', 'a', 'text', 'what it shall be\n']);
      assert.deepEqual(await sandbox.answer(isAnswer), { assigned: 'a' });
      const told = await output.until('over\n');
      assert.match(told, /^what it shall be\ncode\ncode of one\ncode of two\n/);
      sandbox.send(['mount', 'a', 'bind', code, '/opt']);
      sandbox.send(['assign', 'a', 'text', 'x\n']);
      const again = await sandbox.answer((answer) => 'unassigned' in answer);
      assert.deepEqual(again, { unassigned: 'a', step: 'command', errno: 22 });
      await using other = await openSandbox(workshop, mode, SETUP);
      other.send(['start', 'a', ...shell(`read text < ${GATE}; sleep 100`)]);
      other.send(['mount', 'a', 'bind', join(workshop.directory, 'nowhere'), '/var/task']);
      other.send(['assign', 'a', 'text', 'x\n']);
      assert.deepEqual(await other.answer(isAnswer), { unassigned: 'a', step: 'bind', errno: 2 });
      await using third = await openSandbox(workshop, mode, SETUP);
      third.send(['start', 'a', ...shell(`read text < ${GATE}; sleep 100`)]);
      third.send(['assign', 'a', 'text', 'x\n']);
      assert.deepEqual(await third.answer(isAnswer), { unassigned: 'a', step: 'command', errno: 22 });
    });

    test('stands in the files that cover its directory, without going there', async () => {
      using workshop = openWorkshop();
      await using sandbox = await openSandbox(workshop, mode, SETUP);
      using output = openOutput(sandbox, 20);
      const script = `echo *; read text < ${GATE}; cat code; readlink /proc/self/cwd; echo over`;
      sandbox.send(['start', 'a', ...shell(script), 'cwd', '/var/task']);
      sandbox.send(['assign', 'a', 'text', 'x\n', 'bind', packageIn(workshop, 'one'), '/var/task']);
      assert.equal(await output.until('over\n'), 'gate\ncode of one\n/var/task\nover\n');
    });

    test('is given nothing more, and nothing that is not there', async () => {
      using workshop = openWorkshop();
      await using sandbox = await openSandbox(workshop, mode, SETUP);
      const code = packageIn(workshop, 'one');
      sandbox.send(['start', 'a', ...shell(`read text < ${GATE}; sleep 100`)]);
      sandbox.send(['assign', 'a', 'text', 'x\n', 'bind', code, '/var/task']);
      await sandbox.answer(isAnswer);
      sandbox.send(['assign', 'a', 'text', 'x\n', 'bind', code, '/opt']);
      const again = await sandbox.answer((answer) => 'unassigned' in answer);
      assert.deepEqual(again, { unassigned: 'a', step: 'command', errno: 22 });
      await using other = await openSandbox(workshop, mode, SETUP);
      other.send(['start', 'a', ...shell(`read text < ${GATE}; sleep 100`)]);
      other.send(['assign', 'a', 'text', 'x\n', 'bind', join(workshop.directory, 'nowhere'), '/var/task']);
      assert.deepEqual(await other.answer(isAnswer), { unassigned: 'a', step: 'bind', errno: 2 });
    });
  });
}
