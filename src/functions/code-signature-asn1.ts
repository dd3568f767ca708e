/**
 * Reading ASN.1 in its basic encoding, as far as signatures need it: definite and indefinite lengths, tags below 31.
 * Every number in it comes from a stranger.
 */

/** Nesting and elements are bounded, whatever the bytes say. */
const DEPTH_MAX = 32;
const ELEMENTS_MAX = 10_000;
const LENGTH_OCTETS_MAX = 4;

const CONSTRUCTED = 0x20;
const LOW_TAG_MASK = 0x1f;

export const TAG = {
  integer: 0x02,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const;

export interface Element {
  /** The whole identifier octet, class and constructed bit included. */
  readonly tag: number;
  /** The element as it is encoded, with its header. */
  readonly encoded: Buffer;
  readonly content: Buffer;
  /** Of a constructed element; empty for others. */
  readonly children: readonly Element[];
}

/** What is not an encoding of the expected form. */
export class Asn1Error extends Error {}

/** The one element that `bytes` consist of. Throws Asn1Error. */
export function parseAsn1(bytes: Buffer): Element {
  const budget = { elements: 0 };
  const { element, end } = parseAt(bytes, 0, 0, budget);
  if (end !== bytes.length) throw new Asn1Error('bytes behind the end');
  return element;
}

/** The child at `index` (from the end when negative), which must have this tag. Throws Asn1Error. */
export function child(parent: Element, index: number, tag: number): Element {
  const found = parent.children.at(index);
  if (found?.tag !== tag) throw new Asn1Error(`no element ${tag} at ${index}`);
  return found;
}

/** The distinguished encoding of a set of these elements, which are taken as they are: sorted, with its length. */
export function encodeSet(elements: readonly Element[]): Buffer {
  const content = Buffer.concat(elements.map(({ encoded }) => encoded).sort(Buffer.compare));
  const length = Buffer.alloc(LENGTH_OCTETS_MAX);
  length.writeUInt32BE(content.length);
  const digits = length.subarray(length.findIndex((octet) => octet !== 0));
  const header = content.length < 0x80 ? [content.length] : [0x80 | digits.length, ...digits];
  return Buffer.concat([Buffer.of(TAG.set, ...header), content]);
}

interface Parsed {
  readonly element: Element;
  /** Where the next one begins. */
  readonly end: number;
}

function parseAt(bytes: Buffer, at: number, depth: number, budget: { elements: number }): Parsed {
  if (depth > DEPTH_MAX || ++budget.elements > ELEMENTS_MAX) throw new Asn1Error('too much of it');
  const tag = bytes[at];
  const lengthOctet = bytes[at + 1];
  if (tag === undefined || lengthOctet === undefined || (tag & LOW_TAG_MASK) === LOW_TAG_MASK)
    throw new Asn1Error('no header');
  const isConstructed = (tag & CONSTRUCTED) !== 0;
  if (lengthOctet === 0x80) return parseIndefinite(bytes, at, tag, depth, budget);
  const extra = lengthOctet < 0x80 ? 0 : lengthOctet & 0x7f;
  if (extra > LENGTH_OCTETS_MAX) throw new Asn1Error('too long');
  const start = at + 2 + extra;
  const length = extra === 0 ? lengthOctet : start <= bytes.length ? bytes.readUIntBE(at + 2, extra) : bytes.length;
  const end = start + length;
  if (end > bytes.length) throw new Asn1Error('cut off');
  const children: Element[] = [];
  if (isConstructed)
    for (let next = start; next < end; ) {
      const parsed = parseAt(bytes.subarray(0, end), next, depth + 1, budget);
      children.push(parsed.element);
      next = parsed.end;
    }
  return { element: { tag, encoded: bytes.subarray(at, end), content: bytes.subarray(start, end), children }, end };
}

/** Ends at two zero octets; only constructed elements may have no length. */
function parseIndefinite(bytes: Buffer, at: number, tag: number, depth: number, budget: { elements: number }): Parsed {
  if ((tag & CONSTRUCTED) === 0) throw new Asn1Error('no length');
  const children: Element[] = [];
  let next = at + 2;
  while (bytes[next] !== 0 || bytes[next + 1] !== 0) {
    const parsed = parseAt(bytes, next, depth + 1, budget);
    children.push(parsed.element);
    next = parsed.end;
  }
  const end = next + 2;
  return { element: { tag, encoded: bytes.subarray(at, end), content: bytes.subarray(at + 2, next), children }, end };
}

/** Epoch milliseconds of a UTCTime or GeneralizedTime. Throws Asn1Error. */
export function timeOf({ tag, content }: Element): number {
  const match = /^(\d{2,4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d{1,9})?Z$/.exec(content.toString('latin1'));
  const [, digits = '', month, day, hour, minute, second, fraction = ''] = match ?? [];
  const isLong = tag === TAG.generalizedTime;
  if (!match || digits.length !== (isLong ? 4 : 2)) throw new Asn1Error('no time');
  // Two digits stand for 1950 to 2049.
  const year = isLong ? digits : `${Number(digits) < 50 ? 20 : 19}${digits}`;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(ms)) throw new Asn1Error('no time');
  return ms;
}
