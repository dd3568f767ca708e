import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Endpoints, neighbourNames, readEndpoints } from './base/endpoints.ts';
import { type PassedEndpoints, passedEndpoints } from './base/passed-endpoints.ts';
import { readTracingSettings, type TracingSettings } from './base/tracing-settings.ts';
import { readUrlDomain, type UrlDomain } from './base/url-domain.ts';

/** Every setting of the server, read once at start from flags and LAMBDAD_* variables; a flag wins over its variable. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Port of function URLs, on the same host. */
  readonly urlPort: number;
  /** Domain under which function URLs are told; without it they are paths of the URL listener. */
  readonly urlDomain: UrlDomain | undefined;
  readonly dataDir: string;
  /** URL of the PostgreSQL database that keeps the records; undefined for the one inside the data folder. */
  readonly database: string | undefined;
  /** Downloaded runtimes; shared by all data folders, safe to delete. */
  readonly cacheDir: string;
  /** `open` takes any well-formed Authorization unchecked; only on a loopback address. */
  readonly auth: 'open' | 'sigv4';
  /** JSON file with the access keys that `sigv4` accepts. */
  readonly credentialsFile: string | undefined;
  readonly sandbox: 'auto' | 'linux' | 'bubblewrap' | 'process';
  readonly network: 'egress' | 'host' | 'none';
  /** Ports of this machine that functions reach at the same port of their own 127.0.0.1. */
  readonly allowHost: readonly number[];
  /** Busy processors are shared by memory; under `quota` a function gets no more than AWS gives it, idle ones included. */
  readonly cpu: 'weight' | 'quota';
  /** The most sandboxes of one kind that wait with their runtime's process started. */
  readonly prestart: number;
  /** An idle execution environment ends after this. */
  readonly idleMs: number;
  /** An execution environment of this age ends as soon as it is free. */
  readonly maxAgeMs: number;
  /** How long an invoke waits for memory when the machine is full, before it is refused with 429. */
  readonly fullWaitMs: number;
  /** Memory of the machine that functions never get. */
  readonly memoryReserveBytes: number;
  /** Concurrent executions of one account's region. */
  readonly concurrency: number;
  /** Whether requests are held to ten a second for each concurrent one. */
  readonly requestRate: boolean;
  readonly spares: boolean;
  /** Environments by which a function may grow within ten seconds; 0 for any number. */
  readonly scalingRate: number;
  /** Zipped packages of one account's region, functions and layers together. */
  readonly codeStorageBytes: number;
  /** How long running invokes may take to finish at shutdown. */
  readonly shutdownMs: number;
  readonly nearestRuntime: boolean;
  /** Whether runtimes get the AWS SDKs that AWS's bring along. */
  readonly bundledSdk: 'on' | 'off';
  /** URL of a Maven repository, for machines without `mvn`. */
  readonly mavenRepository: string | undefined;
  /** Whether functions can be created and updated on runtimes that AWS has closed. */
  readonly deprecatedRuntimes: 'refuse' | 'allow';
  /** Whether a resource policy may let everyone in. */
  readonly publicPolicies: 'allow' | 'block';
  /** PEM file with the root certificates that code signatures may lead to. */
  readonly signingRootsFile: string | undefined;
  /** Whether events that wait can be made older, for tests of retries. */
  readonly testClock: boolean;
  /** Size at which the oldest log streams of the data folder are dropped. */
  readonly logBytesMax: number;
  /** Who may read `/metrics`. */
  readonly metrics: 'loopback' | 'all' | 'off';
  /** Where segments of traces go. */
  readonly tracing: TracingSettings;
  /** Where the AWS services are that settings can point at: AWS_ENDPOINT_URL_S3 and its sisters. */
  readonly endpoints: Endpoints;
  /** With which they are asked: AWS_ACCESS_KEY_ID and its sisters. */
  readonly neighbourCredentials: NeighbourCredentials | undefined;
  /** Whose credentials functions have: made by lambdad for their role, of their role from an STS, or the server's own. */
  readonly functionCredentials: 'local' | 'sts' | 'inherit';
  /** Addresses of services that functions are given as variables. */
  readonly passedEndpoints: PassedEndpoints;
  /** Directories that stand for file systems, by the ARN of their access point. */
  readonly mounts: ReadonlyMap<string, string>;
}

export interface NeighbourCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Settings that cannot stand together, or values out of range: said in one line, exit 1. */
export class ConfigError extends Error {}

const options = {
  port: { type: 'string', default: '2015' },
  host: { type: 'string', default: '127.0.0.1' },
  'url-port': { type: 'string' },
  'url-domain': { type: 'string' },
  data: { type: 'string' },
  database: { type: 'string' },
  cache: { type: 'string' },
  auth: { type: 'string' },
  credentials: { type: 'string' },
  sandbox: { type: 'string', default: 'auto' },
  network: { type: 'string', default: 'egress' },
  'allow-host': { type: 'string' },
  cpu: { type: 'string', default: 'weight' },
  prestart: { type: 'string', default: '16' },
  'function-credentials': { type: 'string', default: 'local' },
  'pass-endpoints': { type: 'string' },
  mount: { type: 'string', multiple: true },
  'idle-seconds': { type: 'string', default: '600' },
  'max-age-seconds': { type: 'string', default: '7200' },
  'full-wait-seconds': { type: 'string', default: '5' },
  'memory-reserve-mb': { type: 'string', default: '512' },
  concurrency: { type: 'string', default: '1000' },
  'request-rate': { type: 'string', default: 'off' },
  spares: { type: 'string', default: 'off' },
  'scaling-rate': { type: 'string', default: '0' },
  'code-storage-mb': { type: 'string', default: '76800' },
  'shutdown-seconds': { type: 'string', default: '10' },
  'nearest-runtime': { type: 'boolean', default: false },
  'bundled-sdk': { type: 'string', default: 'on' },
  'maven-repository': { type: 'string' },
  'deprecated-runtimes': { type: 'string', default: 'refuse' },
  'public-policies': { type: 'string', default: 'allow' },
  'signing-roots': { type: 'string' },
  'log-mb': { type: 'string', default: '1024' },
  'test-clock': { type: 'boolean', default: false },
  metrics: { type: 'string', default: 'loopback' },
  'xray-daemon': { type: 'string' },
  'otlp-endpoint': { type: 'string' },
} as const;

/** Flag name → one line of help, in the order in which `--help` shows them. */
export const configHelp: Readonly<Record<keyof typeof options, string>> = {
  port: 'N   port of the API; 0 picks a free one (2015)',
  host: 'H   address to listen on (127.0.0.1); any but loopback verifies signatures',
  'url-port': 'N   port of function URLs (the one after --port: 2016); 0 picks a free one',
  'url-domain': 'NAME   function URLs are <url-id>.lambda-url.<region>.NAME (paths of --url-port)',
  data: 'DIR   data folder ($XDG_DATA_HOME/lambdad)',
  database: 'URL   postgres://… that keeps the records (SQLite in the data folder)',
  cache: 'DIR   downloaded runtimes ($XDG_CACHE_HOME/lambdad)',
  auth: 'open|sigv4   check signatures (open on loopback, sigv4 elsewhere)',
  credentials: 'FILE   access keys accepted under sigv4 (DATA/credentials.json)',
  sandbox: 'auto|linux|bubblewrap|process   how functions are walled in (auto)',
  cpu: 'weight|quota   processors by memory: shared when busy, or held to AWS’s share (weight)',
  prestart: 'N   the most sandboxes of a kind that wait with their runtime started (16); 0 for none',
  network: "egress|host|none   a function's network: outwards only, this machine's, none (egress)",
  'allow-host': 'PORT,…   ports of this machine that functions reach at 127.0.0.1 (none)',
  'function-credentials': "local|sts|inherit   a function's AWS credentials: lambdad's, its role's, yours (local)",
  'pass-endpoints': "all|NAME,…   give functions the addresses in AWS_ENDPOINT_URL_NAME; lambda and logs are lambdad's",
  mount: 'ARN=DIR   a directory for the file system of an access point; can be repeated',
  'idle-seconds': 'N   an idle execution environment ends after this (600)',
  'max-age-seconds': 'N   an execution environment of this age ends as soon as it is free (7200)',
  'full-wait-seconds': 'N   how long an invoke waits when memory is short before 429 (5)',
  'memory-reserve-mb': 'N   memory of the machine that functions never get (512)',
  concurrency: "N   concurrent executions of one account's region (1000)",
  'request-rate': 'on|off   throttle beyond 10 requests a second for each concurrent one, as AWS (off)',
  spares: 'on|off   initialize an environment ahead where the last idle one of a version was taken (off)',
  'scaling-rate': 'N   environments a function may add in 10 seconds; 1000 is AWS’s (0: any number)',
  'code-storage-mb': "N   zipped packages of one account's region together (76800)",
  'shutdown-seconds': 'N   how long running invokes may take to finish at shutdown (10)',
  'bundled-sdk': "on|off   the AWS SDKs that AWS's Node and Python runtimes bring along (on)",
  'nearest-runtime': '  run a function on the nearest version when its own runtime is not found',
  'maven-repository': 'URL   where jars of the Java runtimes come from without mvn (asks mvn)',
  'deprecated-runtimes': 'refuse|allow   functions on runtimes that AWS has closed (refuse)',
  'public-policies': 'allow|block   resource policies that let everyone in (allow)',
  'signing-roots': 'FILE   root certificates (PEM) that code signatures may lead to (none)',
  'log-mb': 'N   disk space for function logs (1024)',
  'test-clock': '  POST /_lambdad/clock?advanceSeconds=N makes asynchronous events that wait N s older',
  metrics: 'loopback|all|off   who may read /metrics, for Prometheus, without a signature (loopback)',
  'xray-daemon': 'HOST:PORT   where segments of traces go by UDP ($AWS_XRAY_DAEMON_ADDRESS)',
  'otlp-endpoint': 'URL   collector to which they are posted as spans ($OTEL_EXPORTER_OTLP_ENDPOINT)',
};

/** AWS's own, inside every sandbox with a network of its own. */
const RUNTIME_API_PORT = 9001;
/** Each is a listener in every sandbox. */
const ALLOWED_PORTS_MAX = 32;
const DATABASE_URL = /^postgres(ql)?:\/\/[^\s]+$/;
/** A password where a URL stands that the parser complains about. */
const URL_PASSWORD = /(:\/\/[^:@/\s]*:)[^@\s]*@/g;
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text.trim() === '' || value < min || value > max)
    throw new ConfigError(`--${name}: ${JSON.stringify(text)} is not a whole number from ${min} to ${max}`);
  return value;
}

function oneOf<const T extends string>(name: string, text: string, values: readonly T[]): T {
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) throw new ConfigError(`--${name}: ${JSON.stringify(text)} is none of ${values.join(', ')}`);
  return value;
}

function httpUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return text;
  throw new ConfigError(`--${name}: not a URL of the form https://HOST/PATH`);
}

/** The URL itself is never repeated: it may hold a password. */
function databaseUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!DATABASE_URL.test(text))
    throw new ConfigError('--database: not a URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE');
  return text;
}

function withoutPassword(text: string): string {
  return text.replaceAll(URL_PASSWORD, '$1***@');
}

function withVariables(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  const given: string[] = [];
  for (const [name, option] of Object.entries(options)) {
    const value = env[`LAMBDAD_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value === undefined || value === '') continue;
    if (option.type === 'boolean') {
      if (oneOf(name, value, ['true', 'false', '1', '0']).match(/true|1/)) given.push(`--${name}`);
    } else if ('multiple' in option) given.push(...value.split(',').map((one) => `--${name}=${one}`));
    else given.push(`--${name}=${value}`);
  }
  return [...given, ...argv];
}

/** Parses the arguments of `lambdad start`. Throws ConfigError. */
export function readConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Config {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(withVariables(argv, env));
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError(withoutPassword((error as Error).message));
  }
  for (const [name, value] of Object.entries(values))
    if (value === '' || (Array.isArray(value) && value.includes(''))) throw new ConfigError(`--${name} needs a value`);
  const home = env['HOME'] || homedir();
  const dataDir = resolve(values.data ?? join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'lambdad'));
  const network = oneOf('network', values.network, ['egress', 'host', 'none']);
  const auth = authOf(values.auth, values.host, network);
  checkTestClock(values['test-clock'], values.host, auth);
  const asked = values['function-credentials'];
  const functionCredentials = oneOf('function-credentials', asked, ['local', 'sts', 'inherit']);
  const endpoints = endpointsOf(env, { host: values.host, port: Number(values.port) }, functionCredentials === 'sts');
  const neighbourCredentials = credentialsOf(env);
  checkFunctionCredentials(functionCredentials, endpoints, neighbourCredentials);
  const seconds = (name: keyof typeof values, max: number) => integer(name, String(values[name]), 0, max) * 1000;
  return Object.freeze({
    port: integer('port', values.port, 0, 65535),
    host: values.host,
    urlPort: urlPortOf(values['url-port'], values.port),
    urlDomain: urlDomainOf(values['url-domain']),
    dataDir,
    database: databaseUrl(values.database),
    cacheDir: resolve(values.cache ?? join(env['XDG_CACHE_HOME'] || join(home, '.cache'), 'lambdad')),
    auth,
    credentialsFile: values.credentials === undefined ? undefined : resolve(values.credentials),
    sandbox: oneOf('sandbox', values.sandbox, ['auto', 'linux', 'bubblewrap', 'process']),
    cpu: oneOf('cpu', values.cpu, ['weight', 'quota']),
    prestart: integer('prestart', values.prestart, 0, 64),
    network,
    allowHost: portsOf('allow-host', values['allow-host']),
    idleMs: seconds('idle-seconds', 86_400),
    maxAgeMs: integer('max-age-seconds', values['max-age-seconds'], 1, 604_800) * 1000,
    fullWaitMs: seconds('full-wait-seconds', 900),
    memoryReserveBytes: integer('memory-reserve-mb', values['memory-reserve-mb'], 0, 1_048_576) * 1_048_576,
    concurrency: integer('concurrency', values.concurrency, 1, 1_000_000),
    requestRate: oneOf('request-rate', values['request-rate'], ['on', 'off']) === 'on',
    spares: oneOf('spares', values.spares, ['on', 'off']) === 'on',
    scalingRate: integer('scaling-rate', values['scaling-rate'], 0, 1_000_000),
    codeStorageBytes: integer('code-storage-mb', values['code-storage-mb'], 1, 1_073_741_824) * 1_048_576,
    shutdownMs: seconds('shutdown-seconds', 900),
    nearestRuntime: values['nearest-runtime'],
    bundledSdk: oneOf('bundled-sdk', values['bundled-sdk'], ['on', 'off']),
    mavenRepository: httpUrl('maven-repository', values['maven-repository']),
    deprecatedRuntimes: oneOf('deprecated-runtimes', values['deprecated-runtimes'], ['refuse', 'allow']),
    publicPolicies: oneOf('public-policies', values['public-policies'], ['allow', 'block']),
    signingRootsFile: values['signing-roots'] === undefined ? undefined : resolve(values['signing-roots']),
    testClock: values['test-clock'],
    metrics: oneOf('metrics', values.metrics, ['loopback', 'all', 'off']),
    logBytesMax: integer('log-mb', values['log-mb'], 1, 1_048_576) * 1_048_576,
    tracing: tracingOf(values['xray-daemon'], values['otlp-endpoint'], env),
    endpoints,
    neighbourCredentials,
    functionCredentials,
    passedEndpoints: passedOf(values['pass-endpoints'], env),
    mounts: mountsOf(values.mount ?? []),
  });
}

/** Functions on this machine's network reach the server as its owner does: there signatures tell them apart. */
function authOf(wanted: string | undefined, host: string, network: Config['network']): Config['auth'] {
  const isOpen = isLoopback(host) && network !== 'host';
  const auth = oneOf('auth', wanted ?? (isOpen ? 'open' : 'sigv4'), ['open', 'sigv4']);
  if (auth === 'open' && !isLoopback(host))
    throw new ConfigError(`--auth open is only for a loopback address, not ${host}`);
  if (auth === 'open' && network === 'host')
    throw new ConfigError('--auth open cannot stand with --network host: functions would have the rights of everybody');
  return auth;
}

/** A server on another port than usual, beside one on the usual ports say, has its URLs beside its API too. */
function urlPortOf(text: string | undefined, apiPort: string): number {
  if (text !== undefined) return integer('url-port', text, 0, 65535);
  const port = integer('port', apiPort, 0, 65535);
  return port === 0 || port === 65535 ? 0 : port + 1;
}

function urlDomainOf(text: string | undefined): UrlDomain | undefined {
  const domain = text === undefined ? undefined : readUrlDomain(text);
  if (text !== undefined && domain === undefined)
    throw new ConfigError('--url-domain: not a name like localhost or https://HOST:PORT');
  return domain;
}

/** Whoever reaches the server may turn it: that must be its owner alone. */
function checkTestClock(isWanted: boolean, host: string, auth: Config['auth']): void {
  if (isWanted && (!isLoopback(host) || auth !== 'open'))
    throw new ConfigError('--test-clock is only for a server on a loopback address with --auth open');
}

function portsOf(name: string, text: string | undefined): number[] {
  const ports = (text ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [integer(name, part, 1, 65535)]));
  if (ports.includes(RUNTIME_API_PORT))
    throw new ConfigError(`--${name}: ${RUNTIME_API_PORT} is the Runtime API inside a function`);
  if (ports.length > ALLOWED_PORTS_MAX) throw new ConfigError(`--${name}: more than ${ALLOWED_PORTS_MAX} ports`);
  return [...new Set(ports)];
}

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
}

type Variables = Readonly<Record<string, string | undefined>>;

function endpointsOf(env: Variables, own: { readonly host: string; readonly port: number }, sts: boolean): Endpoints {
  try {
    return readEndpoints(env, own, sts ? [...neighbourNames, 'sts'] : neighbourNames);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

function checkFunctionCredentials(
  kind: Config['functionCredentials'],
  { sts }: Endpoints,
  own: NeighbourCredentials | undefined,
): void {
  if (kind === 'sts' && sts === undefined)
    throw new ConfigError(
      '--function-credentials sts needs AWS_ENDPOINT_URL_STS: the address of the STS that knows the roles of functions',
    );
  if (kind === 'inherit' && own === undefined)
    throw new ConfigError('--function-credentials inherit needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
}

function tracingOf(xrayDaemon: string | undefined, otlpEndpoint: string | undefined, env: Variables): TracingSettings {
  try {
    return readTracingSettings({ xrayDaemon, otlpEndpoint }, env);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

function passedOf(wish: string | undefined, env: Variables): PassedEndpoints {
  try {
    return passedEndpoints(wish, env);
  } catch (error) {
    throw new ConfigError(`--pass-endpoints: ${(error as Error).message}`);
  }
}

const ACCESS_POINT_MOUNT = /^(arn:[\w-]+:(?:elasticfilesystem|s3files):[^=\s]+\/?access-point\/fsap-[0-9a-f]+)=(.+)$/;

/** What stands later wins, so that a flag wins over the variable. */
function mountsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  const mounts = new Map<string, string>();
  for (const text of texts) {
    const [, arn, directory] = ACCESS_POINT_MOUNT.exec(text) ?? [];
    if (arn === undefined || directory === undefined)
      throw new ConfigError(`--mount: ${JSON.stringify(text)} is not ARN=DIR with the ARN of an access point`);
    mounts.set(arn, resolve(directory));
  }
  return mounts;
}

function credentialsOf(env: Variables): NeighbourCredentials | undefined {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) return undefined;
  const sessionToken = env['AWS_SESSION_TOKEN'];
  return sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey };
}
