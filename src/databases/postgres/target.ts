import { Client, type ClientConfig } from 'pg';

/** Which database, as it is handed to the driver, and as it is named to people. */
export interface Target {
  /** Settings of every connection, but for its name. */
  readonly config: ClientConfig;
  /** `database NAME at HOST:PORT`; never with a password in it. */
  readonly description: string;
  /** An error of the driver as one line that begins with the description. */
  explain(error: unknown): string;
}

const CONNECT_MS_MAX = 10_000;

/** The database ends a statement that runs, or waits for a lock, longer than this. */
const STATEMENT_MS_MAX = 30_000;

/** An answer that is later than this is not waited for: the database, or the way to it, is gone. */
const ANSWER_MS_MAX = STATEMENT_MS_MAX + 10_000;

/** Not by URL: the form for a socket, `postgres://USER:PASSWORD@/DATABASE?host=/FOLDER`, is none to it. */
const PASSWORD = /^[^:]*:\/\/[^:@/?#]*:([^@]*)@/;
const APPLICATION_NAME = /([?&])application_name=[^&#]*/g;

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`; what it leaves out comes from the usual PG… variables and
 * ~/.pgpass. Throws an Error in one line, without the URL, when the driver cannot use it.
 */
export function targetOf(url: string): Target {
  const secrets = secretsOf(PASSWORD.exec(url)?.[1] ?? '');
  const config: ClientConfig = {
    // The connections' names are how this server finds its own, lost ones; a name in the URL would take their place.
    connectionString: url.replace(APPLICATION_NAME, '$1'),
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    keepAlive: true,
  };
  const description = describe(config, secrets);
  return { config, description, explain: (error) => `${description}: ${withoutSecrets(lineOf(error), secrets)}` };
}

function describe(config: ClientConfig, secrets: readonly string[]): string {
  try {
    const { database, host, port } = new Client(config);
    return `database ${database ?? ''} at ${host}:${port}`;
  } catch (error) {
    throw new Error(`the database's URL cannot be used: ${withoutSecrets(lineOf(error), secrets)}`);
  }
}

/** The password as it stands in the URL and as it is meant. */
function secretsOf(password: string): readonly string[] {
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/** Where a host has several addresses the driver's error is a list of refusals with no text of its own. */
function lineOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { message, code } = first as { message?: string; code?: string };
  return (message || code || String(first)).split('\n', 1)[0] as string;
}
