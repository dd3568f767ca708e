import { ApiError } from '../model/api-error.ts';
import { jsonComplaint } from './json-complaint.ts';

/** Deeper nesting than any request of the API; text nested deeper is refused before a parser sees it. */
export const JSON_DEPTH_MAX = 64;
/** More values than any request of the API has; a bound on what a small text can make the parser allocate. */
export const JSON_VALUES_MAX = 1_000_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Offset of the quote that closes the string whose opening quote is at `start`; the end when there is none. */
function stringEnd(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(QUOTE, start + 1); end >= 0; end = bytes.indexOf(QUOTE, end + 1)) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return bytes.length;
}

/** Counts brackets and commas outside strings. Strings are skipped by a native search: code packages are megabytes. */
function refuseHuge(bytes: Uint8Array): void {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) i = stringEnd(bytes, i);
    else if (byte === COMMA) values++;
    else if (byte === 0x5b || byte === 0x7b) {
      values++;
      if (++depth > JSON_DEPTH_MAX)
        throw new ApiError('SerializationException', `Document nesting depth exceeds the maximum (${JSON_DEPTH_MAX}).`);
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    if (values > JSON_VALUES_MAX)
      throw new ApiError('SerializationException', `Document has more than the maximum of ${JSON_VALUES_MAX} values.`);
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses a JSON text as RFC 8259 has it: UTF-8 without byte order mark, nothing after the value.
 *
 * @throws ApiError SerializationException (400) with the place of the first fault
 */
export function parseJson(bytes: Uint8Array): unknown {
  refuseHuge(bytes);
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch {
    throw new ApiError('SerializationException', jsonComplaint(bytes));
  }
}
