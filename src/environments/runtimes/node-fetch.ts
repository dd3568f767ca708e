import { execFile } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../base/durable-folder.ts';
import { type NodeRelease, nodeReleases, OWN_NODE_MAJOR } from './node-releases.ts';

/**
 * Finds the Node of a major version: the one we run on for 24, otherwise a package that npm fetches once into the cache
 * and checks against the pinned integrity.
 */

const FETCH_MS_MAX = 600_000;
const platform = `${process.platform}-${process.arch}`;

const fetching = new Map<string, Promise<string>>();

function binaryOf(packageDir: string): string {
  const { bin } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
    bin: string | { node: string };
  };
  return join(packageDir, typeof bin === 'string' ? bin : bin.node);
}

/** The binary when it is there already, without fetching anything. */
export function installedNode(cacheDir: string, major: number): string | undefined {
  if (major === OWN_NODE_MAJOR) return process.execPath;
  const release = nodeReleases[platform]?.[major];
  if (!release) return undefined;
  const packageDir = join(placeOf(cacheDir, release), 'node_modules', release.packageName);
  return existsSync(join(packageDir, 'package.json')) ? binaryOf(packageDir) : undefined;
}

function placeOf(cacheDir: string, release: NodeRelease): string {
  return join(cacheDir, 'node', `${release.version}-${platform}`);
}

/**
 * The binary, fetched first when it is not there. `progress` gets a line for people.
 * Rejects with an Error whose message says what is missing.
 */
export async function fetchNode(cacheDir: string, major: number, progress: (line: string) => void): Promise<string> {
  const installed = installedNode(cacheDir, major);
  if (installed !== undefined) return installed;
  const release = nodeReleases[platform]?.[major];
  if (!release) throw new Error(`There is no Node ${major} for ${platform}.`);
  const place = placeOf(cacheDir, release);
  let running = fetching.get(place);
  if (!running) {
    running = fetchPackage(place, release, progress).finally(() => fetching.delete(place));
    fetching.set(place, running);
  }
  return await running;
}

async function fetchPackage(place: string, release: NodeRelease, progress: (line: string) => void): Promise<string> {
  progress(`fetching Node ${release.version} (once) …`);
  const work = `${place}.${process.pid}.part`;
  rmSync(work, { recursive: true, force: true });
  await makeFolder(work);
  const dependencies = { [release.packageName]: release.version };
  const locked = { version: release.version, integrity: release.integrity };
  writeFileSync(join(work, 'package.json'), JSON.stringify({ name: 'runtime', version: '1.0.0', dependencies }));
  writeFileSync(
    join(work, 'package-lock.json'),
    JSON.stringify({
      name: 'runtime',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: {
        '': { name: 'runtime', version: '1.0.0', dependencies },
        [`node_modules/${release.packageName}`]: locked,
      },
    }),
  );
  try {
    await npmCi(work);
    moveIntoPlace(work, place);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  progress(`Node ${release.version} is ready`);
  return binaryOf(join(place, 'node_modules', release.packageName));
}

/** Another server may have fetched the same release meanwhile: then its copy stays. */
function moveIntoPlace(work: string, place: string): void {
  try {
    renameSync(work, place);
  } catch (error) {
    if (!existsSync(join(place, 'package.json'))) throw error;
  }
}

function npmCi(directory: string): Promise<void> {
  // Settings of an outer npm (npm start) are in npm_config_* variables and are not meant for this run.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_)?(omit|prefix|global)/i.test(name)),
  );
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return new Promise((resolve, reject) => {
    execFile(
      'npm',
      args,
      { cwd: directory, env, timeout: FETCH_MS_MAX, shell: process.platform === 'win32' },
      (error, _stdout, stderr) => {
        if (!error) return resolve();
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        reject(
          new Error(
            missing
              ? 'npm, which fetches it, is not on the PATH.'
              : `npm could not fetch it: ${stderr.trim().slice(0, 500)}`,
          ),
        );
      },
    );
  });
}
