import type { SourceRecord } from '../source-port.ts';

/** What an invoke may carry, and what surrounds the records in it. */
export const EVENT_BYTES_MAX = 6_291_456;
export const ENVELOPE_BYTES = '{"Records":[]}'.length;
/** Between two records. */
export const COMMA_BYTES = 1;

/** The event of a batch, as JSON in UTF-8. */
export function eventOf(batch: readonly SourceRecord[]): Uint8Array {
  return Buffer.from(JSON.stringify({ Records: batch.map(({ event }) => event) }));
}
