import { type Client, DatabaseError } from 'pg';
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
 * True when the database itself has said that it did not do the statement. A failure that ends the session may come
 * after the statement was committed, and so may the loss of the connection; which of them it was is asked of the session,
 * because the word for it comes in the database's own language.
 */
export async function isRefusal(error: unknown, client: Client): Promise<boolean> {
  if (!(error instanceof DatabaseError)) return false;
  return await client.query('SELECT 1').then(
    () => true,
    () => false,
  );
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
