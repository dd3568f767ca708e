import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, join, sep } from 'node:path';

/**
 * Patterns of programs in runtime.json: a path whose `${version}` is the version looked for and whose `*` stands for any
 * part of a name. It begins with `/`, `~/` (the home folder), a variable (`${PYENV_ROOT}/…`, passed over when not set),
 * `${PATH}/…` (each folder of PATH) or `${SHIMS}/…` (those folders of PATH that hold a version manager's shims, which
 * `${PATH}` leaves out: they are slow, and may stand for something that is found directly).
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Folders looked into in one place; a place with more holds something else than programs of ours. */
const FOLDERS_MAX = 200;

/** The executable files that a pattern stands for: in the order of PATH, of names the newest version first. */
export async function matchingPrograms(pattern: string, version: string, env: Environment): Promise<string[]> {
  const [start = '', ...names] = pattern.replaceAll(/\$\{version\}/g, version).split('/');
  let paths = startsOf(start, env);
  for (const name of names) {
    const next = await Promise.all(
      paths.map((path) => (name.includes('*') ? namesIn(path, name) : [join(path, name)])),
    );
    paths = next.flat();
  }
  const found = await Promise.all(paths.map(isExecutable));
  return paths.filter((_path, at) => found[at]);
}

/** Whether a program of this name is on PATH. */
export async function isOnPath(program: string, env: Environment): Promise<boolean> {
  const found = await Promise.all(pathFolders(env).map((folder) => isExecutable(join(folder, program))));
  return found.includes(true);
}

function startsOf(start: string, env: Environment): string[] {
  if (start === '') return [sep];
  if (start === '~') return [env['HOME'] || homedir()];
  const name = /^\$\{(\w+)\}$/.exec(start)?.[1];
  if (name === undefined) throw new Error(`runtime description: a place cannot begin with ${start}`);
  const isShims = (folder: string) => basename(folder) === 'shims';
  if (name === 'PATH') return pathFolders(env).filter((folder) => !isShims(folder));
  if (name === 'SHIMS') return pathFolders(env).filter(isShims);
  const value = env[name];
  return value ? [value] : [];
}

function pathFolders(env: Environment): string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

async function namesIn(folder: string, pattern: string): Promise<string[]> {
  const escaped = pattern.replaceAll(/[.+?^$()|[\]{}\\]/g, '\\$&').replaceAll('*', '.*');
  const expression = new RegExp(`^${escaped}$`);
  try {
    const names = (await readdir(folder)).filter((name) => expression.test(name)).slice(0, FOLDERS_MAX);
    const newestFirst = names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
    return newestFirst.map((name) => join(folder, name));
  } catch {
    // No such folder, or not ours to read: no candidates from there.
    return [];
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
