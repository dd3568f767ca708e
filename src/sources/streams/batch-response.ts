/** What a function behind a stream says of its batch (lambda-facts 8.3). */
import type { SourceRecord } from '../source-port.ts';

/**
 * How many of the records, from the first on, are done: all of them, or those before the lowest failed one. 0 is a failure
 * of the whole batch.
 *
 * Everything is done when nothing is answered, null, an object without the list, or an empty list. Nothing is done when
 * the answer is no JSON, no object, the list is no list, or an entry names no record of the batch.
 */
export function doneRecords(payload: Uint8Array, records: readonly SourceRecord[]): number {
  const failures = failuresIn(payload);
  if (failures === undefined) return records.length;
  if (failures === 'malformed') return 0;
  const places = new Map(records.map(({ id }, at) => [id, at]));
  let lowest = records.length;
  for (const failure of failures) {
    const place = places.get((failure as { itemIdentifier?: unknown } | null)?.itemIdentifier as string);
    if (place === undefined) return 0;
    lowest = Math.min(lowest, place);
  }
  return lowest;
}

/** The answer's `state` as JSON text, `{}` where it has none. */
export function stateOf(payload: Uint8Array): string {
  const answer = parsed(payload);
  const state = typeof answer === 'object' ? (answer as { state?: unknown } | null)?.state : undefined;
  return typeof state === 'object' && state !== null ? JSON.stringify(state) : '{}';
}

function failuresIn(payload: Uint8Array): readonly unknown[] | 'malformed' | undefined {
  if (payload.byteLength === 0) return undefined;
  const answer = parsed(payload);
  if (answer === null) return undefined;
  if (typeof answer !== 'object') return 'malformed';
  const { batchItemFailures: failures } = answer as { batchItemFailures?: unknown };
  if (failures === undefined || failures === null) return undefined;
  return Array.isArray(failures) ? failures : 'malformed';
}

/** Undefined when it is no JSON. */
function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as unknown;
  } catch {
    return undefined;
  }
}
