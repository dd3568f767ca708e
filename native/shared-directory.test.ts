import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Answer,
  credentialsOf,
  type Mode,
  NOBODY_UID,
  openSandbox,
  openWorkshop,
  runShell,
  setupOf,
  spawnSandbox,
} from './launcher-harness.ts';

const isRoot = process.getuid?.() === 0;
const OWNER_UID = 54321;
const STRANGER_UID = 54322;

function lackOf(mode: Mode): string | false {
  if (process.platform !== 'linux') return 'the launcher is for Linux';
  if (!isRoot) return 'directories of others take root to make';
  using workshop = openWorkshop();
  const probe = spawnSync(workshop.binary, ['probe'], { encoding: 'utf8', ...credentialsOf(mode) });
  return (JSON.parse(probe.stdout) as Answer)['ok'] === true ? false : `no sandbox here: ${probe.stdout.trim()}`;
}

for (const mode of ['root', 'userns'] as const) {
  // In a user namespace the function is the server's own user, whose directory it then has to be.
  const owner = mode === 'root' ? OWNER_UID : NOBODY_UID;

  describe(`a directory shared with its owner, ${mode}`, { skip: lackOf(mode) }, () => {
    function openShared() {
      const workshop = openWorkshop();
      const shared = join(workshop.directory, 'shared');
      mkdirSync(shared, { mode: 0o700 });
      writeFileSync(join(shared, 'old'), 'old\n', { mode: 0o600 });
      writeFileSync(join(shared, 'foreign'), 'foreign\n');
      chmodSync(join(shared, 'foreign'), 0o666);
      for (const name of ['.', 'old']) chownSync(join(shared, name), owner, owner);
      chownSync(join(shared, 'foreign'), STRANGER_UID, STRANGER_UID);
      return { workshop, shared, bind: ['bind', shared, '/mnt/shared', 'owner', 'tmp', '8388608', '512'] };
    }

    test('is read and written as its owner', async () => {
      const { workshop, shared, bind } = openShared();
      using _ = workshop;
      await using sandbox = await openSandbox(workshop, mode, bind);
      const script = 'cat old; echo more >> old; mkdir dir; echo new > dir/new; stat -c %u old dir/new; id -u';
      const { output, errors } = await runShell(sandbox, script, ['cwd', '/mnt/shared']);
      assert.equal(errors, '');
      const [first, ...uids] = output.trim().split('\n');
      assert.equal(first, 'old');
      assert.equal(new Set(uids).size, 1, output);
      assert.equal(readFileSync(join(shared, 'old'), 'utf8'), 'old\nmore\n');
      const { uid, gid } = statSync(join(shared, 'dir', 'new'));
      assert.deepEqual([uid, gid], [owner, owner]);
    });

    test('shows what others own as nobody owns it', async () => {
      const { workshop, shared, bind } = openShared();
      using _ = workshop;
      await using sandbox = await openSandbox(workshop, mode, bind);
      const script = 'cat foreign; stat -c %u foreign; chmod 777 foreign 2>/dev/null || echo refused';
      const { output } = await runShell(sandbox, script, ['cwd', '/mnt/shared']);
      assert.deepEqual(output.trim().split('\n'), ['foreign', String(NOBODY_UID), 'refused']);
      assert.equal(statSync(join(shared, 'foreign')).mode & 0o777, 0o666);
    });

    test('is not looked for through links', async () => {
      const { workshop, shared } = openShared();
      using _ = workshop;
      const link = join(workshop.directory, 'link');
      symlinkSync(shared, link);
      const sandbox = spawnSandbox(workshop, mode);
      sandbox.send(setupOf(workshop, mode, ['bind', link, '/mnt/shared', 'owner']));
      const answer = await sandbox.answer((it) => typeof it['error'] === 'string');
      assert.deepEqual([answer['step'], answer['errno']], ['owner', constants.errno.ELOOP]);
      assert.equal(await sandbox.ended, 1);
    });

    test('gets no set-user-ID programs and no devices', async () => {
      const { workshop, shared, bind } = openShared();
      using _ = workshop;
      await using sandbox = await openSandbox(workshop, mode, bind);
      const script = `
        cp /bin/sh sh; chmod 755 sh
        for bits in 4755 2755 6755; do chmod $bits sh 2>/dev/null || echo refused; done
        cp /bin/sh /tmp/sh; chmod u+s /tmp/sh 2>/dev/null || echo refused
        mknod device c 1 3 2>/dev/null || echo refused
        python3 -c 'import os; os.open("made", os.O_CREAT | os.O_WRONLY, 0o4755)' 2>/dev/null || echo refused`;
      const { output } = await runShell(sandbox, script, ['cwd', '/mnt/shared']);
      assert.deepEqual(output.trim().split('\n'), Array(6).fill('refused'));
      assert.equal(statSync(join(shared, 'sh')).mode & 0o7777, 0o755);
    });
  });
}

describe('a directory that cannot be shared', { skip: lackOf('root') }, () => {
  test('refuses the sandbox at a step of its own', async () => {
    using workshop = openWorkshop();
    const absent = join(workshop.directory, 'absent');
    // Nobody can say who owns the files of /proc.
    for (const source of [absent, '/proc']) {
      const sandbox = spawnSandbox(workshop, 'root');
      sandbox.send(setupOf(workshop, 'root', ['bind', source, '/mnt/shared', 'owner']));
      const answer = await sandbox.answer((it) => typeof it['error'] === 'string');
      assert.equal(answer['step'], 'owner');
      assert.ok(String(answer['error']).includes(source), String(answer['error']));
      assert.equal(await sandbox.ended, 1);
    }
  });
});
