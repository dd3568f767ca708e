import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What `runtimes/<family>/runtime.json` says of a family of runtimes: which identifiers it serves, what starts it, and
 * the environment it gives the function. Adding a family is adding a folder.
 */
export interface RuntimeDescription {
  /** Regular expression of the identifiers, its first group the version: `^nodejs(\d+)\.x$`. */
  readonly match: string;
  /** What has to be found on the machine; null for runtimes that the function brings along. */
  readonly interpreter: 'node' | 'python' | null;
  /** Command with `${placeholders}`: interpreter, runtimeDir, taskRoot, maxOldSpaceMb, maxSemiSpaceMb, bootstrap. */
  readonly argv: readonly string[];
  /** What stands in the place of the last part of `argv` for versions below `version`. */
  readonly olderEntry?: { readonly version: string; readonly entry: string };
  /** Options for some versions, placed before the last part of `argv`. */
  readonly options: readonly RuntimeOption[];
  /** Variables, with `${placeholders}`: taskRoot, runtimeDir, layerRoot, version, handler. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which of them the function's own settings may replace. */
  readonly overridable: readonly string[];
  /** Command that readies a copy of the family's folder once for each interpreter; empty: it is used as it is. */
  readonly prepare: readonly string[];
  /** Where a bootstrap that the function brings along is looked for, in this order. */
  readonly bootstrapFallback: readonly string[];
}

export interface RuntimeOption {
  readonly option: string;
  /** Major version from which on it is given. */
  readonly sinceVersion: string;
  /** Left out when the function's NODE_OPTIONS hold this. */
  readonly unlessNodeOptions?: string;
}

export interface RuntimeFamily {
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
    if (!entry.isDirectory()) continue;
    const folder = join(directory, entry.name);
    const description = JSON.parse(readFileSync(join(folder, 'runtime.json'), 'utf8')) as RuntimeDescription;
    families.push({ description, directory: folder });
  }
  return families;
}

export function matchRuntime(families: readonly RuntimeFamily[], identifier: string): RuntimeMatch | undefined {
  for (const family of families) {
    const match = new RegExp(family.description.match).exec(identifier);
    if (match) return { family, version: match[1] ?? '' };
  }
  return undefined;
}

/** Replaces `${name}` by its value. A name without a value is a mistake in the description. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`runtime description: no value for ${name}`);
    return value;
  });
}

/** The command that starts a runtime: `argv` filled in, with the options that its version takes. */
export function runtimeCommand(
  match: RuntimeMatch,
  values: Readonly<Record<string, string>>,
  nodeOptions: string,
): readonly string[] {
  const { argv, options, olderEntry } = match.family.description;
  const isOlder = olderEntry !== undefined && Number(match.version) < Number(olderEntry.version);
  const parts = isOlder ? [...argv.slice(0, -1), olderEntry.entry] : argv;
  const filled = parts.map((part) => fillTemplate(part, values));
  const given = options.filter(
    ({ sinceVersion, unlessNodeOptions }) =>
      Number(match.version) >= Number(sinceVersion) &&
      (unlessNodeOptions === undefined || !nodeOptions.split(/\s+/).includes(unlessNodeOptions)),
  );
  return [...filled.slice(0, -1), ...given.map(({ option }) => option), ...filled.slice(-1)];
}
