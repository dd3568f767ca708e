import { assetPath } from '../base/assets.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { removeFromCache } from '../runtimes/cache-contents.ts';
import { FolderInUse } from '../runtimes/cache-use.ts';
import { matchRuntime, type RuntimeMatch, readRuntimeFamilies } from '../runtimes/description.ts';
import { obtainRuntime, RuntimeMissing } from '../runtimes/obtained-runtime.ts';
import { examineRuntimes, type RuntimeState } from '../runtimes/runtime-state.ts';
import { sizeText } from './code-files.ts';
import type { Call, Command } from './command.ts';
import { examineOptions } from './examine-runtimes.ts';
import { CommandFailure, EXIT_FAILED, EXIT_OK, UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** More names than there are runtimes are a mistake. */
const NAMES_MAX = 100;

export const command: Command = {
  operands: { min: 0, max: NAMES_MAX },
  options: {
    cache: { type: 'string', value: 'DIR', help: 'the folder of downloaded runtimes, as for lambdad start' },
  },
  notes: [
    'ls says of each runtime whether it is ready, would be fetched by the first function, or is missing, and what mends',
    'that. install fetches ahead what functions would wait for. rm removes it from the cache again, unless a running',
    'server uses it. NAME is an identifier (java21) or a family (java).',
    'Exit codes: 0 done; 1 a runtime could not be installed, or is in use.',
  ],
  run(call) {
    const [verb = 'ls', ...names] = call.operands;
    if (verb === 'ls' && names.length > 0) throw new UsageError(`${JSON.stringify(names[0])} is one operand too many`);
    if (verb === 'ls') return list(call);
    if (verb !== 'install' && verb !== 'rm') throw new UsageError(`${JSON.stringify(verb)} is none of ls, install, rm`);
    if (names.length === 0) throw new UsageError('an operand is missing');
    return verb === 'install' ? install(call, names) : remove(call, names);
  },
};

function configOf(call: Call): Config {
  const cache = call.text('cache');
  try {
    return readConfig(cache === undefined ? [] : ['--cache', cache], call.env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(error.message);
    throw error;
  }
}

interface Named extends RuntimeMatch {
  readonly identifier: string;
}

/** The runtimes that the names stand for, each once. */
function runtimesOf(names: readonly string[]): Named[] {
  const families = readRuntimeFamilies(assetPath('runtimes'));
  const found = new Map<string, Named>();
  for (const name of names) {
    const family = families.find((each) => each.name === name);
    const identifiers = family ? family.description.identifiers : [name];
    for (const identifier of identifiers) {
      const match = matchRuntime(families, identifier);
      if (!match) throw new CommandFailure(`lambdad has no runtime ${name}`, ['see: lambdad runtimes ls']);
      found.set(identifier, { ...match, identifier });
    }
  }
  return [...found.values()];
}

async function list(call: Call): Promise<number> {
  const looking = examineRuntimes(examineOptions(configOf(call), call.env));
  const states = await call.terminal.during(() => 'looking at this machine', looking);
  if (call.json) call.terminal.out(JSON.stringify(states, null, 2));
  else printTable(call.terminal, states);
  return EXIT_OK;
}

const STATE_TEXTS: Readonly<Record<RuntimeState['state'], string>> = {
  ready: 'ready',
  fetch: 'to be fetched',
  missing: 'missing',
};

function printTable(terminal: Terminal, states: readonly RuntimeState[]): void {
  const rows = [
    ['RUNTIME', 'STATE', 'VERSION', 'CACHE', 'WHERE'],
    ...states.map((state) => [
      state.identifier,
      STATE_TEXTS[state.state],
      state.version ?? '-',
      state.cacheBytes === 0 ? '-' : sizeText(state.cacheBytes),
      whereText(state),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const [at, row] of rows.entries()) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
    terminal.out(at === 0 ? terminal.paint('bold', line.trimEnd()) : line.trimEnd());
  }
}

function whereText({ identifier, state, path, unfetched, mend }: RuntimeState): string {
  if (state === 'missing') return mend.length === 0 ? 'not for this machine' : `to mend: ${mend.join('   or: ')}`;
  const fetched = unfetched.length === 0 && state === 'ready';
  const ahead = fetched ? '' : `to fetch ahead: lambdad runtimes install ${identifier}`;
  const where = path ?? (state === 'ready' ? "the function's own bootstrap" : '');
  return [where, ahead].filter((part) => part !== '').join('   ');
}

async function install(call: Call, names: readonly string[]): Promise<number> {
  const { cacheDir, mavenRepository, bundledSdk } = configOf(call);
  const onlyNecessary = bundledSdk === 'off';
  const installed: object[] = [];
  const failed: object[] = [];
  for (const { identifier, ...match } of runtimesOf(names)) {
    const progress = (line: string) => call.terminal.note(line);
    const options = { cacheDir, mavenRepository, onlyNecessary, nearest: false, env: call.env, progress };
    try {
      const obtaining = obtainRuntime(match, options);
      const { interpreter, notes } = await call.terminal.during(() => `readying ${identifier}`, obtaining);
      const version = interpreter?.fullVersion;
      installed.push({ identifier, version, path: interpreter?.hostPath, notes });
      if (!call.json) call.terminal.out(`${identifier} is ready${version === undefined ? '' : `: ${version}`}`);
    } catch (error) {
      if (!(error instanceof RuntimeMissing)) throw error;
      failed.push({ identifier, reason: error.message });
      call.terminal.note(`${call.terminal.paintNote('red', `${identifier}:`)} ${error.message}`);
    }
  }
  if (call.json) call.terminal.out(JSON.stringify({ installed, failed }, null, 2));
  return failed.length > 0 ? EXIT_FAILED : EXIT_OK;
}

async function remove(call: Call, names: readonly string[]): Promise<number> {
  const { cacheDir } = configOf(call);
  const removed: object[] = [];
  const failed: object[] = [];
  for (const { identifier, ...match } of runtimesOf(names)) {
    try {
      const folders = await removeFromCache(cacheDir, match);
      removed.push({ identifier, folders });
      const text = folders.length > 0 ? 'removed from the cache' : 'the cache holds nothing of it';
      if (!call.json) call.terminal.out(`${identifier}: ${text}`);
    } catch (error) {
      if (!(error instanceof FolderInUse)) throw error;
      failed.push({ identifier, reason: error.message, pids: error.pids });
      call.terminal.note(`${call.terminal.paintNote('red', `${identifier}:`)} ${error.message}; end that first`);
    }
  }
  if (call.json) call.terminal.out(JSON.stringify({ removed, failed }, null, 2));
  return failed.length > 0 ? EXIT_FAILED : EXIT_OK;
}
