import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { canSwitchUser, nobody } from './readable-checkout.ts';
import { skipUnless } from './requirement.ts';

const INSTALLED = '/usr/lib/postgresql';
const READY_MS_MAX = 20_000;
const READY_RETRY_MS = 50;
const USER = 'lambdad';
export const PASSWORD = 'p@ss/w:rd';

/** From this version on a cluster can compare text by language without the system's locales. */
const ICU_VERSION_MIN = 15;

interface Installation {
  readonly bin: string;
  readonly version: number;
}

/** Debian keeps the programs of each version apart, and none of the server's on the PATH. */
function newestInstalled(): Installation | undefined {
  if (!existsSync(INSTALLED)) return undefined;
  const versions = readdirSync(INSTALLED).map(Number).filter(Number.isInteger);
  const version = versions
    .sort((a, b) => b - a)
    .find((each) => existsSync(join(INSTALLED, `${each}`, 'bin', 'initdb')));
  return version === undefined ? undefined : { bin: join(INSTALLED, String(version), 'bin'), version };
}

const installed = newestInstalled();

/** The `skip` option of tests that need PostgreSQL. */
export const withoutPostgres: string | false = skipUnless(
  installed !== undefined,
  `PostgreSQL is not installed (${INSTALLED}/*/bin)`,
);

/** How the server is told to end: `fast` as for an upgrade, `crash` as when the machine fails. */
const signals = { fast: 'SIGINT', crash: 'SIGQUIT' } as const;

export interface PrivatePostgres {
  /** The folder of the Unix socket on which it listens; nowhere else. */
  readonly socket: string;
  /** URL of a database, with user and password. */
  url(database: string): string;
  createDatabase(name: string, options?: string): Promise<string>;
  /** Runs statements as the owner of everything. */
  query<Row extends object>(database: string, sql: string): Promise<Row[]>;
  stop(how: keyof typeof signals): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const runAs = canSwitchUser ? nobody : {};

/** A cluster with one user and a password; root gives it to nobody, whom alone PostgreSQL lets run it. */
function makeCluster({ bin, version }: Installation, home: string): string {
  const data = join(home, 'data');
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD);
  mkdirSync(data, { mode: 0o700 });
  if (canSwitchUser) for (const path of [home, data, passwordFile]) chownSync(path, nobody.uid, nobody.gid);
  chmodSync(home, 0o755);
  // A language's order is not that of code units: what the store lists must not depend on it.
  const collation = version >= ICU_VERSION_MIN ? ['--locale-provider=icu', '--icu-locale=en-US'] : [];
  const flags = ['-U', USER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--no-locale', '-N'];
  const options = { ...runAs, cwd: '/', encoding: 'utf8' } as const;
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, ...flags, ...collation], options);
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr || made.error?.message}`);
  return data;
}

async function queryAt<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Starts a PostgreSQL of its own in a temporary folder; root runs it as nobody. It goes with the test process. */
export async function startPostgres(): Promise<PrivatePostgres> {
  const installation = installed as Installation;
  const home = mkdtempSync(join(tmpdir(), 'lambdad-pg-'));
  const data = makeCluster(installation, home);

  let server: ChildProcess | undefined;
  const killWithTest = () => void server?.kill('SIGQUIT');
  process.once('exit', killWithTest);
  const url = (database: string) =>
    `postgres://${USER}:${encodeURIComponent(PASSWORD)}@/${database}?host=${encodeURIComponent(home)}`;

  const query = <Row extends object>(database: string, sql: string) => queryAt<Row>(url(database), sql);

  async function start(): Promise<void> {
    // Nothing here outlives the machine, so that syncing would only cost time.
    const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${home}`, '-c', 'fsync=off'];
    const child = spawn(join(installation.bin, 'postgres'), ['-D', data, ...settings], {
      ...runAs,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000);
    });
    server = child;
    for (const giveUpAt = performance.now() + READY_MS_MAX; ; await sleep(READY_RETRY_MS)) {
      const up = await query('postgres', 'SELECT 1').then(
        () => true,
        () => false,
      );
      if (up) return;
      if (child.exitCode !== null || performance.now() > giveUpAt) throw new Error(`no PostgreSQL: ${said}`);
    }
  }

  async function stop(how: keyof typeof signals): Promise<void> {
    const child = server;
    server = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signals[how]);
    await ended;
  }

  await start();
  return {
    socket: home,
    url,
    query,
    start,
    stop,
    async createDatabase(name, options = '') {
      await query('postgres', `CREATE DATABASE ${name} ${options}`);
      return url(name);
    },
    async remove() {
      await stop('crash');
      process.removeListener('exit', killWithTest);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
