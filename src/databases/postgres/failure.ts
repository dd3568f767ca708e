import { DatabaseError } from 'pg';
import { StoreFull } from '../../store/metadata.ts';
import type { Target } from './target.ts';

/** SQLSTATE of a write that found no room (disk_full). */
const DISK_FULL = '53100';

/**
 * SQLSTATEs of a database that is going down, coming up, or cannot take one more connection; class 08 is the
 * connection itself.
 */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '53300']);

/**
 * True when the database itself has said that it did not do the statement. A failure at level FATAL ends the session
 * and may come after the statement was committed; so may the loss of the connection.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity === 'ERROR';
}

/** True when the same read may succeed on another connection, or a little later. */
export function isLoss(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return true;
  return error.code !== undefined && (UNAVAILABLE.has(error.code) || error.code.startsWith('08'));
}

/** The error that callers of the store see for one of the driver. */
export function storeError(target: Target, error: unknown): Error {
  const message = target.explain(error);
  const isFull = error instanceof DatabaseError && error.code === DISK_FULL;
  return isFull ? new StoreFull(message) : new Error(message, { cause: error });
}
