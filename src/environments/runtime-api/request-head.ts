/**
 * The head of an HTTP/1.1 request, and its fields: each character is looked at once, and no text is made of a field before
 * somebody asks for it. A runtime sends four or five with every request, and two of them are of use.
 *
 * Refused is what is not plainly correct: a bare line feed, a folded field, a length given twice or beside chunks.
 */

const HEADERS_MAX = 100;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const CASE_BIT = 0x20;

/** May stand in a name. */
const NAME = 1;
/** May stand in a value. */
const VALUE = 2;
const CLASSES = classes();

/** Numbers that are kept of a field: where its name begins and ends, and its value. */
const MARKS = 4;
const LENGTH = 'content-length';
const CODING = 'transfer-encoding';

const REQUEST_LINE = /^([A-Z]{1,20}) (\/[\x21-\x3e\x40-\x7e]{0,8191})(\?[\x21-\x7e]{0,8191})? HTTP\/1\.[01]$/;

export class MalformedRequest extends Error {}

/** Fields of a request, or trailers. Names are asked for in lower case; of a name that came twice the first counts. */
export interface Fields {
  get(name: string): string | undefined;
}

export const NO_FIELDS: Fields = new Map<string, string>();

export interface RequestHead {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly headers: Fields;
}

/** What a head says of the body behind it. */
export interface Head extends RequestHead {
  readonly chunked: boolean;
  readonly bodyBytes: number;
}

function classes(): Uint8Array {
  const table = new Uint8Array(256).fill(VALUE, 0x20);
  table[TAB] = VALUE;
  table[0x7f] = 0;
  for (const character of Buffer.from("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
    table[character] = NAME | VALUE;
  return table;
}

/** Fields where they stand in the text of a head. */
class TextFields implements Fields {
  readonly #text: string;
  readonly #marks: readonly number[];

  constructor(text: string, marks: readonly number[]) {
    this.#text = text;
    this.#marks = marks;
  }

  get(name: string): string | undefined {
    const marks = this.#marks;
    for (let at = 0; at < marks.length; at += MARKS) {
      const start = marks[at] as number;
      if ((marks[at + 1] as number) - start === name.length && isNamed(this.#text, start, name))
        return this.#text.slice(marks[at + 2], marks[at + 3]);
    }
    return undefined;
  }
}

/** Whether that name stands there, in whatever case. Every character there is one of a name. */
function isNamed(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const given = text.charCodeAt(start + i);
    const wanted = name.charCodeAt(i);
    if (given !== wanted && (!isUpper(given) || (given | CASE_BIT) !== wanted)) return false;
  }
  return true;
}

function isUpper(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** The lines from `start` to the end of the text; the last one has no line end. */
export function parseFields(text: string, start: number): Fields {
  const marks: number[] = [];
  let lengths = 0;
  let codings = 0;
  for (let at = start; at < text.length; ) {
    const colon = afterClass(text, at, NAME);
    if (colon === at || text.charCodeAt(colon) !== COLON) throw new MalformedRequest('malformed header');
    const end = afterClass(text, colon + 1, VALUE);
    const isLast = end === text.length;
    if (!isLast && (text.charCodeAt(end) !== RETURN || text.charCodeAt(end + 1) !== LINE_FEED))
      throw new MalformedRequest('malformed header');
    if (colon - at === LENGTH.length && isNamed(text, at, LENGTH)) lengths++;
    else if (colon - at === CODING.length && isNamed(text, at, CODING)) codings++;
    pushTrimmed(marks, text, at, colon, end);
    if (marks.length > HEADERS_MAX * MARKS) throw new MalformedRequest('too many headers');
    at = isLast ? end : end + 2;
  }
  if (lengths > 1) throw new MalformedRequest(`${LENGTH} given twice`);
  if (codings > 1) throw new MalformedRequest(`${CODING} given twice`);
  return new TextFields(text, marks);
}

function afterClass(text: string, from: number, bit: number): number {
  let at = from;
  while (at < text.length && ((CLASSES[text.charCodeAt(at)] as number) & bit) !== 0) at++;
  return at;
}

function pushTrimmed(marks: number[], text: string, nameStart: number, colon: number, lineEnd: number): void {
  let start = colon + 1;
  let end = lineEnd;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  marks.push(nameStart, colon, start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** `text` has one character for each byte of a head, and ends before the empty line. Throws MalformedRequest. */
export function parseHead(text: string): Head {
  const lineEnd = text.indexOf('\r\n');
  const requestLine = REQUEST_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd));
  if (!requestLine) throw new MalformedRequest('malformed request line');
  const headers = lineEnd < 0 ? NO_FIELDS : parseFields(text, lineEnd + 2);
  // An empty Transfer-Encoding or Expect is how some official clients (curl) suppress the header: it counts as absent.
  const coding = headers.get(CODING) || undefined;
  const length = headers.get(LENGTH);
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || length !== undefined))
    throw new MalformedRequest('unusable transfer coding');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new MalformedRequest('malformed content length');
  return {
    method: requestLine[1] as string,
    path: requestLine[2] as string,
    headers,
    chunked: coding !== undefined,
    bodyBytes: Number(length ?? 0),
  };
}
