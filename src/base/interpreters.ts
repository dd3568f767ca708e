import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** A Python that was run and said its version. */
export interface Python {
  /** `3.13`. */
  readonly version: string;
  /** `3.13.0`. */
  readonly fullVersion: string;
  /** The interpreter itself: no shim, no link, and of a virtual environment the Python beneath it. */
  readonly path: string;
}

/** The Python versions that Lambda has runtimes for, oldest first. */
export const pythonVersions: readonly string[] = ['3.8', '3.9', '3.10', '3.11', '3.12', '3.13', '3.14', '3.15'];

/** How long one interpreter may take to say its version. */
const ANSWER_MS_MAX = 3000;
/** Folders looked into in one place; a place with more holds something else than Pythons. */
const FOLDERS_MAX = 200;

const QUESTION =
  'import sys; print("%d.%d.%d" % sys.version_info[:3]); print(getattr(sys, "_base_executable", None) or sys.executable)';

/**
 * The interpreter of exactly this version (`3.13`), or undefined: from PATH, pyenv, uv, /opt and the system folders, in
 * that order, shims last. Runs only candidates that could be it, each with bounded time.
 */
export function findPython(version: string, env: Environment): Promise<Python | undefined> {
  return find(version, env, plainPython(env));
}

/** Every interpreter that Lambda has a runtime for, one a version, oldest first. */
export async function findPythons(env: Environment): Promise<Python[]> {
  const plain = plainPython(env);
  const found = await Promise.all(pythonVersions.map((version) => find(version, env, plain)));
  return found.filter((python) => python !== undefined);
}

/** The newest interpreter that Lambda has a runtime for, or undefined. */
export async function findNewestPython(env: Environment): Promise<Python | undefined> {
  const plain = plainPython(env);
  for (const version of pythonVersions.toReversed()) {
    const python = await find(version, env, plain);
    if (python) return python;
  }
  return undefined;
}

async function find(version: string, env: Environment, plain: () => Promise<Python | undefined>) {
  for (const candidate of await candidates(version, env)) {
    const python = await ask(candidate);
    if (python?.version === version) return python;
  }
  const python = await plain();
  return python?.version === version ? python : undefined;
}

function pathFolders(env: Environment): string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** Asks the `python3` of PATH, whose name does not tell its version: at most once, and only when it comes to that. */
function plainPython(env: Environment): () => Promise<Python | undefined> {
  let answer: Promise<Python | undefined> | undefined;
  const run = async () => {
    const path = (await executables(pathFolders(env).map((folder) => join(folder, 'python3'))))[0];
    return path === undefined ? undefined : ask(path);
  };
  return () => {
    answer ??= run();
    return answer;
  };
}

async function candidates(version: string, env: Environment): Promise<string[]> {
  const program = `python${version}`;
  const home = env['HOME'] || homedir();
  const pyenv = join(env['PYENV_ROOT'] || join(home, '.pyenv'), 'versions');
  const uv =
    env['UV_PYTHON_INSTALL_DIR'] || join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'uv', 'python');
  const onPath = pathFolders(env);
  const isShim = (folder: string) => basename(folder) === 'shims';
  const isThis = (folder: string, prefix: string) =>
    folder === `${prefix}${version}` || folder.startsWith(`${prefix}${version}.`);
  const folders = [
    ...onPath.filter((folder) => !isShim(folder)),
    ...(await foldersIn(pyenv, (folder) => isThis(folder, ''))),
    ...(await foldersIn(uv, (folder) => isThis(folder, 'cpython-'))),
    ...(await foldersIn('/opt', () => true)),
    '/usr/local/bin',
    '/usr/bin',
    ...onPath.filter(isShim),
  ];
  return executables([...new Set(folders)].map((folder) => join(folder, program)));
}

/** The bin folders of the installations in `parent` that `belongs` wants, the newest patch level first. */
async function foldersIn(parent: string, belongs: (folder: string) => boolean): Promise<string[]> {
  try {
    const names = (await readdir(parent)).filter(belongs).slice(0, FOLDERS_MAX);
    const newestFirst = names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
    return newestFirst.map((name) => join(parent, name, 'bin'));
  } catch {
    // No such folder, or not ours to read: no candidates from there.
    return [];
  }
}

async function executables(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path, constants.X_OK).then(
        () => path,
        () => undefined,
      ),
    ),
  );
  return found.filter((path) => path !== undefined);
}

async function ask(candidate: string): Promise<Python | undefined> {
  const text = await new Promise<string>((resolve) => {
    const options = { timeout: ANSWER_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 4096 } as const;
    const child = execFile(candidate, ['-I', '-S', '-c', QUESTION], options, (error, stdout) => {
      // A shim whose version is not chosen fails here; so does a file that is no Python.
      resolve(error ? '' : stdout);
    });
    child.stdin?.end();
  });
  const [fullVersion = '', executable = ''] = text.split(/\r?\n/);
  const version = /^(\d+\.\d+)\.\d+$/.exec(fullVersion)?.[1];
  if (version === undefined || executable === '') return undefined;
  try {
    return { version, fullVersion, path: await realpath(executable) };
  } catch {
    return undefined;
  }
}
