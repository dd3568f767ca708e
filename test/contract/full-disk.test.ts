import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Large enough for SQLite's files and small enough to fill in a moment. */
const SIZE = '6m';

const isRoot = process.getuid?.() === 0;

/** As root a mount namespace is enough; others need a user namespace around it, which some systems forbid. */
const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

/** On the build machine the tests must run: there a lack of mounts fails them. */
const mustRun = isRoot && process.env['CI'] === 'true';

const script = fileURLToPath(new URL('./full-disk-writer.ts', import.meta.url));

function whyNot(): string | false {
  if (mustRun) return false;
  if (process.platform !== 'linux') return 'mount namespaces are a feature of Linux';
  const probe = spawnSync('unshare', [...namespaces, 'mount', '-t', 'tmpfs', 'none', '/tmp'], { encoding: 'utf8' });
  return probe.status === 0 ? false : `no private mounts here: ${probe.stderr || probe.error?.message}`;
}

/** Runs a scenario on a file system of its own that nobody else sees and that is gone with the process. */
async function onSmallDisk(scenario: string, remount = ''): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-full-'));
  const commands = `mount -t tmpfs -o size=${SIZE} none "$1" && ${remount} exec "$2" "$3" "$4" "$1"`;
  const args = [...namespaces, 'sh', '-c', commands, 'sh', dir, process.execPath, script, scenario];
  try {
    const child = spawn('unshare', args, { stdio: ['ignore', 'inherit', 'pipe'] });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 0, said);
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('a full disk', { skip: whyNot(), timeout: 60_000 }, () => {
  it('refuses commits cleanly, and deletions make room', () => onSmallDisk('metadata'));
  it('takes commits again when there is room', () => onSmallDisk('more room'));
  it('refuses blobs cleanly, and leaves nothing half-written', () => onSmallDisk('blobs'));
  it('refuses events cleanly, keeps those it accepted, and takes more when some have ended', () =>
    onSmallDisk('events'));
  it('is said in one line at the start', () => onSmallDisk('opening'));
  it('a read-only one too', () => onSmallDisk('read-only', 'mount -t tmpfs -o ro none "$1" &&'));
});
