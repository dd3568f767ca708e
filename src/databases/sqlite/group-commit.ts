import type { DatabaseSync } from 'node:sqlite';
import { RevisionConflict } from '../../store/metadata.ts';
import type { Failure, FailureOutcome } from './messages.ts';

/** Primary result code of a write that found no room (SQLITE_FULL: ENOSPC, or the page limit). */
const SQLITE_FULL = 13;

/** Extended codes carry their primary code in the low byte. */
const PRIMARY_CODE_MASK = 0xff;

/**
 * Makes all commits in one transaction, each by `apply`, so that they share one sync. Each stands behind its own
 * savepoint: a commit that fails takes back its own changes and no other's. The outcomes hold once this returns.
 *
 * Without room the log is first folded into the database, which lets its space be used again, and then each commit is
 * tried once alone: a large one must not cost the small ones beside it.
 */
export function commitTogether<Commit, Outcome>(
  database: DatabaseSync,
  commits: readonly Commit[],
  apply: (commit: Commit) => Outcome,
): (Outcome | FailureOutcome)[] {
  try {
    return inOneTransaction(database, commits, apply);
  } catch (error) {
    if (!isFull(error)) return commits.map(() => failed(error));
    foldLog(database);
    return commits.map((commit) => alone(database, commit, apply));
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RevisionConflict) return { type: 'conflict', key: error.key };
  const message = error instanceof Error ? error.message : String(error);
  return { type: isFull(error) ? 'full' : 'error', message };
}

function alone<Commit, Outcome>(
  database: DatabaseSync,
  commit: Commit,
  apply: (commit: Commit) => Outcome,
): Outcome | FailureOutcome {
  try {
    return inOneTransaction(database, [commit], apply)[0] as Outcome | FailureOutcome;
  } catch (error) {
    return failed(error);
  }
}

function inOneTransaction<Commit, Outcome>(
  database: DatabaseSync,
  commits: readonly Commit[],
  apply: (commit: Commit) => Outcome,
): (Outcome | FailureOutcome)[] {
  database.exec('BEGIN IMMEDIATE');
  try {
    const outcomes = commits.map((commit) => behindSavepoint(database, commit, apply));
    database.exec('COMMIT');
    return outcomes;
  } catch (error) {
    // SQLite takes the transaction back by itself for some failures and leaves it open for others.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function behindSavepoint<Commit, Outcome>(
  database: DatabaseSync,
  commit: Commit,
  apply: (commit: Commit) => Outcome,
): Outcome | FailureOutcome {
  database.exec('SAVEPOINT one');
  try {
    const outcome = apply(commit);
    database.exec('RELEASE one');
    return outcome;
  } catch (error) {
    if (isFull(error) || !database.isTransaction) throw error;
    database.exec('ROLLBACK TO one');
    database.exec('RELEASE one');
    return failed(error);
  }
}

function failed(error: unknown): FailureOutcome {
  return { type: 'failure', failure: failureOf(error) };
}

function foldLog(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch {
    // The attempt that follows says whether there is room.
  }
}

function isFull(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' && (code & PRIMARY_CODE_MASK) === SQLITE_FULL;
}
