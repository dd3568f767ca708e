import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compareVersions } from './version.ts';

/**
 * What `runtimes/<family>/runtime.json` says of a family of runtimes: which identifiers it serves, what runs it and where
 * that comes from, what starts it, and the environment it gives the function. Adding a family is adding a folder;
 * runtimes/README.md has the format for people.
 */
export interface RuntimeDescription {
  /** For people: `Python`. */
  readonly name: string;
  /** Every identifier that AWS knows of the family. */
  readonly identifiers: readonly string[];
  /** Regular expression of the identifiers, its first group the version: `^nodejs(\d+)\.x$`. */
  readonly match: string;
  /** What executes the bootstrap; null for runtimes that the function brings along. */
  readonly interpreter: MachineInterpreter | NpmInterpreter | null;
  /** What is fetched once and lies in the runtime's folder beside the bootstrap. */
  readonly artefacts: readonly Artefact[];
  /** Command with `${placeholders}`; see fillTemplate. */
  readonly argv: readonly string[];
  /** What stands in the place of the last part of `argv` for versions below `version`. */
  readonly olderEntry?: { readonly version: string; readonly entry: string };
  /** Options for some versions, placed where `argv` has a part `${options}`. */
  readonly options: readonly RuntimeOption[];
  /** Variables, with `${placeholders}`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which of them the function's own settings may replace. */
  readonly overridable: readonly string[];
  /** Command that readies a copy of the family's folder once for each interpreter; empty: there is nothing to ready. */
  readonly prepare: readonly string[];
  /** Where a bootstrap that the function brings along is looked for, in this order. */
  readonly bootstrapFallback: readonly string[];
  /** For bootstraps that take a connection to the Runtime API which stands already. */
  readonly channel?: boolean;
  /** For bootstraps that can wait at a gate before they are any function's: in which versions. */
  readonly prestart?: PrestartDescription;
  /** For bootstraps that find code compiled before: in which versions, and by which program. */
  readonly compile?: CompileDescription;
}

/** An interpreter that is looked for on the machine. */
export interface MachineInterpreter {
  readonly from: 'machine';
  /** Patterns of programs in the order of preference; see program-patterns.ts. */
  readonly places: readonly string[];
  /** Arguments with which a program says what it is, on either output. */
  readonly question: readonly string[];
  /** Regular expression of what it says, for each version that it has: the group `version`, and others for `program`. */
  readonly answer: string;
  /** The program itself, from the answer's groups; absent: the program that was asked, links resolved. */
  readonly program?: string;
  /** The installation's folder, from the program's path. */
  readonly home: string;
  /** Where that appears inside when it is not the system's own; absent: where it is, for what cannot be moved. */
  readonly target?: string;
  /** Paths outside the installation that it needs, where they are there: seen inside under the same name. */
  readonly alongside?: readonly string[];
  /** What `--nearest-runtime` takes: the nearest `newer` version, or the nearest on `either` side. */
  readonly nearest: 'newer' | 'either';
  /** For people, behind "was not found": `on PATH or in /opt`. */
  readonly lookedFor: string;
  /** Commands, each of which installs it. */
  readonly install: readonly string[];
}

/** An interpreter that is a package of npm's, fetched once. */
export interface NpmInterpreter {
  readonly from: 'npm';
  /** File of the family's folder: platform → version → release. */
  readonly releases: string;
  /** Where the program appears inside. */
  readonly target: string;
  /** The version that the server itself runs on is served by the server's own program. */
  readonly ownVersion: boolean;
}

export interface VersionRange {
  /** Version from which on it holds. */
  readonly sinceVersion?: string;
  /** Version from which on it no longer holds. */
  readonly belowVersion?: string;
}

/** How code of functions is compiled before they need it. */
export type CompileDescription = VersionRange & {
  /** File of the runtime's folder, started in the place of the bootstrap: what it is given stands at its head. */
  readonly program: string;
  /** Regular expression of a function's own variables that may have to do with how its code is compiled. */
  readonly unless: string;
  /** Regular expression of what a small function says that loads much of what the runtime brings along. */
  readonly askedBy: string;
};

export type PrestartDescription = VersionRange & {
  /** Only where the runtime's folder has this file. */
  readonly whenFile?: string;
  /** Variables with which the process begins for no other reason than to make room for as many of a function's. */
  readonly roomVariables?: number;
  /** For processes that take much memory: how many wait though none was taken lately, and the most that do. */
  readonly waiting?: { readonly min: number; readonly max: number };
  /** Regular expression of the variables that the language reads when its process begins. */
  readonly fixedAtStart: string;
  /** A package of the runtime's folder that is loaded beforehand for functions whose own files ask for it. */
  readonly preload?: { readonly name: string; readonly files: string; readonly askedBy: string };
};

/** Files that one package client fetches, checked against their digests; they are shared by all versions in its range. */
export type Artefact = VersionRange & {
  /** Part of its name in the cache: letters, digits, `-`. */
  readonly name: string;
  /** Folder below the runtime's folder that gets them; `.` is the folder itself. */
  readonly place: string;
  /** The runtime works without it: a failure to fetch it is said, and no more; `--bundled-sdk off` does not fetch it. */
  readonly optional?: boolean;
  /** What of it is not kept: names of files and folders wherever they lie, `*.ending`, or paths from its folder. */
  readonly leaveOut?: readonly string[];
} & (NpmPackages | PipPackages | MavenFiles);

/** A folder of the family's with package.json and package-lock.json; gives `node_modules`. */
export interface NpmPackages {
  readonly client: 'npm';
  readonly folder: string;
}

/** A requirements file of the family's in which every line has its hashes; gives the importable packages. */
export interface PipPackages {
  readonly client: 'pip';
  readonly requirements: string;
}

export interface MavenFiles {
  readonly client: 'maven';
  readonly files: readonly MavenFile[];
}

export interface MavenFile {
  /** group:artifact:version, or group:artifact:version:classifier; always a jar. */
  readonly coordinates: string;
  /** `sha512-…`, as in package locks. */
  readonly integrity: string;
  /** The file's name in the artefact's place. */
  readonly name: string;
}

export interface RuntimeOption extends VersionRange {
  readonly option: string;
  /** Left out when the function's own variable of this name holds this word. */
  readonly unless?: Readonly<Record<string, string>>;
  /** Only where the function has this variable, and it is not empty. */
  readonly whenSet?: string;
  /** Only where the runtime's folder has this file. */
  readonly whenFile?: string;
  /** Only where it has not. */
  readonly unlessFile?: string;
}

export interface RuntimeFamily {
  /** The folder's name: `python`. */
  readonly name: string;
  readonly description: RuntimeDescription;
  /** The family's folder on the host. */
  readonly directory: string;
}

export interface RuntimeMatch {
  readonly family: RuntimeFamily;
  /** `24`, `3.13`; empty for runtimes without one. */
  readonly version: string;
}

/** Reads every family below `directory`. Throws on a folder whose description is not readable. */
export function readRuntimeFamilies(directory: string): readonly RuntimeFamily[] {
  const families: RuntimeFamily[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) families.push(readRuntimeFamily(join(directory, entry.name)));
  }
  return families;
}

/** Reads the family of one folder. Throws when its description is not readable. */
export function readRuntimeFamily(directory: string): RuntimeFamily {
  const description = JSON.parse(readFileSync(join(directory, 'runtime.json'), 'utf8')) as RuntimeDescription;
  return { name: basename(directory), description, directory };
}

export function matchRuntime(families: readonly RuntimeFamily[], identifier: string): RuntimeMatch | undefined {
  for (const family of families) {
    const match = new RegExp(family.description.match).exec(identifier);
    if (match) return { family, version: match[1] ?? '' };
  }
  return undefined;
}

/** The versions that the family's identifiers name, each once, oldest first. */
export function versionsOf(family: RuntimeFamily): readonly string[] {
  const versions = family.description.identifiers.map(
    (identifier) => matchRuntime([family], identifier)?.version ?? '',
  );
  return [...new Set(versions)].filter((version) => version !== '').sort(compareVersions);
}

const patterns = new Map<string, RegExp>();

/** A regular expression of a description; made once, for every cold start asks. */
export function patternOf(text: string): RegExp {
  const pattern = patterns.get(text) ?? new RegExp(text);
  patterns.set(text, pattern);
  return pattern;
}

export function isInRange({ sinceVersion, belowVersion }: VersionRange, version: string): boolean {
  return (
    (sinceVersion === undefined || compareVersions(version, sinceVersion) >= 0) &&
    (belowVersion === undefined || compareVersions(version, belowVersion) < 0)
  );
}

/**
 * Replaces `${name}` by its value, and `${name:0.9}` by that share of a number, rounded down. A name without a value is a
 * mistake in the description.
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\$\{(\w+)(?::([\d.]+))?\}/g, (_all, name: string, share: string | undefined) => {
    const value = values[name];
    if (value === undefined) throw new Error(`runtime description: no value for ${name}`);
    return share === undefined ? value : String(Math.floor(Number(value) * Number(share)));
  });
}

/** The part of `argv` in whose place the options stand. */
const OPTIONS = '$' + '{options}';

export interface CommandParts {
  readonly family: RuntimeFamily;
  /** The version that runs, which is another than the one asked for with `--nearest-runtime`. */
  readonly version: string;
  /** What `${placeholders}` stand for. */
  readonly values: Readonly<Record<string, string>>;
  /** The function's variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether the runtime's folder has this file. */
  readonly hasFile: (name: string) => boolean;
}

/** The command that starts a runtime: `argv` filled in, with the options that its version takes. */
export function runtimeCommand({ family, version, values, variables, hasFile }: CommandParts): readonly string[] {
  const { argv, options, olderEntry } = family.description;
  const isOlder = olderEntry !== undefined && compareVersions(version, olderEntry.version) < 0;
  const parts = isOlder ? [...argv.slice(0, -1), olderEntry.entry] : argv;
  const holds = ([name, word]: [string, string]) => (variables[name] ?? '').split(/\s+/).includes(word);
  const given = options.filter(
    (option) =>
      isInRange(option, version) &&
      !Object.entries(option.unless ?? {}).some(holds) &&
      (option.whenSet === undefined || Boolean(variables[option.whenSet])) &&
      (option.whenFile === undefined || hasFile(option.whenFile)) &&
      (option.unlessFile === undefined || !hasFile(option.unlessFile)),
  );
  const all = parts.flatMap((part) => (part === OPTIONS ? given.map(({ option }) => option) : [part]));
  return all.map((part) => fillTemplate(part, values));
}
