/**
 * Amazon's own runtime interface clients, unmodified, as layers for functions of `provided.al2023`: their own packages,
 * with an interpreter where the sandbox has none to offer.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder } from '../../src/runtimes/cached-folder.ts';
import { everythingRequired, skipUnless } from '../support/requirement.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';
import { testCache } from './shared-cache.ts';

/** The client for Node has its native part, with the libraries that it needs, compiled from its package. */
export const RIC_BUILD_MS_MAX = 600_000;

const here = import.meta.dirname;
const run = promisify(execFile);
const LAYER = 'layer.zip';

function placeOf(name: string, ...pins: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const pin of pins) hash.update(pin).update('\0');
  return join(testCache, `${name}-${hash.digest('hex').slice(0, 16)}`);
}

const nodeFolder = join(here, 'ric-node');
const nodePlace = placeOf(
  'ric-node',
  readFileSync(join(nodeFolder, 'package-lock.json')),
  process.version,
  process.arch,
);
const compilers = ['g++', 'make', 'cmake', 'xz', 'python3'];
const hasCompilers = () => compilers.every((name) => spawnSync(name, ['--version']).status === 0);

/** A minute of compiling is for the build machine, once it is done it is for everybody. */
export const skipWithoutNodeRic =
  process.platform !== 'linux'
    ? 'the client for Node builds on Linux'
    : skipUnless(
        existsSync(nodePlace) || (everythingRequired && hasCompilers()),
        `aws-lambda-ric is compiled under CI=true, with ${compilers.join(', ')}`,
      );

/** A layer with /opt/bin/node, the Node that runs the tests, and the package aws-lambda-ric in /opt/ric. */
export async function nodeRicLayer(): Promise<Buffer> {
  await cachedFolder(nodePlace, async (work) => {
    for (const name of ['package.json', 'package-lock.json']) await copyFile(join(nodeFolder, name), join(work, name));
    // Headers of this Node lie beside it; node-gyp would fetch some otherwise.
    const env = { ...process.env, npm_config_nodedir: dirname(dirname(process.execPath)) };
    const args = ['ci', '--foreground-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', args, { cwd: work, env, timeout: RIC_BUILD_MS_MAX, maxBuffer: 64 * 1_048_576 });
    const client = join(work, 'node_modules', 'aws-lambda-ric');
    const entries: Record<string, ZipEntry> = {
      'bin/node': { content: readFileSync(process.execPath), mode: 0o755 },
    };
    for (const name of ['index.mjs', 'package.json', 'rapid-client.node'])
      entries[`ric/${name}`] = readFileSync(join(client, name));
    await writeFile(join(work, LAYER), await zipOf(entries));
    await rm(join(work, 'node_modules'), { recursive: true });
  });
  return readFileSync(join(nodePlace, LAYER));
}

/** The one Python that every sandbox has. */
const SYSTEM_PYTHON = '/usr/bin/python3';
const pythonVersion = spawnSync(SYSTEM_PYTHON, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
  encoding: 'utf8',
}).stdout?.trim();

export const skipWithoutPythonRic = skipUnless(
  process.platform === 'linux' && Number(pythonVersion?.split('.')[1]) >= 10,
  `awslambdaric runs on ${SYSTEM_PYTHON} from 3.10 on`,
);

/** A layer with the package awslambdaric, and what it needs, in /opt/ric. */
export async function pythonRicLayer(): Promise<Buffer> {
  const requirements = join(here, 'ric-python.txt');
  const version = pythonVersion ?? '';
  const place = placeOf('ric-python', readFileSync(requirements), version, process.arch);
  await cachedFolder(place, async (work) => {
    const processor = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    const kind = ['--python-version', version, '--implementation', 'cp', '--platform', `manylinux2014_${processor}`];
    const options = ['--quiet', '--no-deps', '--require-hashes', '--only-binary', ':all:', '--no-compile'];
    const args = ['-m', 'pip', 'install', ...options, ...kind, '--target', work, '-r', requirements];
    await run(pythonWithPip(), args, { timeout: RIC_BUILD_MS_MAX });
  });
  const paths = globSync('**/*', { cwd: place }).filter((path) => statSync(join(place, path)).isFile());
  const entries = paths.map((path) => [`ric/${path}`, readFileSync(join(place, path))] as const);
  return await zipOf(Object.fromEntries(entries));
}

function pythonWithPip(): string {
  const candidates = [SYSTEM_PYTHON, 'python3', process.env['PYTHON_WITH_BOTO3'] ?? ''];
  const found = candidates.find((path) => spawnSync(path, ['-m', 'pip', '--version']).status === 0);
  if (found === undefined) throw new Error('no Python here has pip');
  return found;
}
