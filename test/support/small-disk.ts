import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { everythingRequired } from './requirement.ts';

const isRoot = process.getuid?.() === 0;

/** As root a mount namespace is enough; others need a user namespace around it, which some systems forbid. */
const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

/** On the build machine the tests must run: there a lack of mounts fails them. */
const mustRun = isRoot && everythingRequired;

/** The `skip` option of tests that need a small disk. */
export function whyNoSmallDisk(): string | false {
  if (mustRun) return false;
  if (process.platform !== 'linux') return 'mount namespaces are a feature of Linux';
  const probe = spawnSync('unshare', [...namespaces, 'mount', '-t', 'tmpfs', 'none', '/tmp'], { encoding: 'utf8' });
  return probe.status === 0 ? false : `no private mounts here: ${probe.stderr || probe.error?.message}`;
}

interface SmallDisk {
  /** As mount says it: `6m`. */
  readonly size: string;
  /** Mounted anew, for reading alone. */
  readonly readOnly?: boolean;
}

/**
 * Runs `script SCENARIO DIR`, where DIR is a file system of its own that nobody else sees and that is gone with the
 * process. Fails with what the script has said when it fails.
 */
export async function onSmallDisk(script: URL, scenario: string, { size, readOnly }: SmallDisk): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-full-'));
  const remount = readOnly ? 'mount -t tmpfs -o ro none "$1" &&' : '';
  const commands = `mount -t tmpfs -o size=${size} none "$1" && ${remount} exec "$2" "$3" "$4" "$1"`;
  const args = [...namespaces, 'sh', '-c', commands, 'sh', dir, process.execPath, fileURLToPath(script), scenario];
  try {
    // The script is no test file: node's runner must not take its output for reports.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const child = spawn('unshare', args, { env, stdio: ['ignore', 'inherit', 'pipe'] });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    if (code !== 0) throw new Error(said);
  } finally {
    await rm(dir, { recursive: true });
  }
}
