import type { AnySegment } from './trace-target.ts';

/** The line with which an X-Ray SDK begins each datagram; the segment document follows. */
const HEAD_BYTES_MAX = 200;
const NEWLINE = 10;

/**
 * What a function sent to its daemon, if it is what X-Ray's SDKs send: a document with a trace and an id. Everything else
 * in it is the function's own business.
 */
export function readDatagram(datagram: Buffer): AnySegment | undefined {
  const end = datagram.indexOf(NEWLINE);
  if (end < 0 || end > HEAD_BYTES_MAX) return undefined;
  const { format, version } = Object(parsed(datagram.subarray(0, end)));
  const document = parsed(datagram.subarray(end + 1));
  if (format !== 'json' || version !== 1 || typeof document !== 'object' || document === null) return undefined;
  const segment = document as AnySegment;
  return typeof segment.trace_id === 'string' && typeof segment.id === 'string' ? segment : undefined;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
