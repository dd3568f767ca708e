import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient, type LambdaClientConfig } from '@aws-sdk/client-lambda';
import { checkoutFor, type User } from './readable-checkout.ts';

export interface TestServerOptions {
  /** Flags of `lambdad start` beyond --port, --data and --cache. */
  readonly args?: readonly string[];
  /** Added to the environment, or taken from it when undefined. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Runs the server as this user; only root can ask for it. */
  readonly asUser?: User;
  /** A data folder to open again. It outlives the server; without one, a new folder goes with the server. */
  readonly dataDir?: string;
}

/** How a server process ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestServer {
  /** http://127.0.0.1:PORT */
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Resolves when the process has ended, whoever ended it. */
  readonly exited: Promise<ServerExit>;
  /** What the server has printed so far. */
  stdout(): string;
  stderr(): string;
  /** A client for this server; it is closed with the server. */
  client(config?: LambdaClientConfig): LambdaClient;
  /** The variables that point an AWS client at this server. */
  clientEnvironment(): Record<string, string>;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<ServerExit>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<ServerExit>;
}

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const OUTPUT_CHARACTERS_MAX = 1_000_000;
const READY_LINE = /^lambdad listening on (http:\/\/\S+)$/m;

/** Starts `lambdad start` on a free port as a process of its own and waits until it says that it listens. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const home = mkdtempSync(join(tmpdir(), 'lambdad-test-'));
  const dataDir = options.dataDir ?? join(home, 'data');
  const cacheDir = join(home, 'cache');
  for (const dir of [dataDir, cacheDir]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (options.asUser)
    for (const dir of [home, dataDir, cacheDir]) chownSync(dir, options.asUser.uid, options.asUser.gid);
  const child = spawnServer(options, home, dataDir, cacheDir);
  const output = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr') => (text: string) => {
    output[name] = (output[name] + text).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout?.setEncoding('utf8').on('data', collect('stdout'));
  child.stderr?.setEncoding('utf8').on('data', collect('stderr'));
  const exited = new Promise<ServerExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // A test process that ends early, however it does, takes its server along.
  const killWithTest = () => child.kill('SIGKILL');
  process.once('exit', killWithTest);
  const clients: LambdaClient[] = [];
  const cleanUp = () => {
    process.removeListener('exit', killWithTest);
    for (const client of clients) client.destroy();
    rmSync(home, { recursive: true, force: true });
  };
  exited.then(cleanUp, cleanUp);
  const url = await ready(child, exited, output);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return await withinMs(STOP_MS_MAX, exited, () => `the server did not end on ${signal}:\n${output.stderr}`);
  };
  const server: TestServer = {
    url,
    dataDir,
    pid: child.pid as number,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    client: (config = {}) => {
      const client = new LambdaClient({ ...clientDefaults(url), ...config });
      clients.push(client);
      return client;
    },
    clientEnvironment: () => clientVariables(url),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  return server;
}

function spawnServer(options: TestServerOptions, home: string, dataDir: string, cacheDir: string): ChildProcess {
  const checkout = checkoutFor(options.asUser);
  const flags = ['--port', '0', '--data', dataDir, '--cache', cacheDir, ...(options.args ?? [])];
  // Neighbours are those that a test names, not those of whoever runs it.
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_ENDPOINT_URL')));
  // Only tests that ask for the SDKs of the runtimes wait until they are fetched.
  const environment: NodeJS.ProcessEnv = {
    LAMBDAD_BUNDLED_SDK: 'off',
    // What passes today passes on the day on which AWS closes a runtime that this machine has.
    LAMBDAD_DEPRECATED_RUNTIMES: 'allow',
    ...own,
    ...(options.asUser ? { HOME: home } : {}),
    ...options.env,
  };
  // A server inside a test run is no test file: node's runner must not take its output for reports.
  environment['NODE_TEST_CONTEXT'] = undefined;
  return spawn(checkout.node, [join(checkout.root, 'bin', 'lambdad.mjs'), 'start', ...flags], {
    cwd: checkout.root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.asUser ?? {}),
  });
}

async function ready(
  child: ChildProcess,
  exited: Promise<ServerExit>,
  output: { readonly stdout: string; readonly stderr: string },
): Promise<string> {
  const announced = new Promise<string>((resolve) => {
    const look = () => {
      const url = READY_LINE.exec(output.stdout)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on('data', look);
  });
  const ended = exited.then(({ code, signal }): never => {
    throw new Error(`the server ended with ${signal ?? code} before it listened:\n${output.stderr}`);
  });
  try {
    return await withinMs(READY_MS_MAX, Promise.race([announced, ended]), () => `no server:\n${output.stderr}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function clientDefaults(url: string): LambdaClientConfig {
  return { endpoint: url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}

function clientVariables(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_LAMBDA: url,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: url,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

async function withinMs<T>(limitMs: number, promise: Promise<T>, message: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(message())), limitMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
