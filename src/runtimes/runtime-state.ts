import { existsSync } from 'node:fs';
import { artefactPlace, artefactsOf } from './artefact.ts';
import { bytesOf, cacheContents } from './cache-contents.ts';
import { type Artefact, type RuntimeFamily, type RuntimeMatch, readRuntimeFamilies } from './description.ts';
import { FoundPrograms } from './found-programs.ts';
import { releaseOf, releasePlace, releaseProgram } from './npm-release.ts';
import { installCommands } from './obtained-runtime.ts';
import { isOnPath } from './program-patterns.ts';

/** What one runtime identifier runs on here. */
export interface RuntimeState {
  /** `python3.13`. */
  readonly identifier: string;
  /** Its family, by folder and for people. */
  readonly family: string;
  readonly name: string;
  /** `fetch`: something is fetched when the first function asks for it. */
  readonly state: 'ready' | 'fetch' | 'missing';
  /** Of the interpreter that is there or would be fetched: `3.13.1`. */
  readonly version?: string;
  /** The program on this machine. */
  readonly path?: string;
  /** Names of what is still to be fetched; with state `ready` the runtime works without it. */
  readonly unfetched: readonly string[];
  /** What of it is in the cache, artefacts that it shares with others included. */
  readonly cacheBytes: number;
  /** Commands, each of which mends what is missing. */
  readonly mend: readonly string[];
}

export interface ExamineOptions {
  /** Folder of the runtime families. */
  readonly directory: string;
  readonly cacheDir: string;
  /** There is a repository that jars come from without `mvn`. */
  readonly hasMavenRepository: boolean;
  /** Leave out what runtimes work without. */
  readonly onlyNecessary: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The program that fetches what comes from a registry, and the command that installs it. */
const CLIENTS: Readonly<Record<Artefact['client'], { readonly program: string; readonly install: string }>> = {
  npm: { program: 'npm', install: 'apt-get install npm' },
  pip: { program: 'python3', install: 'apt-get install python3-pip' },
  maven: { program: 'mvn', install: 'apt-get install maven' },
};

/** Looks at every runtime identifier that lambdad knows, without fetching anything; families by name, oldest first. */
export async function examineRuntimes(options: ExamineOptions): Promise<RuntimeState[]> {
  const families = readRuntimeFamilies(options.directory).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const states = await Promise.all(families.map((family) => examineFamily(family, options)));
  return states.flat();
}

async function examineFamily(family: RuntimeFamily, options: ExamineOptions): Promise<RuntimeState[]> {
  const { interpreter, match: pattern, identifiers } = family.description;
  const programs = interpreter?.from === 'machine' ? new FoundPrograms(family, interpreter, options.env) : undefined;
  const states: RuntimeState[] = [];
  for (const identifier of identifiers) {
    const match = { family, version: new RegExp(pattern).exec(identifier)?.[1] ?? '' };
    states.push({ identifier, family: family.name, name: family.description.name, ...(await examine(match)) });
  }
  return states;

  async function examine(match: RuntimeMatch) {
    const program = programs ? await machineProgram(match, programs) : await npmProgram(match, options);
    const { own, shared } = await cacheContents(options.cacheDir, match);
    const cacheBytes = await bytesOf([...own, ...shared]);
    if (program.state === 'missing') return { ...program, unfetched: [], cacheBytes };
    return { ...program, ...(await withArtefacts(match, program, options)), cacheBytes };
  }
}

type ProgramState = Pick<RuntimeState, 'state' | 'version' | 'path' | 'mend'>;

async function machineProgram({ family, version }: RuntimeMatch, programs: FoundPrograms): Promise<ProgramState> {
  const found = await programs.exact(version);
  if (found) return { state: 'ready', version: found.fullVersion, path: found.path, mend: [] };
  const { interpreter } = family.description;
  return { state: 'missing', mend: interpreter?.from === 'machine' ? installCommands(interpreter, version) : [] };
}

async function npmProgram({ family, version }: RuntimeMatch, options: ExamineOptions): Promise<ProgramState> {
  const { interpreter } = family.description;
  if (interpreter?.from !== 'npm') return { state: 'ready', mend: [] };
  if (interpreter.ownVersion && version === process.versions.node.split('.')[0])
    return { state: 'ready', version: process.versions.node, path: process.execPath, mend: [] };
  const release = releaseOf(family, interpreter, version);
  if (!release) return { state: 'missing', mend: [] };
  const place = releasePlace(options.cacheDir, family, release);
  const program = { version: release.version, mend: [] };
  if (existsSync(place)) return { ...program, state: 'ready', path: releaseProgram(place, release) };
  if (await isOnPath('npm', options.env)) return { ...program, state: 'fetch' };
  return { ...program, state: 'missing', mend: [CLIENTS.npm.install] };
}

async function withArtefacts(match: RuntimeMatch, program: ProgramState, options: ExamineOptions) {
  const { family, version } = match;
  const absent = artefactsOf(family, version).filter(
    (artefact) =>
      !(artefact.optional && options.onlyNecessary) && !existsSync(artefactPlace(options.cacheDir, family, artefact)),
  );
  const unfetched = absent.map(({ name }) => name);
  const needed = absent.filter(({ optional }) => !optional);
  if (needed.length === 0) return { unfetched };
  const clients = [...new Set(needed.map(({ client }) => client))];
  const there = await Promise.all(
    clients.map(
      async (client) =>
        (client === 'maven' && options.hasMavenRepository) || (await isOnPath(CLIENTS[client].program, options.env)),
    ),
  );
  const mend = clients.filter((_client, at) => !there[at]).map((client) => CLIENTS[client].install);
  return {
    unfetched,
    mend: [...program.mend, ...mend],
    state: mend.length > 0 ? ('missing' as const) : ('fetch' as const),
  };
}
