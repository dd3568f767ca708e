import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  lackOf,
  type Mode,
  openSandbox,
  openWorkshop,
  runShell,
  SANDBOX_HOST_UID,
  setupOf,
  spawnSandbox,
} from './launcher-harness.ts';

/** What a shell inside says of a wall: while it stands, and when it alone is left away. */
interface Evidence {
  readonly script: string;
  readonly standing: (said: string) => boolean;
  /** Only where this wall is one of its own: in a user namespace another stands at the same place. */
  readonly modes?: readonly Mode[];
}

const SETUP = ['tmp', '8388608', '512', 'hostname', 'box', 'nofile', '512'];

const isZero = (said: string) => /^0+$/.test(said);
const status = (field: string) => `sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`;
const mountOptions = (path: string) =>
  `while read -r id above device root path options rest; do
    [ "$path" != ${path} ] || echo "$options"; done < /proc/self/mountinfo`;
const namespace = (name: string): Evidence => ({
  script: `readlink /proc/self/ns/${name}`,
  standing: (said) => said !== readlinkSync(`/proc/self/ns/${name}`),
});

const walls: Record<string, Evidence> = {
  seccomp: { script: status('Seccomp'), standing: (said) => said === '2' },
  capabilities: { script: status('CapEff'), standing: isZero },
  'no-new-privs': { script: status('NoNewPrivs'), standing: (said) => said === '1' },
  pid: namespace('pid'),
  net: namespace('net'),
  ipc: namespace('ipc'),
  uts: namespace('uts'),
  'cgroup-namespace': namespace('cgroup'),
  'proc-masks': { script: mountOptions('/proc/kallsyms'), standing: (said) => said !== '' },
  'proc-readonly': { script: mountOptions('/proc/sys'), standing: (said) => said.startsWith('ro') },
  readonly: { script: mountOptions('/'), standing: (said) => said.startsWith('ro') },
  user: { script: 'id -u', standing: (said) => said === String(SANDBOX_HOST_UID), modes: ['root'] },
  rlimits: { script: 'ulimit -n', standing: (said) => said === '512' },
  nosuid: { script: mountOptions('/tmp'), standing: (said) => said.includes('nosuid'), modes: ['root'] },
  nodev: { script: mountOptions('/tmp'), standing: (said) => said.includes('nodev'), modes: ['root'] },
  dumpable: { script: 'stat -c %u /proc/1/environ', standing: (said) => said !== '993', modes: ['userns'] },
  devices: { script: 'ls /dev | wc -l', standing: (said) => said === '9' },
};

for (const mode of ['root', 'userns'] as const) {
  describe(`walls left away, mode ${mode}`, { skip: lackOf(mode) }, () => {
    for (const [wall, { script, standing, modes = ['root', 'userns'] }] of Object.entries(walls)) {
      if (!modes.includes(mode)) continue;
      test(wall, async () => {
        using workshop = openWorkshop();
        await using whole = await openSandbox(workshop, mode, SETUP);
        await using without = await openSandbox(workshop, mode, [
          'tmp',
          '8388608',
          '512',
          'hostname',
          'box',
          'omit',
          wall,
        ]);
        const [had, left] = [await runShell(whole, script), await runShell(without, script)];
        assert.equal(standing(had.output.trim()), true, `stands: ${had.output}${had.errors}`);
        assert.equal(standing(left.output.trim()), false, `left away: ${left.output}${left.errors}`);
      });
    }

    test('a wall that nobody knows is refused', async () => {
      using workshop = openWorkshop();
      const sandbox = spawnSandbox(workshop, mode);
      sandbox.send(setupOf(workshop, mode, ['omit', 'everything']));
      const answer = await sandbox.answer(({ error }) => error !== undefined);
      assert.deepEqual([answer['step'], answer['error']], ['setup', 'everything is no wall: Invalid argument']);
      assert.equal(await sandbox.ended, 1);
    });
  });
}
