/** The composition root: the only file that names adapters. Builds the parts, starts the server, ends it in order. */
import { join } from 'node:path';
import { loadCredentials } from './access/credentials.ts';
import { watchPolicies } from './access/policy-watch.ts';
import { functionArn } from './base/arn.ts';
import { assetPath } from './base/assets.ts';
import { systemClock } from './base/clock.ts';
import { deferred } from './base/deferred.ts';
import { randomIds } from './base/ids.ts';
import { KeyedMutex } from './base/mutex.ts';
import { type Config, ConfigError, isLoopback } from './config.ts';
import { openMetadata } from './databases/choice.ts';
import { openDiskBlobs } from './databases/disk/blobs.ts';
import { type DataFolder, openDataFolder } from './databases/disk/data-folder.ts';
import { EnvironmentFactory } from './environments/environment-factory.ts';
import { InstalledRuntimes } from './environments/installed-runtimes.ts';
import { preparation } from './environments/preparation.ts';
import type { SandboxKind } from './environments/sandbox.ts';
import { createActivation } from './functions/activation-queue.ts';
import { codeReferences } from './functions/code-references.ts';
import { readSigningRoots } from './functions/signing-roots.ts';
import { LocalInvoker } from './invoke/local-invoker.ts';
import { memoryGate } from './invoke/memory-gate.ts';
import { Pool } from './invoke/pool.ts';
import { resumeProvisioned } from './invoke/provisioned-plan.ts';
import { DiskLogStore } from './logs/disk-log-store.ts';
import { createInertRecorder } from './neighbours/inert.ts';
import { openNeighbours } from './neighbours/open-neighbours.ts';
import { openVault } from './neighbours/vault.ts';
import { operations } from './operations/all.ts';
import type { AccountLimits, Services } from './operations/operation.ts';
import type { CodePackages } from './packages/code-packages.ts';
import { createPackages } from './packages/packages.ts';
import { chooseSandboxes } from './sandboxes/choice.ts';
import type { Authentication } from './server/authentication.ts';
import { startHttpServer } from './server/http.ts';
import { createLogsApi } from './server/logs-api.ts';
import { createPipeline } from './server/pipeline.ts';
import { resumeMappings } from './sources/mapping-settling.ts';
import { cachedMetadata } from './store/cached-metadata.ts';

/** Records kept in memory: the functions, versions and aliases that were used last. */
const CACHED_RECORDS_MAX = 20_000;
const COLLECT_INTERVAL_MS = 3_600_000;
/** Quotas of an account as AWS gives them to a new one (lambda-facts 5.4). */
const CODE_SIZE_ZIPPED_BYTES = 52_428_800;
const CODE_SIZE_UNZIPPED_BYTES = 262_144_000;
const UNRESERVED_CONCURRENCY_MIN = 100;

export interface RunningServer {
  readonly url: string;
  /** Lines for people beneath "listening on". */
  readonly lines: string[];
  /** Resolves when the server cannot go on, with the reason in one line: then it is to be closed. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

function note(line: string): void {
  process.stderr.write(`lambdad: ${line}\n`);
}

function limitsOf(config: Config): AccountLimits {
  return {
    concurrentExecutions: config.concurrency,
    unreservedConcurrencyMin: Math.min(UNRESERVED_CONCURRENCY_MIN, config.concurrency),
    totalCodeSizeBytes: config.codeStorageBytes,
    codeSizeUnzippedBytes: CODE_SIZE_UNZIPPED_BYTES,
    codeSizeZippedBytes: CODE_SIZE_ZIPPED_BYTES,
  };
}

async function authenticationOf(config: Config, lines: string[]): Promise<Authentication> {
  if (config.auth === 'open') return { mode: 'open' };
  const path = config.credentialsFile ?? join(config.dataDir, 'credentials.json');
  const credentials = await loadCredentials(path, randomIds);
  lines.push(`access keys: ${path}${credentials.created ? ' (made just now, with one random key)' : ''}`);
  if (credentials.exposed) lines.push(`warning:  other users may read the access keys in ${path}: chmod 600`);
  return {
    mode: 'sigv4',
    findSecret: (accessKeyId) => credentials.findSecret(accessKeyId),
    findIdentity: (accessKeyId) => credentials.findIdentity(accessKeyId),
  };
}

/** Starts everything. Rejects with an Error whose message is one line for the person who started it. */
export async function startServer(config: Config): Promise<RunningServer> {
  const folder = await openDataFolder(config.dataDir, randomIds);
  try {
    return await startIn(config, folder);
  } catch (error) {
    await folder.close();
    throw error;
  }
}

async function startIn(config: Config, folder: DataFolder): Promise<RunningServer> {
  const lines: string[] = [];
  const failed = deferred<Error>();
  const parts = await partsOf(config, folder, lines, failed.resolve);
  const { services, policies, logs, sandboxes } = parts;
  let closing = false;
  const server = await startHttpServer({
    host: config.host,
    port: config.port,
    packages: services.packages,
    neighbours: Object.keys(config.endpoints),
    clock: systemClock,
    ids: randomIds,
    log: note,
    pipeline: createPipeline({
      operations,
      services,
      authentication: await authenticationOf(config, lines),
      policies,
      logsApi: createLogsApi(logs, systemClock),
      log: note,
      closing: () => closing,
    }),
  });
  await services.activation.resume();
  await resumeMappings(services);
  await resumeProvisioned(services);
  const collecting = collectNowAndThen(services.packages);
  lines.push(
    `clients:  eval "$(lambdad env --endpoint ${server.origin})"  or  export AWS_ENDPOINT_URL_LAMBDA=${server.origin}`,
  );
  const close = async () => {
    closing = true;
    collecting.stop();
    await Promise.all([server.close(config.shutdownMs), services.invoker.close(config.shutdownMs)]);
    // A runtime that is still being fetched is fetched again at the next start.
    await Promise.race([
      services.activation.idle(),
      new Promise((resolve) => setTimeout(resolve, config.shutdownMs).unref()),
    ]);
    await collecting.last();
    await sandboxes.close();
    await logs.close();
    await services.metadata.close();
    await folder.close();
  };
  return { url: server.origin, lines, failed: failed.promise, close };
}

function collectNowAndThen(packages: CodePackages): { stop(): void; last(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  const collect = () => {
    running = packages.collect().then(
      () => undefined,
      (error: Error) => note(error.message),
    );
  };
  collect();
  const timer = setInterval(collect, COLLECT_INTERVAL_MS).unref();
  return { stop: () => clearInterval(timer), last: () => running };
}

/** Everything behind the HTTP server. */
async function partsOf(config: Config, folder: DataFolder, lines: string[], fail: (error: Error) => void) {
  const clock = systemClock;
  const ids = randomIds;
  const { paths } = folder;
  const limits = limitsOf(config);
  const { metadata, policies } = watchPolicies(await metadataOf(config, folder, lines, fail));
  const dataKey = await folder.secret('data-key');
  const { neighbours, inert, vault } = neighboursOf(config, dataKey, lines);
  const packages = createPackages({
    blobs: await openDiskBlobs(paths.blobs, clock, dataKey),
    references: () => codeReferences(metadata),
    directory: paths.unpacked,
    clock,
    vault,
    secret: await folder.secret('code-links'),
    codeSizeUnzippedBytes: limits.codeSizeUnzippedBytes,
  });
  const logs = new DiskLogStore({ directory: paths.logs, totalBytesMax: config.logBytesMax, clock, onTrouble: note });
  const sandboxes = await sandboxesOf(config, paths.run, lines);
  const { cacheDir, nearestRuntime: nearest, mavenRepository } = config;
  const directory = assetPath('runtimes');
  const runtimes = new InstalledRuntimes({ directory, cacheDir, nearest, mavenRepository, progress: note });
  const factory = new EnvironmentFactory({
    sandboxes,
    runtimes,
    packages,
    logs,
    vault,
    clock,
    ids,
    inertNotes: ({ account, region, version: { functionName, settings } }) =>
      inert.noteSettings(settings.kept, functionArn(region, account, functionName)),
  });
  const pool = poolOf(config, factory);
  const invoker = new LocalInvoker({ pool, clock, ids, concurrency: config.concurrency });
  const locks = new KeyedMutex();
  const activation = createActivation({
    metadata,
    locks,
    clock,
    ids,
    preparation: preparation(packages, runtimes),
    settled: ({ account, region, functionName, version }) => invoker.retire(account, region, functionName, version),
    report: (error, key) => note(`${key.functionName}: ${(error as Error).message}`),
  });
  const services: Services = {
    metadata,
    packages,
    activation,
    invoker,
    neighbours,
    inert,
    note,
    signingRoots: config.signingRootsFile === undefined ? [] : await readSigningRoots(config.signingRootsFile),
    vault,
    clock,
    ids,
    locks,
    limits,
    deprecatedRuntimes: config.deprecatedRuntimes,
    publicPolicies: config.publicPolicies,
  };
  return { services, policies, logs, sandboxes };
}

function poolOf(config: Config, factory: EnvironmentFactory): Pool {
  return new Pool({
    create: (target, listener) => factory.create(target, listener),
    clock: systemClock,
    gate: memoryGate(config.memoryReserveBytes, systemClock),
    idleMs: config.idleMs,
    maxAgeMs: config.maxAgeMs,
    fullWaitMs: config.fullWaitMs,
  });
}

/** The services that settings point at, and what is sealed with their help. */
function neighboursOf(config: Config, dataKey: Uint8Array, lines: string[]) {
  const { endpoints, neighbourCredentials: credentials } = config;
  for (const [address, asked] of Map.groupBy(Object.entries(endpoints), ([, url]) => url))
    lines.push(`asks:     ${address} (${asked.map(([name]) => name).join(', ')})`);
  const neighbours = openNeighbours({ endpoints, credentials });
  return {
    neighbours,
    inert: createInertRecorder(endpoints, note),
    vault: openVault(dataKey, { kms: neighbours.kms, clock: systemClock }),
  };
}

async function metadataOf(config: Config, folder: DataFolder, lines: string[], fail: (error: Error) => void) {
  const { metadata, description } = await openMetadata(config.database, folder, fail);
  if (description !== undefined) lines.push(`records:  ${description}`);
  return cachedMetadata(metadata, CACHED_RECORDS_MAX);
}

async function sandboxesOf(config: Config, runDir: string, lines: string[]): Promise<SandboxKind> {
  const { sandbox, network, allowHost, cpu } = config;
  const loopback = isLoopback(config.host);
  const chosen = await chooseSandboxes({ sandbox, network, allowHost, cpu, loopback }, runDir, randomIds);
  if ('refusal' in chosen) throw new ConfigError(chosen.refusal);
  await chosen.sandboxes.reconcile();
  lines.push(`sandbox:  ${chosen.sandboxes.description}`, ...chosen.warnings.map((warning) => `warning:  ${warning}`));
  return chosen.sandboxes;
}
