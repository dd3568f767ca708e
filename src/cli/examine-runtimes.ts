import { assetPath } from '../base/assets.ts';
import type { Config } from '../config.ts';
import { isOnPath } from '../runtimes/program-patterns.ts';
import { type ExamineOptions, examineRuntimes, type RuntimeState } from '../runtimes/runtime-state.ts';
import type { Environment } from './command.ts';
import { type Finding, lack, note, ok } from './finding.ts';

/** Families without which a machine is hardly one for functions; of the others a machine has what its functions need. */
const EXPECTED_FAMILIES: readonly string[] = ['nodejs', 'python'];

/** How the runtimes are looked at for these settings. */
export function examineOptions({ cacheDir, mavenRepository, bundledSdk }: Config, env: Environment): ExamineOptions {
  const directory = assetPath('runtimes');
  const hasMavenRepository = mavenRepository !== undefined;
  return { directory, cacheDir, hasMavenRepository, onlyNecessary: bundledSdk === 'off', env };
}

/** Which runtimes can run here: those that are there, those that are fetched, and how to get the others. */
export async function runtimeFindings(config: Config, env: Environment): Promise<Finding[]> {
  const states = await examineRuntimes(examineOptions(config, env));
  const families = Map.groupBy(states, ({ family }) => family);
  const findings = await Promise.all([...families.values()].map((family) => familyFindings(family, env)));
  return findings.flat();
}

async function familyFindings(states: readonly RuntimeState[], env: Environment): Promise<Finding[]> {
  const { family = '', name = '' } = states[0] ?? {};
  const of = (wanted: RuntimeState['state']) => states.filter(({ state }) => state === wanted);
  const [ready, toFetch, missing] = [of('ready'), of('fetch'), of('missing')];
  const found = ready.map(({ identifier, version, path }) => {
    const text = path === undefined ? 'runs any bootstrap that runs on this machine' : `${name} ${version}, ${path}`;
    return ok('runtimes', identifier, text);
  });
  if (toFetch.length > 0)
    found.push(ok('runtimes', `other ${family}`, `fetched on first use: ${identifiers(toFetch)}`));
  const newest = missing.at(-1);
  if (newest === undefined) return found;
  const mend = await mendingCommands(newest, env);
  if (found.length === 0 && EXPECTED_FAMILIES.includes(family))
    return [lack('runtimes', family, `no ${name} is found on this machine`, mend)];
  return [
    ...found,
    note('runtimes', found.length === 0 ? family : `other ${family}`, `not found: ${identifiers(missing)}`, mend),
  ];
}

function identifiers(states: readonly RuntimeState[]): string {
  return states.map(({ identifier }) => identifier).join(', ');
}

/** The commands that install a runtime, those first whose program is there. */
async function mendingCommands({ mend }: RuntimeState, env: Environment): Promise<string[]> {
  const there = await Promise.all(mend.map((command) => isOnPath(command.split(' ')[0] ?? '', env)));
  const sorted = [...mend.filter((_command, at) => there[at]), ...mend.filter((_command, at) => !there[at])];
  return sorted.map((command) => (command.startsWith('apt-get ') ? `sudo ${command}` : command));
}
