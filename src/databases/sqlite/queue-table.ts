import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { ItemOwner, Line } from '../../store/event-queue.ts';
import type { ItemRow, QueueOutcome, QueueRead, QueueWrite, StoredItem } from './queue-messages.ts';

/**
 * The schema of the queue, as the list of steps that led to it; a step that was ever released is never edited. It is a
 * database of its own: a flood of events must hold up no change of a function.
 *
 * AUTOINCREMENT, because an id that was given again would let a late word about an ended item end another.
 */
export const queueSteps: readonly string[] = [
  `CREATE TABLE item (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     lane TEXT NOT NULL,
     account TEXT NOT NULL,
     region TEXT NOT NULL,
     function_name TEXT NOT NULL,
     born_ms INTEGER NOT NULL,
     due_ms INTEGER NOT NULL,
     detail TEXT NOT NULL,
     payload BLOB,
     file TEXT
   );
   CREATE INDEX item_due ON item (lane, account, region, function_name, due_ms, id);
   CREATE INDEX item_file ON item (file) WHERE file IS NOT NULL`,
];

const sql = {
  accept: `INSERT INTO item (lane, account, region, function_name, born_ms, due_ms, detail, payload, file)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  due: `SELECT id, lane, account, region, function_name AS functionName, born_ms AS bornMs, due_ms AS dueMs, detail,
      payload, file FROM item
    WHERE lane = ? AND account = ? AND region = ? AND function_name = ? ORDER BY due_ms, id LIMIT ?`,
  lines: `SELECT lane, account, region, function_name AS functionName, count(*) AS count, min(due_ms) AS dueMs FROM item
    GROUP BY lane, account, region, function_name`,
  files: 'SELECT file FROM item WHERE file IS NOT NULL',
  reschedule: 'UPDATE item SET due_ms = ?, detail = ? WHERE id = ?',
  end: 'DELETE FROM item WHERE id = ?',
  advance: 'UPDATE item SET born_ms = born_ms - ?, due_ms = due_ms - ?',
} as const;

/** The prepared statements of the one table. */
export class QueueTable {
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;

  constructor(database: DatabaseSync) {
    const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof sql, StatementSync>;
  }

  read(question: QueueRead): QueueOutcome {
    const { due, lines, files } = this.#statements;
    switch (question.type) {
      case 'due': {
        const items = due.all(question.lane, ...ownerColumns(question.owner), question.limit);
        return { type: 'items', items: items as unknown as readonly ItemRow[] };
      }
      case 'lines':
        return { type: 'lines', lines: lines.all() as unknown as readonly Line[] };
      case 'files':
        return { type: 'files', files: files.all().map(({ file }) => String(file)) };
    }
  }

  write(question: QueueWrite): QueueOutcome {
    const { reschedule, end, advance } = this.#statements;
    switch (question.type) {
      case 'accept':
        this.#accept(question.item);
        return { type: 'done', found: true };
      case 'reschedule':
        return done(reschedule.run(question.dueMs, question.detail, question.id));
      case 'end': {
        const outcome = done(end.run(question.id));
        if (outcome.found) for (const item of question.following) this.#accept(item);
        return outcome;
      }
      case 'advance':
        return done(advance.run(question.byMs, question.byMs));
    }
  }

  #accept(item: StoredItem): void {
    const { lane, bornMs, dueMs, detail, payload, file } = item;
    this.#statements.accept.run(lane, ...ownerColumns(item), bornMs, dueMs, detail, payload, file);
  }
}

function ownerColumns({ account, region, functionName }: ItemOwner): [SQLInputValue, SQLInputValue, SQLInputValue] {
  return [account, region, functionName];
}

function done({ changes }: { readonly changes: number | bigint }): Extract<QueueOutcome, { type: 'done' }> {
  return { type: 'done', found: Number(changes) > 0 };
}
