/** The composition root: the only file that names adapters. Builds the parts, starts the server, ends it in order. */
import { join } from 'node:path';
import { watchPolicies } from './access/policy-watch.ts';
import { functionArn } from './base/arn.ts';
import { assetPath } from './base/assets.ts';
import { type Clock, systemClock } from './base/clock.ts';
import { deferred } from './base/deferred.ts';
import { randomIds } from './base/ids.ts';
import type { PointingSettings } from './base/inert-settings.ts';
import { KeyedMutex } from './base/mutex.ts';
import { pulseThreadPool } from './base/pool-pulse.ts';
import { tracingKinds } from './base/tracing-settings.ts';
import { type Config, ConfigError, isLoopback } from './config.ts';
import { openStores } from './databases/choice.ts';
import { openDiskBlobs } from './databases/disk/blobs.ts';
import { type DataFolder, openDataFolder } from './databases/disk/data-folder.ts';
import { openDestinations } from './destinations/open-destinations.ts';
import { CompiledCode } from './environments/compiled-code.ts';
import { EnvironmentFactory } from './environments/environment-factory.ts';
import { InstalledRuntimes } from './environments/installed-runtimes.ts';
import { checkMountDirectories, MountDirectoryError } from './environments/mount-directories.ts';
import { preparation } from './environments/preparation.ts';
import { surroundings } from './environments/surroundings.ts';
import { type ActivationOptions, createActivation } from './functions/activation-queue.ts';
import { codeReferences } from './functions/code-references.ts';
import { watchConcurrency } from './functions/concurrency-watch.ts';
import { FunctionUrlAddresses } from './functions/function-url-address.ts';
import { watchFunctionUrls } from './functions/function-url-index.ts';
import type { VersionBody } from './functions/records.ts';
import { readSigningRoots } from './functions/signing-roots.ts';
import type { DestinationPort } from './invoke/async-destinations.ts';
import { type AsyncInvokesOptions, QueuedInvokes } from './invoke/async-invokes.ts';
import { InvokeMetrics } from './invoke/invoke-metrics.ts';
import { LocalInvoker } from './invoke/local-invoker.ts';
import { memoryGate } from './invoke/memory-gate.ts';
import { Pool } from './invoke/pool.ts';
import { resumeProvisioned } from './invoke/provisioned-plan.ts';
import { DiskLogStore } from './logs/disk-log-store.ts';
import { createInertRecorder } from './neighbours/inert.ts';
import type { Recipients } from './neighbours/neighbours.ts';
import { openNeighbours } from './neighbours/open-neighbours.ts';
import { openVault, type Vault } from './neighbours/vault.ts';
import { accountLimits } from './operations/account-limits.ts';
import { operations } from './operations/all.ts';
import type { AccountLimits, Services } from './operations/operation.ts';
import { collectNowAndThen } from './packages/collection.ts';
import { createPackages } from './packages/packages.ts';
import { openPollers } from './pollers/open-pollers.ts';
import { chooseSandboxes } from './sandboxes/choice.ts';
import type { Authentication } from './server/authentication.ts';
import { startHttpServer } from './server/http.ts';
import { createLogsApi } from './server/logs-api.ts';
import { openCallers } from './server/open-callers.ts';
import { Pipeline } from './server/pipeline.ts';
import { startUrlServer } from './server/url-server.ts';
import { QueueDelivery } from './sources/queue-delivery.ts';
import { StreamDelivery } from './sources/stream-delivery.ts';
import { MappingSupervisor, type SupervisorTools } from './sources/supervisor.ts';
import { cachedMetadata } from './store/cached-metadata.ts';
import type { MetadataStore } from './store/metadata.ts';
import { openTracing } from './tracing/open-tracing.ts';

/** Records kept in memory: the functions, versions and aliases that were used last. */
const CACHED_RECORDS_MAX = 20_000;
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

type Fail = (error: Error) => void;
type Access = Awaited<ReturnType<typeof accessOf>>;
type Parts = Awaited<ReturnType<typeof partsOf>>;

/** How callers are known, and where nothing of functions may lead. */
async function accessOf(config: Config, lines: string[]) {
  const { auth, credentialsFile, dataDir } = config;
  const credentialsPath = credentialsFile ?? join(dataDir, 'credentials.json');
  const callers = await openCallers({ auth, credentialsPath, clock: systemClock, ids: randomIds });
  lines.push(...callers.lines);
  return { ...callers, closedPaths: [dataDir, config.cacheDir, credentialsPath] };
}

/** Starts everything. Rejects with an Error whose message is one line for the person who started it. */
export async function startServer(config: Config): Promise<RunningServer> {
  pulseThreadPool();
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
  const access = await accessOf(config, lines);
  const parts = await partsOf(config, folder, access, lines, failed.resolve);
  const { services, policies, logs, sandboxes, events, asyncInvokes, sources } = parts;
  const { authentication } = access;
  let closing = false;
  const urlServer = await urlServerOf(config, parts, authentication, () => closing);
  lines.unshift(
    `urls:     ${parts.urlAddresses.of({ account: '…', region: '<region>' }, '<url-id>', urlServer.origin)}`,
  );
  const server = await startHttpServer({
    host: config.host,
    port: config.port,
    packages: services.packages,
    neighbours: Object.keys(config.endpoints),
    mounts: [...config.mounts.keys()],
    tracing: tracingKinds(config.tracing),
    ...(config.testClock ? { testClock: asyncInvokes } : {}),
    ...(config.metrics === 'off' ? {} : { metrics: { audience: config.metrics, families: parts.families } }),
    clock: systemClock,
    ids: randomIds,
    log: note,
    pipeline: new Pipeline({
      operations,
      services,
      authentication,
      policies,
      logsApi: createLogsApi(logs, systemClock),
      log: note,
      closing: () => closing,
    }),
  }).catch(async (error: Error) => {
    await urlServer.close(0);
    throw error;
  });
  parts.surroundings.listensAt(server.origin, sandboxes);
  await services.activation.resume();
  await resumeProvisioned(services);
  await asyncInvokes.start();
  await sources.start();
  const collecting = collectNowAndThen(services.packages, note);
  lines.push(
    `clients:  eval "$(lambdad env --endpoint ${server.origin})"  or  export AWS_ENDPOINT_URL_LAMBDA=${server.origin}`,
  );
  const close = async () => {
    closing = true;
    collecting.stop();
    const { shutdownMs } = config;
    const quiet = Promise.all([asyncInvokes.close(), sources.close()]);
    await Promise.all(
      [server, urlServer].map((each) => each.close(shutdownMs)).concat(services.invoker.close(shutdownMs)),
    );
    // A runtime that is still being fetched is fetched again at the next start.
    await Promise.race([
      services.activation.idle(),
      new Promise((resolve) => setTimeout(resolve, config.shutdownMs).unref()),
    ]);
    await collecting.last();
    await Promise.all([closeSandboxes(parts), parts.traces.close(shutdownMs)]);
    await logs.close();
    // What is on its way to a destination is sent again at the next start.
    await Promise.race([quiet, new Promise((resolve) => setTimeout(resolve, config.shutdownMs).unref())]);
    await events.close();
    await services.metadata.close();
    await folder.close();
  };
  return { url: server.origin, lines, failed: failed.promise, close };
}

/** Function URLs are served before anybody can be told of one. */
async function urlServerOf(config: Config, parts: Parts, authentication: Authentication, closing: () => boolean) {
  const { services, policies, urls: index, urlAddresses } = parts;
  await index.load();
  const { host, urlPort: port } = config;
  const server = await startUrlServer({ host, port, services, authentication, policies, index, log: note, closing });
  urlAddresses.listensAt(server.port);
  return server;
}

function runtimesOf(config: Config, progress: (line: string) => void): InstalledRuntimes {
  const { cacheDir, nearestRuntime: nearest, mavenRepository, bundledSdk } = config;
  const onlyNecessary = bundledSdk === 'off';
  const directory = assetPath('runtimes');
  return new InstalledRuntimes({ directory, cacheDir, nearest, mavenRepository, onlyNecessary, progress });
}

interface PackagesParts {
  readonly metadata: MetadataStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly limits: AccountLimits;
  readonly dataKey: Uint8Array;
}

async function packagesOf(folder: DataFolder, { metadata, vault, clock, limits, dataKey }: PackagesParts) {
  return createPackages({
    blobs: await openDiskBlobs(folder.paths.blobs, clock, dataKey),
    references: () => codeReferences(metadata),
    directory: folder.paths.unpacked,
    clock,
    vault,
    secret: await folder.secret('code-links'),
    codeSizeUnzippedBytes: limits.codeSizeUnzippedBytes,
  });
}

/** Everything behind the HTTP server. */
async function partsOf(config: Config, folder: DataFolder, access: Access, lines: string[], fail: Fail) {
  const [clock, ids] = [systemClock, randomIds];
  const limits = accountLimits(config);
  const { metadata, events, policies, urls, taken } = await storesOf(config, folder, lines, fail);
  const urlAddresses = new FunctionUrlAddresses(config.urlDomain, config.urlPort);
  const dataKey = await folder.secret('data-key');
  const { neighbours, inert, vault } = neighboursOf(config, dataKey, lines);
  const [metrics, locks] = [new InvokeMetrics(), new KeyedMutex()];
  const packages = await packagesOf(folder, { metadata, vault, clock, limits, dataKey });
  const logs = new DiskLogStore({
    directory: folder.paths.logs,
    totalBytesMax: config.logBytesMax,
    clock,
    onTrouble: note,
  });
  const { sandboxes, mounts, compiled } = await sandboxesOf(config, folder.paths, access.closedPaths, lines);
  const runtimes = runtimesOf(config, note);
  const around = surroundings(
    { ...config, mounts, sts: neighbours.sts, keys: access.functionKeys, clock, note },
    lines,
  );
  const traces = openTracing(config.tracing, { clock, ids, note });
  lines.push(...traces.lines);
  const factory = new EnvironmentFactory({
    ...{ ...around.parts, datagrams: traces.datagrams, sandboxes, runtimes, packages, logs, vault, clock, ids },
    compiled,
    extensionsRan: ({ account, region, version: { functionName } }, durationMs) =>
      metrics.find({ account, region, functionName }).extensionsRan(durationMs),
    inertNotes: ({ account, region, version: { functionName, settings } }) =>
      inert.noteSettings(pointing(settings), functionArn(region, account, functionName)),
  });
  const pool = poolOf(config, factory);
  const invoker = new LocalInvoker({ ...config, pool, clock, ids, taken, metrics, tracing: traces.tracing });
  const activation = activationOf(invoker, {
    metadata,
    locks,
    clock,
    ids,
    preparation: preparation(packages, runtimes, (version) => factory.expect(version)),
  });
  const { asyncInvokes, destinations } = asyncInvokesOf(
    { queue: events, metadata, invoker, inert, metrics, tracing: traces.tracing, clock, ids, note },
    neighbours,
  );
  const sources = sourcesOf(config, destinations, { metadata, invoker, clock, ids, vault, note });
  const services: Services = {
    asyncInvokes,
    sources,
    metrics,
    metadata,
    packages,
    activation,
    invoker,
    urls: urlAddresses,
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
  const families = () => [invoker, traces, sources, compiled].flatMap((counting) => counting?.families() ?? []);
  const parts = { services, policies, urls, urlAddresses, logs, sandboxes, surroundings: around, events, asyncInvokes };
  return { ...parts, sources, families, traces, compiled };
}

function activationOf(invoker: LocalInvoker, tools: Omit<ActivationOptions, 'settled' | 'report'>) {
  return createActivation({
    ...tools,
    settled: ({ account, region, functionName, version }) => invoker.retire(account, region, functionName, version),
    report: (error, key) => note(`${key.functionName}: ${(error as Error).message}`),
  });
}

/** Of a function's settings what may have no effect here. */
function pointing({ kept, tracingMode }: Pick<VersionBody['settings'], 'kept' | 'tracingMode'>): PointingSettings {
  return { ...kept, TracingConfig: { Mode: tracingMode } };
}

/** A record may go to another function, which is invoked in the same way. */
function asyncInvokesOf(tools: Omit<AsyncInvokesOptions, 'destinations'>, neighbours: Recipients) {
  const { metadata, ids } = tools;
  const destinations = openDestinations({ neighbours, functions: () => ({ invokes, metadata, ids }) });
  const invokes: QueuedInvokes = new QueuedInvokes({ ...tools, destinations });
  return { asyncInvokes: invokes, destinations };
}

/** What reads from event sources: those whose service has an endpoint. */
function sourcesOf(
  config: Config,
  destinations: DestinationPort,
  tools: Omit<SupervisorTools, 'adapters' | 'deliveries'>,
): MappingSupervisor {
  const streams = new StreamDelivery({ metadata: tools.metadata, destinations });
  return new MappingSupervisor({
    ...tools,
    adapters: openPollers(askingOf(config)),
    deliveries: { sqs: new QueueDelivery(), kinesis: streams, dynamodb: streams },
  });
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
  const { endpoints } = config;
  for (const [address, asked] of Map.groupBy(Object.entries(endpoints), ([, url]) => url))
    lines.push(`asks:     ${address} (${asked.map(([name]) => name).join(', ')})`);
  const neighbours = openNeighbours(askingOf(config));
  return {
    neighbours,
    inert: createInertRecorder(endpoints, tracingKinds(config.tracing).length > 0, note),
    vault: openVault(dataKey, { kms: neighbours.kms, clock: systemClock }),
  };
}

/** How neighbours are asked: where, with whose credentials, and for functions in their roles where there is an STS for it. */
function askingOf({ endpoints, neighbourCredentials: credentials, functionCredentials }: Config) {
  return { endpoints, credentials, roles: functionCredentials === 'sts' ? { clock: systemClock } : undefined };
}

/** What is kept, and what is remembered of it: whoever writes goes through all of them. */
async function storesOf(config: Config, folder: DataFolder, lines: string[], fail: Fail) {
  const { metadata: opened, events, description } = await openStores(config.database, folder, randomIds, fail, note);
  if (description !== undefined) lines.push(`records:  ${description}`);
  const { metadata: policed, policies } = watchPolicies(cachedMetadata(opened, CACHED_RECORDS_MAX));
  const { metadata: addressed, urls } = watchFunctionUrls(policed);
  const { metadata, taken } = await watchConcurrency(addressed);
  return { metadata, events, policies, urls, taken };
}

async function closeSandboxes({ sandboxes, compiled }: Pick<Parts, 'sandboxes' | 'compiled'>): Promise<void> {
  await compiled?.close();
  await sandboxes.close();
}

async function sandboxesOf(
  config: Config,
  { run: runDir, compiled: directory }: DataFolder['paths'],
  closedPaths: readonly string[],
  lines: string[],
) {
  const { sandbox, network, allowHost, cpu, prestart, mounts } = config;
  const loopback = isLoopback(config.host);
  const chosen = await chooseSandboxes({ sandbox, network, allowHost, cpu, prestart, loopback }, runDir, randomIds);
  if ('refusal' in chosen) throw new ConfigError(chosen.refusal);
  const { sandboxes, warnings } = chosen;
  await sandboxes.reconcile();
  lines.push(`sandbox:  ${sandboxes.description}`, ...warnings.map((warning) => `warning:  ${warning}`));
  try {
    const compiled = await CompiledCode.open({ directory, sandboxes, clock: systemClock, ids: randomIds });
    return { sandboxes, compiled, mounts: await checkMountDirectories(mounts, closedPaths, sandboxes, randomIds) };
  } catch (error) {
    await sandboxes.close();
    throw error instanceof MountDirectoryError ? new ConfigError(error.message) : error;
  }
}
