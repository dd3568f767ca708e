import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { LruMap } from '../base/lru.ts';
import type { Settings, VersionBody } from '../functions/records.ts';
import { runtimeVersionArn } from '../functions/runtime-support.ts';
import { openVariables, type Variables } from '../functions/sealed-environment.ts';
import { FunctionLog } from '../logs/function-log.ts';
import type { LogStore } from '../logs/log-store.ts';
import { orRefusal, refusalOf } from '../neighbours/refusals.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import { fillTemplate, runtimeCommand } from '../runtimes/description.ts';
import type { ObtainedRuntime } from '../runtimes/obtained-runtime.ts';
import { findBootstrap } from './bootstrap.ts';
import { type CompileParts, compileRequest } from './compiled/compile-request.ts';
import type { Compiled, CompiledCode } from './compiled-code.ts';
import { Environment, type EnvironmentListener } from './environment.ts';
import type { EnvironmentSpec } from './environment-spec.ts';
import { throughWrapper } from './exec-wrapper.ts';
import { externalExtensions } from './external-extensions.ts';
import type { FileSystems } from './file-systems.ts';
import { type CredentialSource, type GivenCredentials, usableUntil } from './function-credentials.ts';
import type { InstalledRuntimes } from './installed-runtimes.ts';
import { LAYER_ROOT, layerFolder } from './layer-folder.ts';
import { MetadataApi } from './metadata-api.ts';
import { type PrestartParts, prestartOf } from './prestart.ts';
import { type Mount, MountFailed, type Prestart, type Sandbox, type SandboxKind } from './sandbox.ts';
import { type DatagramOwner, type DatagramTaker, shareOf } from './trace-datagrams.ts';
import { unreachableEndpoints } from './unreachable-endpoints.ts';
import { functionVariables } from './variables.ts';

/** Remembered as said; beyond it something may be said twice. */
const NOTED_MAX = 10_000;
const MEGABYTE = 1_048_576;
/** The structured-log descriptor that sandboxes hand to the runtime. */
const LOG_DESCRIPTOR = 3;
const TASK_ROOT = '/var/task';
const RUNTIME_DIR = '/var/runtime';
/** Of one runtime, by size and handler. */
const FILLED_MAX = 1000;
/** In a description's variable: it is the function's. */
const HANDLER = '$' + '{handler}';

export interface EnvironmentTarget {
  readonly account: string;
  readonly region: string;
  readonly version: VersionBody;
  /** Absent: made for an invoke. */
  readonly initializationType?: 'provisioned-concurrency';
}

export interface EnvironmentFactoryParts {
  readonly sandboxes: SandboxKind;
  readonly runtimes: InstalledRuntimes;
  readonly packages: CodePackages;
  readonly logs: LogStore;
  readonly vault: Vault;
  readonly credentials: CredentialSource;
  readonly fileSystems: FileSystems;
  /** Code of functions that was compiled before; undefined where it cannot be mounted. */
  readonly compiled?: CompiledCode | undefined;
  /** Variables with the addresses of services that functions are given. */
  readonly endpoints: () => Readonly<Record<string, string>>;
  /** Takes what functions send to X-Ray; undefined where nobody wants it. */
  readonly datagrams?: DatagramTaker | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Told how long the extensions of a function took after its runtime. */
  readonly extensionsRan: (target: EnvironmentTarget, durationMs: number) => void;
  /** Lines for the function's log about settings that have no effect, each given once. */
  readonly inertNotes: (target: EnvironmentTarget) => readonly string[];
}

/** What an environment is made of before its process is described. */
interface Made {
  readonly own: Variables;
  readonly given: GivenCredentials;
  readonly sandbox: Sandbox;
  readonly runtime: ObtainedRuntime;
  readonly log: FunctionLog;
  readonly mounts: readonly Mount[];
}

/** The variables of a runtime's description, filled in. */
interface FilledVariables {
  readonly all: Variables;
  /** Those that do not depend on the function's handler. */
  readonly common: Variables;
}

/** Builds execution environments: code unpacked, runtime found, sandbox made, process described. */
export class EnvironmentFactory {
  readonly #parts: EnvironmentFactoryParts;
  readonly #noted = new LruMap<string, true>(NOTED_MAX);

  constructor(parts: EnvironmentFactoryParts) {
    this.#parts = parts;
  }

  /**
   * Rejects with an ApiError for what the function lacks (a key, a file system, a role), and with a plain Error when this
   * machine cannot make one: the machine's fault, not the function's.
   */
  async create(target: EnvironmentTarget, listener: EnvironmentListener): Promise<Environment> {
    const { runtimes, packages, clock, ids, fileSystems } = this.#parts;
    const { settings, code } = target.version;
    const own = await this.#ownVariables(target);
    const [codeDir, layerDir, runtime, fileMounts] = await Promise.all([
      orRefusal(packages.unpackCode(code)),
      layerFolder(packages, settings),
      runtimes.find(settings.runtime ?? ''),
      fileSystems.mountsOf(target),
    ]);
    const mounts: Mount[] = [{ source: codeDir, target: TASK_ROOT }];
    if (layerDir !== undefined) mounts.push({ source: layerDir, target: LAYER_ROOT });
    const runtimeMounts = mountsOf(runtime);
    mounts.push(...runtimeMounts);
    const compiled = this.#compiled(target, { own, runtime, codeDir, layerDir, mounts: [...mounts] });
    if (compiled) mounts.push(compiled.mount);
    mounts.push(...fileMounts);
    const prestart =
      fileMounts.length > 0
        ? undefined
        : await this.#prestart(target.version, { own, runtime, codeDir, layerDir, mounts: runtimeMounts });
    const given = await this.#credentials(target);
    const sandbox = await this.#sandbox(target, mounts, given, prestart);
    compiled?.readyFor(sandbox);
    try {
      const log = this.#log(target, settings);
      for (const note of this.#newNotes(target, runtime)) log.stderr(Buffer.from(`lambdad: ${note}\n`));
      if (code.warning !== undefined) log.stderr(Buffer.from(`lambdad: ${code.warning}\n`));
      for (const line of this.#parts.inertNotes(target)) log.stderr(Buffer.from(`${line}\n`));
      for (const text of [...sandbox.notes, ...unreachableEndpoints(own, this.#parts.sandboxes.hostPorts)])
        log.stderr(Buffer.from(`lambdad: ${text}\n`));
      const spec = await this.#spec(target, { own, given, sandbox, runtime, log, mounts });
      const extensionsRan = (durationMs: number) => this.#parts.extensionsRan(target, durationMs);
      return new Environment({ spec, sandbox, log, clock, ids, listener, extensionsRan });
    } catch (error) {
      await sandbox.destroy();
      throw error;
    }
  }

  /**
   * A version has become ready to run: what of its environments needs no function may be made beforehand. Rejects with
   * RuntimeMissing, or where the code is not there.
   */
  async expect(version: VersionBody): Promise<void> {
    const { runtimes, packages, sandboxes, datagrams } = this.#parts;
    if (!sandboxes.expect) return;
    const { settings, code } = version;
    const [codeDir, layerDir, runtime] = await Promise.all([
      packages.unpackCode(code),
      layerFolder(packages, settings),
      runtimes.find(settings.runtime ?? ''),
    ]);
    // Its own variables are sealed; without a need nobody asks for their key.
    const prestart = await this.#prestart(version, { own: {}, runtime, codeDir, layerDir, mounts: mountsOf(runtime) });
    const tmpBytes = settings.ephemeralStorageMb * MEGABYTE;
    // Whoever it becomes takes its datagrams.
    if (prestart) sandboxes.expect({ tmpBytes, prestart, ...(datagrams ? { datagrams: () => undefined } : {}) });
  }

  async #prestart(
    { settings }: VersionBody,
    parts: Pick<PrestartParts, 'own' | 'runtime' | 'codeDir' | 'layerDir' | 'mounts'>,
  ): Promise<Prestart | undefined> {
    if (!this.#parts.sandboxes.expect) return undefined;
    return await prestartOf({
      ...parts,
      taskRoot: TASK_ROOT,
      ...startOf(parts.runtime, settings, parts.own),
    });
  }

  /** What is known beforehand of the function's code; where nothing is, it is found out for those that come after. */
  #compiled(
    target: EnvironmentTarget,
    parts: Pick<CompileParts, 'own' | 'runtime' | 'codeDir' | 'layerDir' | 'mounts'>,
  ): Compiled | undefined {
    const { compiled } = this.#parts;
    if (!compiled) return undefined;
    const start = startOf(parts.runtime, target.version.settings, parts.own);
    const request = compileRequest({ ...target, ...parts, ...start, taskRoot: TASK_ROOT, runtimeDir: RUNTIME_DIR });
    return request && compiled.find(request);
  }

  /** Takes the credentials back when the sandbox is no more, or was never made. */
  async #sandbox(
    target: EnvironmentTarget,
    mounts: readonly Mount[],
    given: GivenCredentials,
    prestart: Prestart | undefined,
  ): Promise<Sandbox> {
    const { sandboxes, ids, clock, fileSystems, datagrams } = this.#parts;
    const { settings } = target.version;
    try {
      const sandbox = await sandboxes.create({
        id: ids.hex(16),
        mounts,
        tmpBytes: settings.ephemeralStorageMb * MEGABYTE,
        memoryBytes: settings.memoryMb * MEGABYTE,
        ...(datagrams === undefined ? {} : { datagrams: shareOf(datagrams, ownerOf(target), clock) }),
        ...(prestart === undefined ? {} : { prestart }),
      });
      void sandbox.gone.then(given.takeBack);
      return sandbox;
    } catch (error) {
      given.takeBack();
      throw error instanceof MountFailed ? fileSystems.refusalOf(target, error.target, error.message) : error;
    }
  }

  /** What is to be said of the runtime and was not yet said to this function. */
  #newNotes({ account, region, version }: EnvironmentTarget, runtime: ObtainedRuntime): readonly string[] {
    return runtime.notes.filter((note) => {
      const key = [account, region, version.functionName, note].join(' ');
      if (this.#noted.get(key)) return false;
      this.#noted.set(key, true);
      return true;
    });
  }

  #log(target: EnvironmentTarget, settings: Settings): FunctionLog {
    const { logs, clock, ids } = this.#parts;
    return new FunctionLog({
      store: logs,
      clock,
      ids,
      account: target.account,
      region: target.region,
      logging: settings.logging,
      version: target.version.version,
    });
  }

  async #spec(target: EnvironmentTarget, made: Made): Promise<EnvironmentSpec> {
    const { own, given, sandbox, runtime, log, mounts } = made;
    const { functionName, version, settings } = target.version;
    const { description } = runtime.family;
    const taskRoot = sandbox.path(TASK_ROOT);
    const runtimeDir = runtime.interpreter ? sandbox.path(RUNTIME_DIR) : RUNTIME_DIR;
    const places = description.bootstrapFallback.map((place) =>
      fillTemplate(place, { taskRoot: TASK_ROOT, layerRoot: LAYER_ROOT }),
    );
    const bootstrap = await findBootstrap(places, mounts, (path) => sandbox.path(path));
    const problem = runtime.interpreter ? undefined : bootstrap.problem;
    const values = valuesOf(runtime, settings, (path) => sandbox.path(path), bootstrap.path);
    const runtimeVariables = variablesOf(runtime, values).all;
    const { initializationType = 'on-demand' } = target;
    const metadataToken = this.#parts.ids.uuid();
    const environment = functionVariables({
      initializationType,
      settings,
      own,
      functionName,
      version,
      region: target.region,
      logGroup: log.group,
      logStream: log.stream,
      runtimeApiAddress: sandbox.runtimeApiAddress,
      datagramAddress: sandbox.datagramAddress,
      metadataToken,
      taskRoot,
      runtimeDir,
      credentials: given.credentials,
      endpoints: this.#parts.endpoints(),
      runtimeVariables,
      overridable: description.overridable,
      ...(runtime.interpreter ? { logDescriptor: LOG_DESCRIPTOR } : {}),
    });
    const command = commandOf(runtime, values, environment);
    // A bootstrap that the function brings along may heed the wrapper itself; AWS does not for it.
    const argv = runtime.interpreter ? throughWrapper(command, environment, (path) => sandbox.path(path)) : command;
    const usableUntilMs = usableUntil(given, settings.timeoutS * 1000, this.#parts.clock.now());
    return {
      identity: { accountId: target.account, functionName, functionVersion: version, handler: settings.handler ?? '' },
      memoryMb: settings.memoryMb,
      timeoutMs: settings.timeoutS * 1000,
      initializationType,
      ...(usableUntilMs === undefined ? {} : { usableUntilMs }),
      ...runtimeVersionOf(settings, target.region),
      process: {
        role: 'runtime',
        argv,
        environment,
        cwd: taskRoot,
        channel: argv === command && description.channel === true,
      },
      ...(problem === undefined ? {} : { invalidEntrypoint: problem }),
      ...(await externalExtensions(mounts, sandbox, environment)),
      metadata: new MetadataApi(metadataToken, target.region),
    };
  }

  /** Throws the KMS family's ApiError when the key of the variables cannot be used. */
  async #ownVariables({ account, region, version }: EnvironmentTarget): Promise<Variables> {
    try {
      const { functionName, settings } = version;
      return (await openVariables(this.#parts.vault, { account, region }, functionName, settings)) ?? {};
    } catch (error) {
      throw refusalOf(error);
    }
  }

  #credentials({ account, region, version }: EnvironmentTarget): Promise<GivenCredentials> {
    const { functionName, settings } = version;
    return this.#parts.credentials({ account, region, functionName, roleArn: settings.role });
  }
}

/** What the placeholders of the runtime's description stand for; `show` tells how a path is called inside. */
function valuesOf(
  { interpreter, version }: ObtainedRuntime,
  { memoryMb, handler = '', runtime = '' }: Settings,
  show: (path: string) => string,
  bootstrap = '',
): Readonly<Record<string, string>> {
  const program = interpreter ? show(interpreter.path) : '';
  return {
    taskRoot: show(TASK_ROOT),
    runtimeDir: interpreter ? show(RUNTIME_DIR) : RUNTIME_DIR,
    layerRoot: show(LAYER_ROOT),
    version,
    interpreter: program,
    interpreterFolder: dirname(program),
    memoryMb: String(memoryMb),
    handler,
    runtime,
    bootstrap: show(bootstrap),
  };
}

/** The runtime's command, and those of its variables that do not depend on the handler, by paths inside. */
function startOf(runtime: ObtainedRuntime, settings: Settings, own: Variables) {
  const values = valuesOf(runtime, settings, (path) => path);
  return { argv: commandOf(runtime, values, own), variables: variablesOf(runtime, values).common };
}

const filledVariables = new WeakMap<ObtainedRuntime, LruMap<string, FilledVariables>>();

/** The same for the same values; filled in once, for a cold start waits for it. */
function variablesOf(runtime: ObtainedRuntime, values: Variables): FilledVariables {
  const known = filledVariables.get(runtime) ?? new LruMap<string, FilledVariables>(FILLED_MAX);
  filledVariables.set(runtime, known);
  const key = Object.values(values).join('\0');
  const before = known.get(key);
  if (before) return before;
  const templates = Object.entries(runtime.family.description.environment);
  const fill = (entries: typeof templates) =>
    Object.fromEntries(entries.map(([name, template]) => [name, fillTemplate(template, values)]));
  const common = templates.filter(([, template]) => !template.includes(HANDLER));
  const filled = { all: fill(templates), common: fill(common) };
  known.set(key, filled);
  return filled;
}

function mountsOf({ interpreter, directory }: ObtainedRuntime): readonly Mount[] {
  return interpreter ? [{ source: directory, target: RUNTIME_DIR }, ...interpreter.mounts] : [];
}

function commandOf(runtime: ObtainedRuntime, values: Variables, variables: Variables): readonly string[] {
  const { family, interpreter, directory } = runtime;
  const version = interpreter?.version ?? runtime.version;
  return runtimeCommand({ family, version, values, variables, hasFile: (name) => existsSync(join(directory, name)) });
}

function ownerOf({ account, region, version: { functionName } }: EnvironmentTarget): DatagramOwner {
  return { account, region, functionName };
}

/** `python3.13` → `python:3.13.v1`; the number is lambdad's own count of its bootstraps. */
function runtimeVersionOf(settings: Settings, region: string) {
  const match = /^([a-z]+)([\d.]+?)(\.x)?$/.exec(settings.runtime ?? '');
  if (!match || settings.runtime === undefined || settings.runtime.startsWith('provided')) return {};
  return {
    runtimeVersion: `${match[1]}:${match[2]}.v1`,
    runtimeVersionArn: runtimeVersionArn(region, settings.runtime),
  };
}
