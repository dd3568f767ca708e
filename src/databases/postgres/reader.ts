import { Pool } from 'pg';
import type { Clock } from '../../base/clock.ts';
import { prefixEnd } from '../../store/check-request.ts';
import type { Page, RecordKey, RecordKind, StoredRecord } from '../../store/metadata.ts';
import { isLoss, storeError } from './failure.ts';
import { pause } from './pause.ts';
import type { Target } from './target.ts';

const CONNECTIONS_MAX = 8;
const CONNECTION_IDLE_MS = 30_000;

/** Reads without an answer; one more is refused. */
const WAITING_MAX = 10_000;

/** How long a read is tried again while the database cannot be reached, and how long between two tries. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 100;

interface Row extends RecordKey {
  /** The driver gives bigint as text. */
  readonly revision: string;
  readonly body: string;
}

const COLUMNS = 'kind, account, region, id, revision, body';

const statements = {
  get: `SELECT ${COLUMNS} FROM lambdad.record WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4`,
  list: `SELECT ${COLUMNS} FROM lambdad.record
    WHERE kind = $1 AND account = $2 AND region = $3 AND id >= $4 AND id < $5 AND id > $6 ORDER BY id LIMIT $7`,
  scan: `SELECT ${COLUMNS} FROM lambdad.record
    WHERE kind = $1 AND (account, region, id) > ($2, $3, $4) ORDER BY account, region, id LIMIT $5`,
} as const;

/**
 * Reads on connections of their own. What was acknowledged before a read began is seen by it: a commit is visible to
 * every connection before its writer hears of it.
 */
export class Reader {
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #pool: Pool;
  #waiting = 0;
  #closing: Promise<void> | undefined;

  constructor(target: Target, clock: Clock, name: string) {
    this.#target = target;
    this.#clock = clock;
    this.#pool = new Pool({
      ...target.config,
      application_name: name,
      max: CONNECTIONS_MAX,
      idleTimeoutMillis: CONNECTION_IDLE_MS,
    });
    // An idle connection that breaks is replaced at the next read.
    this.#pool.on('error', () => {});
  }

  async get({ kind, account, region, id }: RecordKey): Promise<StoredRecord | undefined> {
    return (await this.#read('get', [kind, account, region, id]))[0];
  }

  list({ kind, account, region, prefix = '', after = '', limit }: Page): Promise<readonly StoredRecord[]> {
    return this.#read('list', [kind, account, region, prefix, prefixEnd(prefix), after, limit]);
  }

  scan(kind: RecordKind, after: RecordKey | undefined, limit: number): Promise<readonly StoredRecord[]> {
    return this.#read('scan', [kind, after?.account ?? '', after?.region ?? '', after?.id ?? '', limit]);
  }

  /** Lets the reads that wait finish. */
  async close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    await this.#closing;
  }

  async #read(name: keyof typeof statements, values: readonly unknown[]): Promise<readonly StoredRecord[]> {
    if (this.#closing) throw new Error(`the metadata store in ${this.#target.description} is closed`);
    if (this.#waiting >= WAITING_MAX) throw new Error(`${this.#target.description}: ${WAITING_MAX} reads are waiting`);
    this.#waiting += 1;
    try {
      const giveUpAt = this.#clock.monotonic() + PATIENCE_MS;
      for (;;) {
        try {
          const { rows } = await this.#pool.query<Row>({ name, text: statements[name], values: [...values] });
          return rows.map(recordOf);
        } catch (error) {
          if (!isLoss(error) || this.#closing || this.#clock.monotonic() >= giveUpAt)
            throw storeError(this.#target, error);
          await pause(this.#clock, RETRY_MS);
        }
      }
    } finally {
      this.#waiting -= 1;
    }
  }
}

function recordOf({ kind, account, region, id, revision, body }: Row): StoredRecord {
  return { kind, account, region, id, revision: Number(revision), body: JSON.parse(body) as unknown };
}
