import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LruMap } from '../base/lru.ts';
import type { Variables } from '../functions/sealed-environment.ts';
import { isInRange, patternOf } from '../runtimes/description.ts';
import type { ObtainedRuntime } from '../runtimes/obtained-runtime.ts';
import type { Mount, Prestart } from './sandbox.ts';

/**
 * Which functions a runtime's process can be started for before it is known that it is theirs: those of whom nothing is
 * fixed when a process begins. Whatever the runtime, that is what its program, the C library and the dynamic linker read
 * then; what the language reads besides is named in the runtime's description.
 */

/** Read when a process begins, by the dynamic linker, the C library or OpenSSL; and what changes how it begins. */
const FIXED_AT_START =
  /^(LD_|LC_|LANG$|LANGUAGE$|LOCPATH$|TZ$|TZDIR$|MALLOC_|GLIBC_TUNABLES$|GCONV_PATH$|NLSPATH$|OPENSSL_|SSL_|AWS_LAMBDA_EXEC_WRAPPER$)/;
/** What the function's process finds at /proc/self/environ lies in this much room. */
const ENVIRON_BYTES = 16_384;
/** Of the variables for which a process makes room, as many may be the function's own. */
const OWN_SHARE_MAX = 0.5;
const GATE = 'gate';
const PLACES_MAX = 10_000;
/** Of a package's own files, as many are looked at, and so much of each: imports stand at the beginning. */
const ASKING_FILES_MAX = 64;
const ASKING_BYTES_MAX = 65_536;
/** Names of a library, with a version or without. */
const LIBRARY = /\.so(\.|$)/;

export interface PrestartParts {
  readonly runtime: ObtainedRuntime;
  /** The function's own variables. */
  readonly own: Variables;
  readonly argv: readonly string[];
  /** Of the runtime, without what depends on the function. */
  readonly variables: Variables;
  readonly taskRoot: string;
  readonly codeDir: string;
  readonly layerDir: string | undefined;
  /** Of the runtime. */
  readonly mounts: readonly Mount[];
}

/** Folders of packages, which never change: what they hold decides how a process starts. */
const askingFolders = new LruMap<string, boolean>(PLACES_MAX);
const plainFolders = new LruMap<string, boolean>(PLACES_MAX);
/** Variables of processes that wait, by those of the runtime and by what is loaded beforehand. */
const waitingVariables = new WeakMap<Variables, Map<string | undefined, Variables>>();

/** Undefined where the process must begin as the function's own. */
export async function prestartOf(parts: PrestartParts): Promise<Prestart | undefined> {
  const { runtime, own, argv, variables, taskRoot, codeDir, layerDir, mounts } = parts;
  const { prestart, overridable } = runtime.family.description;
  if (!prestart || !runtime.interpreter || !isInRange(prestart, runtime.interpreter.version)) return undefined;
  const fixed = patternOf(prestart.fixedAtStart);
  const isFixed = (name: string) => FIXED_AT_START.test(name) || fixed.test(name) || overridable.includes(name);
  if (Object.keys(own).some(isFixed)) return undefined;
  const { whenFile, roomVariables = 0, waiting } = prestart;
  if (whenFile !== undefined && !existsSync(join(runtime.directory, whenFile))) return undefined;
  if (roomVariables > 0 && Object.keys(own).length > roomVariables * OWN_SHARE_MAX) return undefined;
  const folders = [codeDir, join(codeDir, 'lib'), ...(layerDir === undefined ? [] : [join(layerDir, 'lib')])];
  for (const folder of folders) if (await holdsLibraries(folder)) return undefined;
  if (layerDir !== undefined && (await holdsAny(join(layerDir, 'extensions')))) return undefined;
  const gate = `${taskRoot}/${GATE}`;
  const preload = await preloadOf(runtime, codeDir);
  const environment = environmentOf(variables, gate, preload, roomVariables);
  const { channel = false } = runtime.family.description;
  return { argv, environment, cwd: taskRoot, channel, gate, mounts, ...(waiting === undefined ? {} : { waiting }) };
}

/** The same object for the same variables: it is long, and asked for by every cold start. */
function environmentOf(
  variables: Variables,
  gate: string,
  preload: string | undefined,
  roomVariables: number,
): Variables {
  const known = waitingVariables.get(variables) ?? new Map<string | undefined, Variables>();
  waitingVariables.set(variables, known);
  const before = known.get(preload);
  if (before) return before;
  const environment = {
    ...variables,
    _LAMBDAD_GATE: gate,
    _LAMBDAD_ROOM: '',
    ...Object.fromEntries(Array.from({ length: roomVariables }, (_, number) => [`_LAMBDAD_ROOM${number}`, ''])),
    ...(preload === undefined ? {} : { _LAMBDAD_PRELOAD: preload }),
  };
  const bytes = Object.entries(environment).reduce((sum, [name, value]) => sum + name.length + value.length + 2, 0);
  environment['_LAMBDAD_ROOM'] = '0'.repeat(Math.max(0, ENVIRON_BYTES - bytes));
  known.set(preload, environment);
  return environment;
}

/** What the function's own files say that they import, of what the runtime can have loaded. */
async function preloadOf({ family, directory }: ObtainedRuntime, codeDir: string): Promise<string | undefined> {
  const preload = family.description.prestart?.preload;
  if (!preload || !existsSync(join(directory, preload.name))) return undefined;
  const key = `${preload.name} ${codeDir}`;
  const known = askingFolders.get(key);
  const asks = known ?? (await asksFor(codeDir, new RegExp(preload.files), new RegExp(preload.askedBy, 'm')));
  if (known === undefined) askingFolders.set(key, asks);
  return asks ? preload.name : undefined;
}

async function asksFor(folder: string, files: RegExp, askedBy: RegExp): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && files.test(entry.name)).map(({ name }) => name);
  for (const name of names.slice(0, ASKING_FILES_MAX)) {
    await using file = await open(join(folder, name));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(ASKING_BYTES_MAX), 0, ASKING_BYTES_MAX, 0);
    if (askedBy.test(buffer.toString('utf8', 0, bytesRead))) return true;
  }
  return false;
}

/** The dynamic linker looks for the interpreter's own libraries there first. */
function holdsLibraries(folder: string): Promise<boolean> {
  return remember(folder, (names) => names.some((name) => LIBRARY.test(name) || name === 'glibc-hwcaps'));
}

/** Extensions begin before the runtime does. */
function holdsAny(folder: string): Promise<boolean> {
  return remember(folder, (names) => names.length > 0);
}

async function remember(folder: string, look: (names: readonly string[]) => boolean): Promise<boolean> {
  const known = plainFolders.get(folder);
  if (known !== undefined) return known;
  const found = await readdir(folder).then(look, (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
    throw error;
  });
  plainFolders.set(folder, found);
  return found;
}
