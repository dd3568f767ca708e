import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder } from './cached-folder.ts';
import { ClientMissing, runClient } from './client-run.ts';
import { type Artefact, isInRange, type RuntimeFamily } from './description.ts';
import { fetchMavenFiles } from './maven-files.ts';
import { npmCi } from './npm-release.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The artefacts that go with an interpreter of this version. */
export function artefactsOf(family: RuntimeFamily, version: string): readonly Artefact[] {
  return family.description.artefacts.filter((artefact) => isInRange(artefact, version));
}

/** Where an artefact lies once it is fetched: named for what pins it, so that another pin is another folder. */
export function artefactPlace(cacheDir: string, family: RuntimeFamily, artefact: Artefact): string {
  const hash = createHash('sha256').update(pinsOf(family, artefact));
  if (artefact.leaveOut) hash.update(JSON.stringify(artefact.leaveOut));
  const digest = hash.digest('hex').slice(0, 16);
  return join(cacheDir, 'artefacts', `${family.name}-${artefact.name}-${digest}`);
}

function pinsOf(family: RuntimeFamily, artefact: Artefact): string {
  switch (artefact.client) {
    case 'npm':
      return readFileSync(join(family.directory, artefact.folder, 'package-lock.json'), 'utf8');
    case 'pip':
      return readFileSync(join(family.directory, artefact.requirements), 'utf8');
    case 'maven':
      return JSON.stringify(artefact.files);
  }
}

export interface ArtefactFetch {
  readonly family: RuntimeFamily;
  readonly artefact: Artefact;
  readonly place: string;
  /** The interpreter on the host, for clients that belong to a language. */
  readonly interpreter: string;
  /** URL of a Maven repository, for machines without `mvn`. */
  readonly mavenRepository?: string | undefined;
  readonly env: Environment;
}

/** Fetches an artefact into its place, unless it is there. Rejects with an Error whose message says why it cannot. */
export async function fetchArtefact(fetch: ArtefactFetch): Promise<void> {
  const { artefact, place } = fetch;
  await cachedFolder(place, async (work) => {
    await fill(work, fetch);
    if (artefact.leaveOut) await removeLeftOut(work, artefact.leaveOut);
  });
}

async function fill(work: string, fetch: ArtefactFetch): Promise<void> {
  const { family, artefact } = fetch;
  switch (artefact.client) {
    case 'npm':
      return fetchNpm(join(family.directory, artefact.folder), work, fetch);
    case 'pip':
      return fetchPip(join(family.directory, artefact.requirements), work, fetch);
    case 'maven':
      return fetchMavenFiles(artefact.files, work, fetch);
  }
}

async function fetchNpm(folder: string, work: string, { artefact, env }: ArtefactFetch): Promise<void> {
  const described = ['package.json', 'package-lock.json'];
  for (const name of described) await copyFile(join(folder, name), join(work, name));
  // A function waits for it, and can do without.
  await npmCi(work, env, artefact.optional ? ['--fetch-retries=0'] : []);
  for (const name of described) await rm(join(work, name));
}

async function removeLeftOut(root: string, leaveOut: readonly string[]): Promise<void> {
  const named = new Set(leaveOut.map((pattern) => (pattern.includes('/') ? join(root, pattern) : pattern)));
  const endings = leaveOut.filter((pattern) => pattern.startsWith('*')).map((pattern) => pattern.slice(1));
  const look = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (named.has(entry.name) || named.has(path) || endings.some((ending) => entry.name.endsWith(ending)))
        await rm(path, { recursive: true });
      else if (entry.isDirectory()) await look(path);
    }
  };
  await look(root);
}

/** By the interpreter's own pip, else by that of the `python3` on PATH, else by uv. */
async function fetchPip(
  requirements: string,
  work: string,
  { artefact, interpreter, env }: ArtefactFetch,
): Promise<void> {
  const options = ['--no-deps', '--require-hashes', '--only-binary', ':all:', '--target', work, '-r', requirements];
  if (artefact.optional) options.push('--retries', '0');
  const quiet = [
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    '--no-compile',
    '--root-user-action',
    'ignore',
  ];
  const clients: readonly (readonly [string, readonly string[]])[] = [
    [interpreter, ['-m', 'pip', 'install', ...quiet, ...options]],
    ['python3', ['-m', 'pip', 'install', ...quiet, ...options]],
    ['uv', ['pip', 'install', '--quiet', '--python', interpreter, ...options]],
  ];
  let complaint: unknown;
  for (const [program, args] of clients) {
    try {
      return await runClient(program, args, work, env);
    } catch (error) {
      const lacksPip = (error as Error).message.includes('No module named pip');
      if (!(error instanceof ClientMissing) && !lacksPip) throw error;
      complaint ??= error;
    }
  }
  throw complaint;
}
