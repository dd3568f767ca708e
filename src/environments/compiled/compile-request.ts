import { createHash } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { VersionBody } from '../../functions/records.ts';
import type { Variables } from '../../functions/sealed-environment.ts';
import { blobOf } from '../../packages/code-packages.ts';
import { isInRange, patternOf } from '../../runtimes/description.ts';
import type { ObtainedRuntime } from '../../runtimes/obtained-runtime.ts';
import type { Mount } from '../sandbox.ts';

/** A function's code, as what compiled code is kept for: whatever could change it is in the key. */
export interface CompileRequest {
  /** 64 hexadecimal digits. Never the same for two accounts, regions or functions. */
  readonly key: string;
  readonly mounts: readonly Mount[];
  readonly argv: readonly string[];
  readonly environment: Variables;
  /** Resolves with whether enough is loaded for it to be worth it, as far as can be told from outside. */
  readonly isWorthIt: () => Promise<boolean>;
}

export interface CompileParts {
  readonly account: string;
  readonly region: string;
  readonly version: VersionBody;
  readonly runtime: ObtainedRuntime;
  /** The function's own variables. */
  readonly own: Variables;
  readonly codeDir: string;
  readonly layerDir: string | undefined;
  /** What a process of this function is started by; the last argument is the runtime's program. */
  readonly argv: readonly string[];
  /** Of the runtime. */
  readonly variables: Variables;
  readonly mounts: readonly Mount[];
  readonly taskRoot: string;
  readonly runtimeDir: string;
}

/** A package of less is only worth it for what it loads of the runtime's own. */
const CODE_BYTES_MIN = 49_152;
const ASKING_FILES_MAX = 64;
/** Where the compiling process collects what it hands over. */
const COLLECTING_FOLDER = '/tmp/compiled';
/** What the dynamic linker would take of the function's files is code of the function, which is not to run. */
const LINKER_VARIABLE = /^LD_/;

/** Undefined where the runtime has no such thing, or the function's own variables may have to do with it. */
export function compileRequest(parts: CompileParts): CompileRequest | undefined {
  const { account, region, version, runtime, own, codeDir, layerDir, argv, mounts, taskRoot, runtimeDir } = parts;
  const { compile } = runtime.family.description;
  const { settings, code } = version;
  if (!compile || !runtime.interpreter || !isInRange(compile, runtime.interpreter.version)) return undefined;
  const unless = patternOf(compile.unless);
  if (Object.keys(own).some((name) => unless.test(name))) return undefined;
  const { handler = '', layers = [] } = settings;
  const identity = [
    ...[account, region, version.functionName, blobOf(code), layers.map((layer) => layer.code.sha256)],
    ...[runtime.directory, runtime.interpreter.hostPath, runtime.interpreter.fullVersion, argv, handler],
  ];
  return {
    key: createHash('sha256').update(JSON.stringify(identity)).digest('hex'),
    mounts,
    argv: [...argv.slice(0, -1), `${runtimeDir}/${compile.program}`, taskRoot, handler, COLLECTING_FOLDER],
    environment: Object.fromEntries(Object.entries(parts.variables).filter(([name]) => !LINKER_VARIABLE.test(name))),
    isWorthIt: async () =>
      layerDir !== undefined ||
      (code.unzippedBytes ?? code.sizeBytes) >= CODE_BYTES_MIN ||
      (await asksFor(codeDir, new RegExp(compile.askedBy))),
  };
}

/** Whether a file at the top of a small package says that it loads what the runtime brings along. */
async function asksFor(folder: string, askedBy: RegExp): Promise<boolean> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  for (const { name } of entries.slice(0, ASKING_FILES_MAX)) {
    await using file = await open(join(folder, name));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CODE_BYTES_MIN), 0, CODE_BYTES_MIN, 0);
    if (askedBy.test(buffer.toString('utf8', 0, bytesRead))) return true;
  }
  return false;
}
