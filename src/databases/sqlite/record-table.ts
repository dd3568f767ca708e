import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type EncodedChange, prefixEnd } from '../../store/check-request.ts';
import { type RecordKey, RevisionConflict } from '../../store/metadata.ts';
import type { ReadQuestion, Row } from './messages.ts';

const THIS_RECORD = 'kind = ? AND account = ? AND region = ? AND id = ?';
const COLUMNS = 'kind, account, region, id, revision, body';

/** Nothing here that PostgreSQL does not understand alike, but for the form of the placeholders. */
const sql = {
  get: `SELECT ${COLUMNS} FROM record WHERE ${THIS_RECORD}`,
  list: `SELECT ${COLUMNS} FROM record
    WHERE kind = ? AND account = ? AND region = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?`,
  listAfter: `SELECT ${COLUMNS} FROM record
    WHERE kind = ? AND account = ? AND region = ? AND id > ? AND id < ? ORDER BY id LIMIT ?`,
  scan: `SELECT ${COLUMNS} FROM record
    WHERE kind = ? AND (account, region, id) > (?, ?, ?) ORDER BY account, region, id LIMIT ?`,
  put: `INSERT INTO record (${COLUMNS}) VALUES (?, ?, ?, ?, 1, ?)
    ON CONFLICT (kind, account, region, id)
    DO UPDATE SET revision = record.revision + 1, body = excluded.body RETURNING revision`,
  create: `INSERT INTO record (${COLUMNS}) VALUES (?, ?, ?, ?, 1, ?)
    ON CONFLICT (kind, account, region, id) DO NOTHING RETURNING revision`,
  update: `UPDATE record SET revision = revision + 1, body = ? WHERE ${THIS_RECORD} AND revision = ? RETURNING revision`,
  delete: `DELETE FROM record WHERE ${THIS_RECORD}`,
  deleteExpected: `DELETE FROM record WHERE ${THIS_RECORD} AND revision = ?`,
  deletePrefix: 'DELETE FROM record WHERE kind = ? AND account = ? AND region = ? AND id >= ? AND id < ?',
} as const;

/** The prepared statements of the one table. */
export class RecordTable {
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;

  constructor(database: DatabaseSync) {
    const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof sql, StatementSync>;
  }

  read(question: ReadQuestion): readonly Row[] {
    if (question.type === 'get') return this.#rows('get', columnsOf(question.key));
    if (question.type === 'list') {
      const { kind, account, region, prefix = '', after = '', limit } = question.page;
      // With both bounds in one statement SQLite seeks to the first and reads on to the other, page after page.
      const isInside = after >= prefix && after !== '';
      const [name, from] = isInside ? (['listAfter', after] as const) : (['list', prefix] as const);
      return this.#rows(name, [kind, account, region, from, prefixEnd(prefix), limit]);
    }
    const { kind, after, limit } = question;
    return this.#rows('scan', [kind, after?.account ?? '', after?.region ?? '', after?.id ?? '', limit]);
  }

  /** Makes one change inside the caller's transaction and returns the new revision. Throws RevisionConflict. */
  apply(change: EncodedChange): number {
    const key = columnsOf(change.key);
    if (change.type === 'deletePrefix') {
      this.#statements.deletePrefix.run(...key, prefixEnd(change.key.id));
      return 0;
    }
    const held = change.type === 'put' ? this.#put(change.body, key, change.expect) : this.#delete(key, change.expect);
    if (held === undefined) throw new RevisionConflict(change.key);
    return held;
  }

  #put(body: string, key: SQLInputValue[], expect: number | undefined): number | undefined {
    const { put, create, update } = this.#statements;
    const row =
      expect === undefined
        ? put.get(...key, body)
        : expect === 0
          ? create.get(...key, body)
          : update.get(body, ...key, expect);
    return row === undefined ? undefined : Number(row['revision']);
  }

  /** A deletion that expects nothing to be there has nothing to do but to look. */
  #delete(key: SQLInputValue[], expect: number | undefined): number | undefined {
    if (expect === 0) return this.#statements.get.get(...key) === undefined ? 0 : undefined;
    if (expect !== undefined) return this.#statements.deleteExpected.run(...key, expect).changes ? 0 : undefined;
    this.#statements.delete.run(...key);
    return 0;
  }

  #rows(name: 'get' | 'list' | 'listAfter' | 'scan', values: readonly SQLInputValue[]): readonly Row[] {
    return this.#statements[name].all(...values) as unknown as readonly Row[];
  }
}

function columnsOf(key: RecordKey): SQLInputValue[] {
  return [key.kind, key.account, key.region, key.id];
}
