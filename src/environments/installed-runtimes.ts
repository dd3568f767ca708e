import { basename, dirname } from 'node:path';
import { findPython, findPythons, type Python } from '../base/interpreters.ts';
import { matchRuntime, type RuntimeFamily, type RuntimeMatch, readRuntimeFamilies } from './runtimes/description.ts';
import { fetchNode } from './runtimes/node-fetch.ts';
import { readyFolder } from './runtimes/ready-folder.ts';
import type { Mount } from './sandbox.ts';

/** An interpreter that is there, and where it appears inside a sandbox. */
export interface Interpreter {
  /** Path inside the sandbox. */
  readonly path: string;
  /** Path on the machine. */
  readonly hostPath: string;
  readonly mounts: readonly Mount[];
  /** Said once in the function's log: another version than the one asked for. */
  readonly note?: string;
}

export interface InstalledRuntime extends RuntimeMatch {
  readonly interpreter?: Interpreter;
  /** The folder that appears as /var/runtime: the family's, or a readied copy of it. */
  readonly directory: string;
}

/** The runtime cannot be had here: the reason, for people, names what installs it. */
export class RuntimeMissing extends Error {}

export interface RuntimesOptions {
  /** Folder of the runtime families. */
  readonly directory: string;
  readonly cacheDir: string;
  readonly nearest: boolean;
  /** Lines about what takes long. */
  readonly progress: (line: string) => void;
}

/** Paths that every sandbox has of the host: what lies there needs no mount of its own. */
const SYSTEM_PREFIX = '/usr';

/** Finds, and fetches when need be, what runtime identifiers run on. Remembers what it found. */
export class InstalledRuntimes {
  readonly #options: RuntimesOptions;
  readonly #families: readonly RuntimeFamily[];
  readonly #known = new Map<string, Promise<InstalledRuntime>>();

  constructor(options: RuntimesOptions) {
    this.#options = options;
    this.#families = readRuntimeFamilies(options.directory);
  }

  /** Rejects with RuntimeMissing. */
  find(identifier: string): Promise<InstalledRuntime> {
    let known = this.#known.get(identifier);
    if (!known) {
      known = this.#find(identifier);
      this.#known.set(identifier, known);
      // What is missing now may be installed a minute later.
      known.catch(() => this.#known.delete(identifier));
    }
    return known;
  }

  async #find(identifier: string): Promise<InstalledRuntime> {
    const match = matchRuntime(this.#families, identifier);
    if (!match) throw new RuntimeMissing(`lambdad does not run ${identifier} yet.`);
    const interpreter = await this.#interpreter(match);
    if (!interpreter) return { ...match, directory: match.family.directory };
    const directory = await readyFolder(match.family, interpreter.hostPath, this.#options.cacheDir);
    return { ...match, interpreter, directory };
  }

  async #interpreter(match: RuntimeMatch): Promise<Interpreter | undefined> {
    switch (match.family.description.interpreter) {
      case 'node':
        return this.#node(match.version);
      case 'python':
        return this.#python(match.version);
      default:
        return undefined;
    }
  }

  async #node(version: string): Promise<Interpreter> {
    try {
      const binary = await fetchNode(this.#options.cacheDir, Number(version), this.#options.progress);
      return {
        path: '/var/lang/bin/node',
        hostPath: binary,
        mounts: [{ source: binary, target: '/var/lang/bin/node' }],
      };
    } catch (error) {
      throw new RuntimeMissing(`Node ${version} could not be installed: ${(error as Error).message}`);
    }
  }

  async #python(version: string): Promise<Interpreter> {
    const python = await findPython(version, process.env);
    if (python) return pythonInterpreter(python);
    const nearest = this.#options.nearest ? nearestOf(version, await findPythons(process.env)) : undefined;
    if (nearest) {
      const note = `Python ${version} was not found: running on ${nearest.version} (--nearest-runtime)`;
      return { ...pythonInterpreter(nearest), note };
    }
    throw new RuntimeMissing(
      `Python ${version} was not found on PATH, in pyenv, uv or /opt. ` +
        `Install it with "uv python install ${version}" or "apt-get install python${version}", or start lambdad with --nearest-runtime.`,
    );
  }
}

/** An interpreter outside the system's own folders brings its whole installation along, at AWS's /var/lang. */
function pythonInterpreter(python: Python): Interpreter {
  const prefix = dirname(dirname(python.path));
  if (prefix === SYSTEM_PREFIX) return { path: python.path, hostPath: python.path, mounts: [] };
  const path = `/var/lang/bin/${basename(python.path)}`;
  return { path, hostPath: python.path, mounts: [{ source: prefix, target: '/var/lang' }] };
}

/** The same major version, nearest minor, the newer of two. */
function nearestOf(version: string, found: readonly Python[]): Python | undefined {
  const [major, minor] = version.split('.').map(Number);
  const distance = (python: Python) => Math.abs(Number(python.version.split('.')[1]) - Number(minor));
  return found
    .filter((python) => Number(python.version.split('.')[0]) === major)
    .sort((a, b) => distance(a) - distance(b) || b.version.localeCompare(a.version, 'en', { numeric: true }))[0];
}
