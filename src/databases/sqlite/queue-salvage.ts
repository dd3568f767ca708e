/**
 * A database of events that a disk has damaged. A torn log SQLite mends by itself: what was synced before the tear is
 * there. Where the database itself is torn, everything that can still be read is carried over into a new one, and the
 * damaged one is kept beside it: to refuse it would keep back also what can be delivered, at every start again.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { queueSteps } from './queue-table.ts';
import { migrate } from './schema.ts';

/** Result codes of what is no database of SQLite's any more, wholly or in part. */
const DAMAGE_CODES = new Set([11, 26]);
const PRIMARY_CODE_MASK = 0xff;
/** Larger ones are looked through only as far as opening goes: at a start, others wait for it. */
const CHECKED_BYTES_MAX = 67_108_864;
/** Ids between the last that was read from below and from above, which are tried one by one. */
const TRIED_MAX = 1_000_000;
/** Of those, how many beyond the last id that was given out, of which a lost log may have known later ones. */
const TRIED_BEYOND_MAX = 20_000;
/** Where a database's first page tells of it, in bytes. */
const HEAD_BYTES = 100;
const PAGE_SIZE_AT = 16;
const PAGE_COUNT_AT = 28;
/** A head that is damaged itself may say anything; the empty pages take no room. */
const FILLED_BYTES_MAX = 1_099_511_627_776;
const FILES = ['', '-wal'] as const;

type Columns = Readonly<Record<string, SQLInputValue>>;

const COLUMNS = 'id, lane, account, region, function_name, born_ms, due_ms, detail, payload, file';

/** Throws what SQLite says of a database that is damaged. */
export function checkQueue(database: DatabaseSync, path: string): void {
  if (statSync(path).size > CHECKED_BYTES_MAX) database.prepare('SELECT count(*) FROM item INDEXED BY item_due').get();
  else {
    const said = database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'];
    if (said !== 'ok') throw Object.assign(new Error(String(said)), { errcode: 11 });
  }
}

export function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' && DAMAGE_CODES.has(code & PRIMARY_CODE_MASK);
}

/** Ends a mending that was cut short. Throws for a database that has become empty beside a log that is not. */
export function beforeOpening(path: string): void {
  if (!existsSync(path)) {
    if (existsSync(mended(path))) renameSync(mended(path), path);
    return;
  }
  // SQLite would take it for a new one, and throw the log away.
  if (statSync(path).size === 0 && existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0)
    throw Object.assign(new Error('the file is empty'), { errcode: 26 });
}

/** Puts what is readable of a closed, damaged database into a new one in its place; returns what is to be said of it. */
export function mendQueue(path: string, damage: unknown): string {
  const target = mended(path);
  for (const end of FILES) rmSync(`${target}${end}`, { force: true });
  closeSync(openSync(target, 'a', 0o600));
  const database = new DatabaseSync(target);
  let count: number;
  try {
    migrate(database, queueSteps);
    database.exec('BEGIN');
    count = carryOver(path, database);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
  for (const end of FILES) {
    rmSync(`${path}.damaged${end}`, { force: true });
    if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${path}.damaged${end}`);
  }
  renameSync(target, path);
  syncFolder(dirname(path));
  const why = damage instanceof Error ? damage.message.split('\n').at(-1) : String(damage);
  return `event queue ${path} was damaged (${why}): ${count} items could be read and are worked on; it is kept as ${path}.damaged`;
}

const mended = (path: string) => `${path}.mended`;

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** SQLite reads nothing of a file that is shorter than its head says: what was cut off is put back as empty pages. */
function fillUp(path: string): void {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = openSync(path, 'r');
  readSync(file, head, 0, HEAD_BYTES, 0);
  closeSync(file);
  const bytes = head.readUInt16BE(PAGE_SIZE_AT) * head.readUInt32BE(PAGE_COUNT_AT);
  if (bytes > statSync(path).size && bytes <= FILLED_BYTES_MAX) truncateSync(path, bytes);
}

/** Returns how many items there are in `target` then. */
function carryOver(path: string, target: DatabaseSync): number {
  if (statSync(path).size === 0) return 0;
  fillUp(path);
  const insert = target.prepare(`INSERT OR IGNORE INTO item (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const source = new DatabaseSync(path);
  try {
    source.exec('PRAGMA locking_mode = EXCLUSIVE');
    for (const row of readableRows(source)) if (isWhole(row)) insert.run(...Object.values(row));
  } catch (error) {
    // Not even the schema can be read; what is wrong with the target is no damage of the source.
    if (!isDamage(error)) throw error;
  } finally {
    source.close();
  }
  return Number(target.prepare('SELECT count(*) AS count FROM item').get()?.['count']);
}

/** From below and from above up to what cannot be read, and between the two each id by itself. */
function* readableRows(source: DatabaseSync): Generator<Columns> {
  let low = 0;
  for (const row of rowsUntilDamage(source, 'ASC')) {
    low = Number(row['id']);
    yield row;
  }
  let high = low + TRIED_MAX;
  for (const row of rowsUntilDamage(source, 'DESC')) {
    if (Number(row['id']) <= low) return;
    high = Number(row['id']);
    yield row;
  }
  const one = source.prepare(`SELECT ${COLUMNS} FROM item WHERE id = ?`);
  const end = Math.min(high, low + TRIED_MAX, lastGiven(source) + TRIED_BEYOND_MAX);
  for (let id = low + 1; id < end; id++)
    try {
      const row = one.get(id);
      if (row !== undefined) yield row as Columns;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
}

/** What SQLite remembers for AUTOINCREMENT; infinite where that cannot be read either. */
function lastGiven(source: DatabaseSync): number {
  try {
    const row = source.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'item'`).get();
    return Number.isSafeInteger(row?.['seq']) ? Number(row?.['seq']) : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return Number.POSITIVE_INFINITY;
  }
}

function* rowsUntilDamage(source: DatabaseSync, order: 'ASC' | 'DESC'): Generator<Columns> {
  try {
    for (const row of source.prepare(`SELECT ${COLUMNS} FROM item ORDER BY id ${order}`).iterate())
      yield row as Columns;
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
}

/** What the damage has left of a row may be anything. */
function isWhole(row: Columns): boolean {
  const texts = ['lane', 'account', 'region', 'function_name', 'detail'];
  if (!texts.every((name) => typeof row[name] === 'string' && row[name] !== '')) return false;
  if (!['id', 'born_ms', 'due_ms'].every((name) => Number.isSafeInteger(row[name]))) return false;
  if (!isJson(row['detail'] as string)) return false;
  return row['payload'] instanceof Uint8Array || typeof row['file'] === 'string';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
