import { posix } from 'node:path';
import { machinePrograms } from '../runtimes/machine-programs.ts';
import type { CodeFiles } from './code-files.ts';
import type { Environment } from './command.ts';
import { CommandFailure } from './failure.ts';

/** What a function's files say about how it is run. */
export interface Guess {
  readonly runtime: string;
  readonly handler: string;
  /** The file it was read from. */
  readonly from: string;
}

type Family = 'nodejs' | 'python' | 'provided';

const NODE_DEFAULT = 'nodejs24.x';
const PYTHON_DEFAULT = 'python3.13';
const PROVIDED_DEFAULT = 'provided.al2023';

const NODE_MODULES = ['index', 'app', 'main', 'handler', 'lambda', 'server'];
const NODE_EXTENSIONS = ['.mjs', '.js', '.cjs'];
const PYTHON_MODULES = ['lambda_function', 'app', 'main', 'handler', 'index', 'lambda_handler'];
const NODE_EXPORTS = ['handler', 'lambdaHandler', 'lambda_handler'];
const PYTHON_FUNCTIONS = ['lambda_handler', 'handler'];

/** The runtime's family: `nodejs24.x` → `nodejs`. */
export function familyOf(runtime: string): string {
  return /^[a-z]+/.exec(runtime)?.[0] ?? runtime;
}

/**
 * Runtime and handler of a function, read from its files; what is `given` is not guessed but decides where to look.
 * Undefined when the files do not tell.
 */
export async function guess(
  files: CodeFiles,
  given: { readonly runtime?: string | undefined; readonly handler?: string | undefined },
  env: Environment,
): Promise<Guess | undefined> {
  const family = given.runtime === undefined ? undefined : familyOf(given.runtime);
  const found =
    given.handler === undefined ? await findHandler(files, family) : handlerFile(files, given.handler, family);
  if (!found) return undefined;
  const runtime = given.runtime ?? (await defaultRuntime(files, found.family, env));
  return { runtime, handler: given.handler ?? found.handler, from: found.from };
}

/** The refusal of a folder that does not tell: says what was looked for and which options to give. */
export function cannotGuess(files: CodeFiles, given: { runtime?: string | undefined }): CommandFailure {
  const hints: string[] = [];
  const family = given.runtime === undefined ? undefined : familyOf(given.runtime);
  const sources = files.paths.filter((path) => !path.includes('/') && /\.(mjs|cjs|js|py|ts|mts)$/.test(path));
  if (sources.some((path) => /\.m?ts$/.test(path)))
    hints.push('TypeScript is not run as it is: build it first and deploy the folder with the built files');
  const looked = candidatesOf(files).filter((path) => files.paths.includes(path));
  if (looked.length > 0) hints.push(`${looked.join(', ')}: no exported function named handler or lambda_handler found`);
  if (files.paths.includes('bootstrap') && !files.isExecutable('bootstrap'))
    hints.push('bootstrap is there and not executable: chmod +x bootstrap');
  hints.push(
    family === 'python'
      ? 'say it with: --handler FILE.FUNCTION, such as --handler app.handler'
      : 'say it with: --runtime nodejs24.x --handler index.handler   (FILE without its ending, dot, exported name)',
  );
  if (family === undefined) {
    hints.push('or with:     --runtime python3.13 --handler app.handler');
    hints.push('or put an executable file named bootstrap at the root, for --runtime provided.al2023');
  }
  return new CommandFailure(`cannot tell how ${files.origin} is run`, hints);
}

/** The handler that the files export, and by which file. */
export interface Found {
  readonly family: Family;
  readonly handler: string;
  readonly from: string;
}

/** Looks for the handler of a function of the family, or of any. */
export async function findHandler(files: CodeFiles, family?: string): Promise<Found | undefined> {
  if (family === 'provided' || family === undefined) {
    if (files.isExecutable('bootstrap')) return { family: 'provided', handler: 'bootstrap', from: 'bootstrap' };
  }
  if (family === 'nodejs' || family === undefined) {
    for (const path of [...(await packageMain(files)), ...nodeCandidates()]) {
      const name = await exportedHandler(files, path);
      if (name !== undefined) return { family: 'nodejs', handler: `${withoutExtension(path)}.${name}`, from: path };
    }
  }
  if (family === 'python' || family === undefined) {
    for (const module of PYTHON_MODULES) {
      const text = await files.read(`${module}.py`);
      const name = PYTHON_FUNCTIONS.find((name) => text !== undefined && definesPython(text, name));
      if (name !== undefined) return { family: 'python', handler: `${module}.${name}`, from: `${module}.py` };
    }
  }
  return undefined;
}

/** Whether the file that the handler names is there. */
export function hasHandlerFile(files: CodeFiles, handler: string): boolean {
  return handlerFile(files, handler, undefined) !== undefined;
}

/** With the handler given, its file tells the family. */
function handlerFile(files: CodeFiles, handler: string, family: string | undefined): Found | undefined {
  const dot = handler.indexOf('.', handler.lastIndexOf('/') + 1);
  const module = dot < 0 ? handler : handler.slice(0, dot);
  const path = ['.mjs', '.js', '.cjs', '.py']
    .map((ending) => `${module}${ending}`)
    .find((p) => files.paths.includes(p));
  if (path !== undefined) return { family: path.endsWith('.py') ? 'python' : 'nodejs', handler, from: path };
  if (files.isExecutable('bootstrap')) return { family: 'provided', handler, from: 'bootstrap' };
  return family === undefined ? undefined : { family: family as Family, handler, from: handler };
}

function nodeCandidates(): string[] {
  return NODE_MODULES.flatMap((module) => NODE_EXTENSIONS.map((extension) => `${module}${extension}`));
}

function candidatesOf(files: CodeFiles): string[] {
  const known = [...nodeCandidates(), ...PYTHON_MODULES.map((module) => `${module}.py`)];
  return known.filter((path) => files.paths.includes(path));
}

function withoutExtension(path: string): string {
  return path.slice(0, path.length - posix.extname(path).length);
}

/** The file that package.json calls the package's main one. */
async function packageMain(files: CodeFiles): Promise<string[]> {
  const { main } = await packageJson(files);
  if (typeof main !== 'string') return [];
  const path = posix.normalize(main).replace(/^\.\//, '');
  return [path, ...NODE_EXTENSIONS.map((extension) => `${path}${extension}`)];
}

/** What package.json at the root holds; empty when there is none that can be read. */
export async function packageJson(files: CodeFiles): Promise<Record<string, unknown>> {
  try {
    return Object(JSON.parse((await files.read('package.json')) ?? '{}'));
  } catch {
    // A broken package.json tells nothing; Node will say so when the function runs.
    return {};
  }
}

async function exportedHandler(files: CodeFiles, path: string): Promise<string | undefined> {
  if (!NODE_EXTENSIONS.includes(posix.extname(path))) return undefined;
  const text = await files.read(path);
  return text === undefined ? undefined : NODE_EXPORTS.find((name) => exportsNode(text, name));
}

/** Whether the text of a module exports `name`, in the forms that people and bundlers write. */
export function exportsNode(text: string, name: string): boolean {
  return [
    `export\\s+(async\\s+)?(function\\s*\\*?|const|let|var|class)\\s*${name}\\b`,
    `export\\s*\\{[^}]*\\b(as\\s+)?${name}\\s*[,}]`,
    `export\\s+(const|let|var)\\s*\\{[^}]*\\b${name}\\b[^}]*\\}`,
    `\\bexports\\s*\\.\\s*${name}\\s*=`,
    `\\bexports\\s*\\[\\s*["']${name}["']\\s*\\]\\s*=`,
    `\\bexports\\s*=\\s*\\{[^}]*\\b${name}\\b`,
    `defineProperty\\(\\s*(module\\.)?exports\\s*,\\s*["']${name}["']`,
    `__export\\(\\s*\\w+\\s*,\\s*\\{[^}]*\\b${name}\\s*:`,
  ].some((pattern) => new RegExp(pattern).test(text));
}

function definesPython(text: string, name: string): boolean {
  return new RegExp(`^(async\\s+)?(def\\s+${name}\\s*\\(|${name}\\s*(:[^=\\n]+)?=[^=])`, 'm').test(text);
}

async function defaultRuntime(files: CodeFiles, family: Family, env: Environment): Promise<string> {
  if (family === 'provided') return PROVIDED_DEFAULT;
  if (family === 'nodejs') return NODE_DEFAULT;
  const wanted = /^\s*(3\.\d+)/.exec((await files.read('.python-version')) ?? '')?.[1];
  if (wanted !== undefined) return `python${wanted}`;
  const newest = await machinePrograms('python', env).newest();
  return newest ? `python${newest.version}` : PYTHON_DEFAULT;
}
