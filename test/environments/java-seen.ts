import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { machinePrograms, shippedFamily } from '../../src/runtimes/machine-programs.ts';
import { obtainRuntime } from '../../src/runtimes/obtained-runtime.ts';
import { skipUnless } from '../support/requirement.ts';
import { sharedCacheDir } from '../support/shared-cache.ts';

const runs = (command: string) => spawnSync(command, ['-version'], { stdio: 'ignore' }).status === 0;
export const skipJava = skipUnless(runs('javac') && runs('mvn'), 'a JDK and Maven');

/** The oldest JDK whose processes can wait. */
const WAITING_SINCE = 11;

/** Versions of this machine's Java of which processes can wait, oldest first. */
export async function waitingJavas(): Promise<readonly string[]> {
  const known = await machinePrograms('java', process.env).known();
  return known.map(({ version }) => version).filter((version) => Number(version) >= WAITING_SINCE);
}

/** The class of a source beside the others that tell what they see, for every version. */
export async function compiledJava(name: string, version: string): Promise<Buffer> {
  const match = { family: shippedFamily('java'), version };
  const options = { cacheDir: sharedCacheDir, nearest: false, env: process.env, progress: () => undefined };
  const { directory } = await obtainRuntime(match, options);
  const work = mkdtempSync(join(tmpdir(), 'lambdad-javac-'));
  try {
    const source = join(import.meta.dirname, 'what-is-seen', `${name}.java`);
    const args = ['--release', String(WAITING_SINCE), '-cp', join(directory, 'lib', 'core.jar'), '-d', work, source];
    await promisify(execFile)('javac', args);
    return readFileSync(join(work, `${name}.class`));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
