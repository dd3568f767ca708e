import type { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../base/clock.ts';
import { canBePrefix, checkLimit, encodeChanges } from '../../store/check-request.ts';
import type { Change, MetadataStore, Page, RecordKey, RecordKind, StoredRecord } from '../../store/metadata.ts';
import { startDatabaseThread } from './database-thread.ts';
import type { Outcome, Question, Row, WorkerSettings } from './messages.ts';
import { WorkerLink } from './worker-link.ts';

export interface SqliteSettings {
  /** The database file; its directory exists. SQLite keeps its log beside it, under the same name with `-wal`. */
  readonly path: string;
  readonly clock?: Clock;
  /** For tests that hold the thread themselves. */
  readonly startWorker?: (settings: WorkerSettings) => Worker;
}

/**
 * Opens, or creates, the embedded metadata store: SQLite with a write-ahead log, synced at each commit, in a thread of
 * its own. Rejects with StoreFull without room, and with an Error in one line when the file is not a database of ours,
 * is in use, or has a schema newer than this program's.
 *
 * A record that is deleted and created again begins again at revision 1.
 */
export async function openSqliteMetadata(settings: SqliteSettings): Promise<MetadataStore> {
  const { path, clock = systemClock, startWorker = startThread } = settings;
  const link = new WorkerLink<Question, Outcome>(startWorker({ path }), `metadata store ${path}`, clock);
  await link.opened();
  return {
    async get(key) {
      const [row] = await rows(link, { type: 'get', key: keyOf(key) });
      return row === undefined ? undefined : recordOf(row);
    },
    async list(page) {
      checkLimit(page.limit);
      if (!canBePrefix(page.prefix ?? '')) return [];
      return (await rows(link, { type: 'list', page: pageOf(page) })).map(recordOf);
    },
    async scan(kind: RecordKind, after: RecordKey | undefined, limit: number) {
      checkLimit(limit);
      return (await rows(link, { type: 'scan', kind, after: after && keyOf(after), limit })).map(recordOf);
    },
    async commit(changes: readonly Change[]) {
      const outcome = await link.ask({ type: 'commit', changes: encodeChanges(changes) });
      if (outcome.type !== 'revisions') throw new Error(`the metadata store answered a commit with ${outcome.type}`);
      return outcome.revisions;
    },
    close: () => link.close(),
  };
}

function startThread(settings: WorkerSettings): Worker {
  return startDatabaseThread('metadata', 'worker', settings);
}

async function rows(link: WorkerLink<Question, Outcome>, question: Question): Promise<readonly Row[]> {
  const outcome = await link.ask(question);
  if (outcome.type !== 'rows') throw new Error(`the metadata store answered a read with ${outcome.type}`);
  return outcome.rows;
}

function recordOf(row: Row): StoredRecord {
  return { ...row, body: JSON.parse(row.body) as unknown };
}

/** Only what the question needs crosses to the other thread: callers hand in whole records as keys. */
function keyOf({ account, region, kind, id }: RecordKey): RecordKey {
  return { account, region, kind, id };
}

function pageOf({ account, region, kind, prefix = '', after = '', limit }: Page): Page {
  return { account, region, kind, prefix, after, limit };
}
