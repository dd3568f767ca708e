import { BLOCK_BYTES, openPlainScan, type PlainScan, SCAN_BYTES } from './plain-scan.ts';

/** The bytes that JSON has in a string as they are: no quote, no backslash, no control character. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const HIGH_BITS = 0x80808080;
/** The first piece that is copied for a scan, and how the next ones grow: most strings end soon. */
const FIRST_SCAN_BYTES = 512;
const SCAN_GROWTH = 8;

/** Looks for the first byte from `from` on that is not plain; the end when all are. */
type Search = (bytes: Uint8Array, from: number) => number;

/** Without a scan in words of four bytes. */
export function plainSearch(scan: PlainScan | undefined): Search {
  return (bytes, from) => {
    let at = scan === undefined ? afterPlainWords(bytes, from) : afterPlainBlocks(scan, bytes, from);
    while (at < bytes.length && isPlain(bytes[at] as number)) at++;
    return at;
  };
}

export const afterPlain: Search = plainSearch(openPlainScan());

function isPlain(byte: number): boolean {
  return byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH;
}

/** A place with nothing but plain bytes before it, and not many behind it. */
function afterPlainWords(bytes: Uint8Array, from: number): number {
  const end = bytes.length;
  let at = from;
  for (; at < end && ((bytes.byteOffset + at) & 3) !== 0; at++) if (!isPlain(bytes[at] as number)) return at;
  if (end - at < 4) return at;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
  let i = 0;
  while (i < words.length && (oddBits(words[i] as number) & HIGH_BITS) === 0) i++;
  return at + i * 4;
}

/**
 * Four bytes at once: the high bit of one is set where it is a control character, a quote or a backslash. (A quote changes
 * places with a space, and what is below 0x21 then is wanted. A borrow sets a bit only above such a byte.)
 */
function oddBits(word: number): number {
  const swapped = word ^ 0x02020202;
  const slashed = word ^ 0x5c5c5c5c;
  return ((swapped - 0x21212121) & ~swapped) | ((slashed - 0x01010101) & ~slashed);
}

/** As afterPlainWords. */
function afterPlainBlocks({ room, scan }: PlainScan, bytes: Uint8Array, from: number): number {
  let at = from;
  for (let pieceBytes = FIRST_SCAN_BYTES; ; pieceBytes = Math.min(SCAN_BYTES, pieceBytes * SCAN_GROWTH)) {
    const wholeBytes = Math.min(pieceBytes, bytes.length - at) & -BLOCK_BYTES;
    if (wholeBytes === 0) return at;
    room.set(bytes.subarray(at, at + wholeBytes));
    const scanned = scan(0, wholeBytes);
    at += scanned;
    if (scanned < wholeBytes) return at;
  }
}
