import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { artefactPlace, artefactsOf, fetchArtefact } from './artefact.ts';
import {
  type Artefact,
  fillTemplate,
  type MachineInterpreter,
  type NpmInterpreter,
  type RuntimeMatch,
} from './description.ts';
import { type FoundProgram, FoundPrograms } from './found-programs.ts';
import type { Interpreter } from './interpreter.ts';
import { fetchRelease, releaseOf, releasePlace, releaseProgram } from './npm-release.ts';
import { readyFolder } from './ready-folder.ts';

export interface ObtainedRuntime extends RuntimeMatch {
  readonly interpreter?: Interpreter;
  /** The folder that appears as /var/runtime: the family's, or a readied copy of it. */
  readonly directory: string;
  /** Lines for the function's log: another version than asked for, an artefact that could not be had. */
  readonly notes: readonly string[];
  /** An optional artefact could not be had: worth another try. */
  readonly isIncomplete: boolean;
}

/** The runtime cannot be had here: the reason, for people, names what installs it. */
export class RuntimeMissing extends Error {}

export interface ObtainOptions {
  readonly cacheDir: string;
  /** Take the nearest version where the right one is not found. */
  readonly nearest: boolean;
  /** Leave out what a runtime works without. */
  readonly onlyNecessary?: boolean;
  /** URL of a Maven repository, for machines without `mvn`. */
  readonly mavenRepository?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Lines about what takes long. */
  readonly progress: (line: string) => void;
  /** Called with a folder of the cache before it is looked at, so that nobody removes it while it is in use. */
  readonly uses?: (place: string) => void;
}

/** Finds a runtime's interpreter, and fetches what is missing. Rejects with RuntimeMissing. */
export async function obtainRuntime(match: RuntimeMatch, options: ObtainOptions): Promise<ObtainedRuntime> {
  const { interpreter: wanted, name } = match.family.description;
  if (wanted === null) return { ...match, directory: match.family.directory, notes: [], isIncomplete: false };
  const interpreter =
    wanted.from === 'npm' ? await npmProgram(match, wanted, options) : await machineProgram(match, wanted, options);
  const notes = interpreter.note === undefined ? [] : [interpreter.note];
  const artefacts: { folder: string; place: string }[] = [];
  let isIncomplete = false;
  for (const artefact of artefactsOf(match.family, interpreter.version)) {
    if (artefact.optional && options.onlyNecessary) continue;
    try {
      artefacts.push({ folder: await artefactFolder(match, artefact, interpreter, options), place: artefact.place });
    } catch (error) {
      const text = `${artefact.name} of ${name} could not be fetched: ${(error as Error).message}`;
      if (!artefact.optional) throw new RuntimeMissing(text);
      options.progress(text);
      notes.push(text);
      isIncomplete = true;
    }
  }
  const directory = await readyFolder({
    match,
    interpreter,
    artefacts,
    cacheDir: options.cacheDir,
    ...(options.uses ? { uses: options.uses } : {}),
  });
  return { ...match, interpreter, directory, notes, isIncomplete };
}

async function artefactFolder(
  match: RuntimeMatch,
  artefact: Artefact,
  interpreter: Interpreter,
  options: ObtainOptions,
) {
  const { cacheDir, progress, mavenRepository, env } = options;
  const { family } = match;
  const place = artefactPlace(cacheDir, family, artefact);
  options.uses?.(place);
  if (existsSync(place)) return place;
  const label = `${artefact.name} of ${family.description.name}`;
  progress(`fetching ${label} (once) …`);
  await fetchArtefact({ family, artefact, place, interpreter: interpreter.hostPath, mavenRepository, env });
  progress(`${label} is ready`);
  return place;
}

async function npmProgram(match: RuntimeMatch, wanted: NpmInterpreter, options: ObtainOptions): Promise<Interpreter> {
  const { family, version } = match;
  const { name } = family.description;
  if (wanted.ownVersion && version === process.versions.node.split('.')[0])
    return fetched(version, process.execPath, process.versions.node, wanted);
  const release = releaseOf(family, wanted, version);
  if (!release)
    throw new RuntimeMissing(
      `${name} ${version} could not be installed: There is no ${name} ${version} for ${process.platform}-${process.arch}.`,
    );
  const place = releasePlace(options.cacheDir, family, release);
  options.uses?.(place);
  if (!existsSync(place)) {
    options.progress(`fetching ${name} ${release.version} (once) …`);
    await fetchRelease(place, release, options.env).catch((error: Error) => {
      throw new RuntimeMissing(`${name} ${version} could not be installed: ${error.message}`);
    });
    options.progress(`${name} ${release.version} is ready`);
  }
  return fetched(version, releaseProgram(place, release), release.version, wanted);
}

function fetched(version: string, hostPath: string, fullVersion: string, { target }: NpmInterpreter): Interpreter {
  return { path: target, hostPath, version, fullVersion, mounts: [{ source: hostPath, target }] };
}

async function machineProgram(
  { family, version }: RuntimeMatch,
  wanted: MachineInterpreter,
  { nearest, env }: ObtainOptions,
): Promise<Interpreter> {
  const programs = new FoundPrograms(family, wanted, env);
  const exact = await programs.exact(version);
  if (exact) return installed(exact, wanted);
  const { name } = family.description;
  const other = nearest ? await programs.nearest(version) : undefined;
  if (!other) throw new RuntimeMissing(missingText(name, version, wanted, nearest));
  const note = `${name} ${version} was not found: running on ${other.version} (--nearest-runtime)`;
  return { ...installed(other, wanted), note };
}

function missingText(name: string, version: string, wanted: MachineInterpreter, nearest: boolean): string {
  const commands = installCommands(wanted, version).map((command) => `"${command}"`);
  const otherwise = nearest ? '' : ', or start lambdad with --nearest-runtime';
  return `${name} ${version} was not found ${wanted.lookedFor}. Install it with ${commands.join(' or ')}${otherwise}.`;
}

/** The commands that install a version, each by itself. */
export function installCommands(wanted: MachineInterpreter, version: string): readonly string[] {
  return wanted.install.map((command) => fillTemplate(command, { version }));
}

/** Paths that every sandbox has of the host: what lies there needs no mount of its own. */
const SYSTEM_FOLDER = '/usr/';
/** Except these, which are hidden. */
const HIDDEN_FOLDERS = ['/usr/local/', '/usr/src/'];

/** An interpreter outside the system's own folders brings its whole installation along, at AWS's place for it. */
function installed({ path, fullVersion, version }: FoundProgram, wanted: MachineInterpreter): Interpreter {
  const alongside = (wanted.alongside ?? [])
    .map((place) => fillTemplate(place, { version }))
    .filter((place) => existsSync(place))
    .map((place) => ({ source: place, target: place }));
  const isSystems = path.startsWith(SYSTEM_FOLDER) && !HIDDEN_FOLDERS.some((folder) => path.startsWith(folder));
  if (isSystems) return { path, hostPath: path, version, fullVersion, mounts: alongside };
  const home = join(path, wanted.home);
  const target = wanted.target ?? home;
  const inside = join(target, relative(home, path));
  const mounts = [{ source: home, target }, ...alongside];
  return { path: inside, hostPath: path, version, fullVersion, mounts };
}
