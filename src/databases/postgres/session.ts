import { Client } from 'pg';
import type { Clock } from '../../base/clock.ts';
import { type Binding, bind } from './binding.ts';
import { pause } from './pause.ts';
import { migrate } from './schema.ts';
import type { Target } from './target.ts';

/** Another server has, or has had, the database: this one must not go on. The message is one line. */
export class TakenOver extends Error {}

/** What opening a session needs; the same for all sessions of one server. */
export interface SessionSettings {
  readonly target: Target;
  readonly clock: Clock;
  /** The name of this server's writing connection, and of no other connection. */
  readonly name: string;
  /** Left out: whoever opens the database may have it. */
  readonly binding?: Binding;
}

/** Key of the advisory lock that the one server of a database holds: "lambdad" in ASCII. */
const LOCK_KEY = '30506419914826084';

/** How long a server that ended, or whose connection was lost, may take to be noticed as gone. */
const LOCK_MS_MAX = 2_000;
const LOCK_RETRY_MS = 100;

/**
 * Settings of the writing session: what is acknowledged is on disk, whatever the database is set to; and the lock of a
 * server whose machine has gone silent is free after about a minute.
 */
const SET_UP = `SELECT
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('tcp_keepalives_idle', '30', false),
  set_config('tcp_keepalives_interval', '10', false),
  set_config('tcp_keepalives_count', '3', false)`;

/**
 * The connection on which everything is written. It holds the advisory lock of the database for as long as it lives, so
 * that a commit on it is a commit under the lock: a server that has lost the lock has lost the means to write too.
 */
export interface Session {
  readonly client: Client;
  /** Counts the servers that have had this database. */
  readonly epoch: string;
}

/** The first session of a server: brings the schema up to date and counts the epoch on. */
export async function openFirstSession(settings: SessionSettings): Promise<Session> {
  return await withClient(settings, async (client) => {
    if (!(await lock(client, settings))) throw new TakenOver('it is in use by another lambdad');
    await migrate(client);
    if (settings.binding) await bind(client, settings.binding);
    const { rows } = await client.query<{ epoch: string }>(
      'UPDATE lambdad.server SET epoch = epoch + 1 RETURNING epoch',
    );
    return { client, epoch: (rows[0] as { epoch: string }).epoch };
  });
}

/**
 * A session in the place of one that was lost. Throws TakenOver when another server has been at the database in
 * between, even if it is gone again: what is remembered of the records may then be wrong.
 */
export async function openNextSession(settings: SessionSettings, epoch: string): Promise<Session> {
  return await withClient(settings, async (client) => {
    // Before the lock is waited for, and again under it: the other server may be there still, or come while we wait.
    await checkEpoch(client, epoch);
    if (!(await lock(client, settings))) throw new TakenOver(TAKEN_OVER);
    await checkEpoch(client, epoch);
    return { client, epoch };
  });
}

const TAKEN_OVER = 'another lambdad has taken it over';

async function checkEpoch(client: Client, epoch: string): Promise<void> {
  const { rows } = await client.query<{ epoch: string }>('SELECT epoch FROM lambdad.server');
  if (rows[0]?.epoch !== epoch) throw new TakenOver(TAKEN_OVER);
}

async function withClient(
  { target, name }: SessionSettings,
  action: (client: Client) => Promise<Session>,
): Promise<Session> {
  const client = new Client({ ...target.config, application_name: name });
  // A failure shows in the query that meets it; without a listener one between two queries would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(SET_UP);
    return await action(client);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/**
 * Takes the lock; false when somebody else keeps it. A session of this very server that the database has not missed yet
 * is ended: with its end it is decided what became of the commit it had last.
 */
async function lock(client: Client, { clock, name }: SessionSettings): Promise<boolean> {
  const giveUpAt = clock.monotonic() + LOCK_MS_MAX;
  for (;;) {
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()`,
      [name],
    );
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [LOCK_KEY]);
    if (rows[0]?.held) return true;
    if (clock.monotonic() >= giveUpAt) return false;
    await pause(clock, LOCK_RETRY_MS);
  }
}
