/** What a function behind a stream says of its batch (lambda-facts 8.3). */
import { failuresIn, responseIn } from '../batch-failures.ts';
import type { SourceRecord } from '../source-port.ts';

/**
 * How many of the records, from the first on, are done: all of them, or those before the lowest failed one. 0 is a failure
 * of the whole batch, which a response that is malformed or names no record of the batch is as well.
 */
export function doneRecords(payload: Uint8Array, records: readonly SourceRecord[]): number {
  const failures = failuresIn(payload);
  if (failures === 'malformed') return 0;
  const places = new Map(records.map(({ id }, at) => [id, at]));
  let lowest = records.length;
  for (const id of failures) lowest = Math.min(lowest, places.get(id) ?? 0);
  return lowest;
}

/** The answer's `state` as JSON text, `{}` where it has none. */
export function stateOf(payload: Uint8Array): string {
  const answer = responseIn(payload);
  const state = typeof answer === 'object' ? (answer as { state?: unknown } | null)?.state : undefined;
  return typeof state === 'object' && state !== null ? JSON.stringify(state) : '{}';
}
