import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder } from './cached-folder.ts';
import { runClient } from './client-run.ts';
import type { NpmInterpreter, RuntimeFamily } from './description.ts';

/** A package of npm's that is the interpreter for one platform, pinned by the integrity of its tarball. */
export interface NpmRelease {
  readonly package: string;
  readonly version: string;
  readonly integrity: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const platform = `${process.platform}-${process.arch}`;
const OPTIONS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/** The release that serves a version on this platform, or undefined when there is none. */
export function releaseOf(family: RuntimeFamily, interpreter: NpmInterpreter, version: string): NpmRelease | undefined {
  const text = readFileSync(join(family.directory, interpreter.releases), 'utf8');
  const releases = JSON.parse(text) as Record<string, Record<string, NpmRelease>>;
  return releases[platform]?.[version];
}

/** Where a release lies once it is fetched. */
export function releasePlace(cacheDir: string, family: RuntimeFamily, release: NpmRelease): string {
  return join(cacheDir, 'programs', `${family.name}-${release.version}-${platform}`);
}

/** The program of a release that is there. */
export function releaseProgram(place: string, release: NpmRelease): string {
  const packageDir = join(place, 'node_modules', release.package);
  const { bin } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
    bin: string | Record<string, string>;
  };
  return join(packageDir, typeof bin === 'string' ? bin : (Object.values(bin)[0] ?? ''));
}

/** Fetches a release into its place, unless it is there. Rejects with an Error whose message says what is missing. */
export async function fetchRelease(place: string, release: NpmRelease, env: Environment): Promise<void> {
  const dependencies = { [release.package]: release.version };
  const root = { name: 'runtime', version: '1.0.0', dependencies };
  const lock = {
    ...root,
    dependencies: undefined,
    lockfileVersion: 3,
    packages: {
      '': root,
      [`node_modules/${release.package}`]: { version: release.version, integrity: release.integrity },
    },
  };
  await cachedFolder(place, async (work) => {
    await writeFile(join(work, 'package.json'), JSON.stringify(root));
    await writeFile(join(work, 'package-lock.json'), JSON.stringify(lock));
    await npmCi(work, env);
  });
}

/** Installs what the lock file of a folder names, without running anything of it. */
export function npmCi(directory: string, env: Environment, more: readonly string[] = []): Promise<void> {
  return runClient('npm', ['ci', ...OPTIONS, ...more], directory, env);
}
