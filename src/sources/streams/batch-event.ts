/** The events that functions behind streams are given (lambda-facts 8.3, 8.5). */
import type { SourceRecord } from '../source-port.ts';
import type { OpenWindow } from './checkpoint.ts';

/** What an event with its batch may have, as every synchronous invoke. */
export const PAYLOAD_BYTES_MAX = 6_291_456;

/** `{"Records":[]}` */
const FRAME_BYTES = 14;
/** Of a window's event beside its records and its state. */
const WINDOW_FRAME_BYTES = 1_024;

export interface WindowOfEvent extends OpenWindow {
  readonly shardId: string;
  readonly eventSourceArn: string;
  readonly isFinal: boolean;
  readonly isTerminatedEarly: boolean;
}

/** Bytes that records may take together, each with a comma. */
export function recordBytesMax(window: OpenWindow | undefined): number {
  if (window === undefined) return PAYLOAD_BYTES_MAX - FRAME_BYTES;
  return PAYLOAD_BYTES_MAX - WINDOW_FRAME_BYTES - Buffer.byteLength(window.state);
}

export function batchEvent(records: readonly SourceRecord[], window?: WindowOfEvent): Buffer {
  const list = records.map(({ event }) => JSON.stringify(event)).join(',');
  return Buffer.from(`{"Records":[${list}]${window === undefined ? '' : windowMembers(window)}}`);
}

function windowMembers(window: WindowOfEvent): string {
  const { startMs, endMs, state, shardId, eventSourceArn: eventSourceARN, isFinal, isTerminatedEarly } = window;
  const span = JSON.stringify({ start: second(startMs), end: second(endMs) });
  const rest = JSON.stringify({
    shardId,
    eventSourceARN,
    isFinalInvokeForWindow: isFinal,
    isWindowTerminatedEarly: isTerminatedEarly,
  });
  return `,"window":${span},"state":${state},${rest.slice(1, -1)}`;
}

/** 2026-01-31T10:00:00Z: windows begin and end on whole seconds. */
function second(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
