/** One probe in a sandbox that is set up as the server does it, but for the walls that are named. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOutput, openWorkshop, SANDBOX_HOST_UID, spawnSandbox } from '../../native/launcher-harness.ts';
import { setupStrings } from '../../src/sandboxes/linux/sandbox-setup.ts';
import type { Outcome } from './battery-run.ts';
import type { ProbeWorld, Walls } from './probe-layers.ts';

const MARK = 'end of the probe';
const TMP_BYTES = 16 * 1_048_576;

/** What the probe `name` answers with those walls gone. */
export async function probeWithoutWalls(
  name: string,
  world: ProbeWorld,
  walls: Walls,
  files: Readonly<Record<string, string>>,
): Promise<Outcome> {
  using workshop = openWorkshop();
  const code = mkdtempSync(join(tmpdir(), 'lambdad-probe-'));
  chmodSync(code, 0o755);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(code, file), text);
  const emptyDir = join(code, 'empty');
  mkdirSync(emptyDir);
  const sandbox = spawnSandbox(workshop, 'root');
  try {
    sandbox.send(withoutWalls(setupOf(workshop.directory, emptyDir, code), world, walls));
    await sandbox.answer((answer) => answer['ready'] === true);
    using output = openOutput(sandbox, 20);
    const runsInNode = files['probes.mjs']?.includes(`${name}:`) === true && name === 'datagram_to_the_host';
    const program = runsInNode ? [process.execPath, '/var/task/probes.mjs'] : [world.python, '/var/task/probes.py'];
    const shell = `"$@" 2>&1; echo '${MARK}'`;
    const argv = ['/bin/sh', '-c', shell, 'sh', ...program, name, JSON.stringify(world)];
    sandbox.send([
      'start',
      'probe',
      ...argv.flatMap((arg) => ['arg', arg]),
      'env',
      'PATH=/usr/bin:/bin',
      'cwd',
      '/var/task',
    ]);
    const text = await output.until(MARK);
    const line = text.split('\n').find((candidate) => candidate.startsWith('{'));
    return line === undefined ? { stopped: `no answer: ${text}` } : (JSON.parse(line) as Outcome);
  } catch (error) {
    return { stopped: `the sandbox: ${(error as Error).message}` };
  } finally {
    sandbox.launcher.kill('SIGKILL');
    await sandbox.ended;
    rmSync(code, { recursive: true, force: true });
  }
}

function setupOf(directory: string, emptyDir: string, code: string): string[] {
  const options = { runDir: join(directory, 'root'), emptyDir, bubblewrap: undefined };
  const mounts = [
    { source: code, target: '/var/task' },
    { source: process.execPath, target: process.execPath },
  ];
  const spec = { id: 'probe', mounts, tmpBytes: TMP_BYTES, memoryBytes: 0 };
  return setupStrings(options, spec, SANDBOX_HOST_UID);
}

function withoutWalls(setup: readonly string[], world: ProbeWorld, { omit = [], bind, tmp }: Walls): string[] {
  // Without a listener: a host's network may have that port in use, and no probe wants the Runtime API.
  const strings = [...setup, 'network', 'none'];
  if (tmp) {
    const at = strings.indexOf('tmp');
    strings.splice(at, 3, 'bind', tmp(world), '/tmp', 'rw');
  }
  const shown = bind?.(world) ?? [];
  return [
    ...strings,
    ...shown.flatMap(([from, to]) => ['bind', from, to, 'ro']),
    ...omit.flatMap((wall) => ['omit', wall]),
    'end',
  ];
}
