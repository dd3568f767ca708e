import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lackOf, openSandbox, openWorkshop, runShell } from './launcher-harness.ts';

const version = (() => {
  using workshop = openWorkshop();
  const { stdout } = spawnSync(workshop.binary, ['probe'], { encoding: 'utf8' });
  return Number(JSON.parse(stdout || '{}').landlock ?? 0);
})();
const lackOfLandlock = version > 0 ? false : 'this kernel has no Landlock';
/** Since its sixth version it knows of sockets whose names are no files. */
const scopes = version >= 6;

const TRY = (act: string) => `{ ${act}; } 2>/dev/null && echo yes || echo no`;

for (const mode of ['root', 'userns'] as const) {
  describe(`Landlock, mode ${mode}`, { skip: lackOf(mode) || lackOfLandlock }, () => {
    test('writes go to /tmp and to what is bound to be written, whatever else is writable', async () => {
      using workshop = openWorkshop();
      for (const name of ['shared', 'kept']) mkdirSync(join(workshop.directory, name));
      writeFileSync(join(workshop.directory, 'shared', 'notes'), '');
      for (const name of ['shared', 'shared/notes', 'kept']) chmodSync(join(workshop.directory, name), 0o777);
      const shared = join(workshop.directory, 'shared');
      const kept = join(workshop.directory, 'kept');
      const binds = ['bind', shared, '/data', 'rw', 'bind', kept, '/kept', 'ro'];
      await using sandbox = await openSandbox(workshop, mode, ['tmp', '8388608', '512', ...binds]);
      const { output } = await runShell(
        sandbox,
        [
          TRY('echo x > /data/notes'),
          TRY(
            'mkdir -p /tmp/a /tmp/b && echo x > /tmp/a/x && mv /tmp/a/x /tmp/b/y && ln /tmp/b/y /tmp/a/z && rm -r /tmp/a /tmp/b',
          ),
          TRY('mkfifo /tmp/pipe && ln -s pipe /tmp/link && cp /bin/true /tmp/true && /tmp/true'),
          TRY('echo x > /dev/null && head -c 1 /dev/zero >/dev/null'),
          TRY('echo name > /proc/self/comm'),
          TRY('echo out > /dev/stderr'),
          TRY('echo x > /kept/new'),
          TRY('cat /etc/passwd >/dev/null && ls /usr >/dev/null'),
        ].join('\n'),
      );
      assert.deepEqual(output.trim().split('\n'), ['yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'no', 'yes']);
    });

    test("on the host's network, sockets of the host that are no files are out of reach", {
      skip: scopes ? false : 'this kernel scopes no sockets',
    }, async () => {
      using workshop = openWorkshop();
      const name = `lambdad-landlock-${process.pid}`;
      const server = createServer((socket) => socket.end()).listen(`\0${name}`);
      try {
        const connect = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack("S a*", AF_UNIX, "\\0${name}"))`;
        const reach = TRY(`perl -e '${connect} or exit 1'`);
        await using walled = await openSandbox(workshop, mode, ['network', 'host']);
        assert.equal((await runShell(walled, reach)).output, 'no\n');
        await using free = await openSandbox(workshop, mode, ['network', 'host', 'omit', 'landlock']);
        assert.equal((await runShell(free, reach)).output, 'yes\n');
      } finally {
        server.close();
      }
    });

    test('it stands by itself: with no_new_privs left away it is there too, and gone when it is left away', async () => {
      using workshop = openWorkshop();
      // A mount is refused to whoever is confined, even where the filter and all privileges are there.
      const privileged = ['omit', 'seccomp', 'omit', 'capabilities', 'omit', 'no-new-privs', 'tmp', '8388608', '512'];
      const number = process.arch === 'arm64' ? 40 : 165;
      const call = `my ($none, $at, $type) = ("none", "/tmp", "tmpfs"); syscall(${number}, $none, $at, $type, 0, 0)`;
      const mount = TRY(`perl -e '${call} == 0 or exit 1'`);
      await using confined = await openSandbox(workshop, mode, privileged);
      assert.equal((await runShell(confined, mount)).output, 'no\n');
      await using free = await openSandbox(workshop, mode, [...privileged, 'omit', 'landlock']);
      assert.equal((await runShell(free, mount)).output, 'yes\n');
    });
  });
}
