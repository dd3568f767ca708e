/**
 * Whether bytes are one JSON text, without making a value of it: an event goes to its function as it came, and a string of
 * a megabyte, let alone what is in it, is work for the collector of whoever makes one. Says yes and no exactly as JSON.parse.
 */
import { afterPlain } from './plain-bytes.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
/** Set in the letters that are lower case. */
const CASE_BIT = 0x20;

const SPACE = 1;
/** May stand in a string as it is. */
const PLAIN = 2;
const DIGIT = 4;
const HEX = 8;
/** May follow a backslash alone. */
const ESCAPED = 16;
const CLASSES = classes();

const WORDS = ['true', 'false', 'null'].map((word) => Buffer.from(word));

/** Up to here the bytes of a string are looked at one by one. */
const NEAR_BYTES = 64;
/** Containers that can be open before room for more is made. */
const DEPTH_FIRST = 64;
const FAULT = -1;

function classes(): Uint8Array {
  const table = new Uint8Array(256).fill(PLAIN, 0x20);
  const mark = (characters: string, bit: number) => {
    for (const character of Buffer.from(characters)) table[character] = (table[character] as number) | bit;
  };
  table[QUOTE] = 0;
  table[BACKSLASH] = 0;
  mark(' \t\r\n', SPACE);
  mark('0123456789', DIGIT);
  mark('0123456789abcdefABCDEF', HEX);
  mark('"\\/bfnrt', ESCAPED);
  return table;
}

/** `bytes` must be valid UTF-8. Keeps no more than a byte for each container that is open. */
export function isJson(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let kinds = new Uint8Array(DEPTH_FIRST);
  let depth = 0;
  let at = afterSpace(bytes, 0);
  for (;;) {
    // A value begins here.
    if (at >= end) return false;
    const first = bytes[at] as number;
    if (first === OPEN_ARRAY || first === OPEN_OBJECT) {
      at = afterSpace(bytes, at + 1);
      if (at >= end) return false;
      // What closes it is two above what opened it.
      if (bytes[at] === first + 2) at++;
      else {
        if (depth === kinds.length) kinds = doubled(kinds);
        kinds[depth++] = first;
        if (first === OPEN_OBJECT) at = afterName(bytes, at);
        if (at === FAULT) return false;
        continue;
      }
    } else at = afterScalar(bytes, at, first);
    if (at === FAULT) return false;
    // What follows it: the ends of what it is in, or a comma and the next one.
    for (;;) {
      at = afterSpace(bytes, at);
      if (depth === 0) return at === end;
      if (at >= end) return false;
      const next = bytes[at] as number;
      const kind = kinds[depth - 1] as number;
      at++;
      if (next === COMMA) {
        at = afterSpace(bytes, at);
        if (kind === OPEN_OBJECT) at = afterName(bytes, at);
        if (at === FAULT) return false;
        break;
      }
      if (next !== kind + 2) return false;
      depth--;
    }
  }
}

function doubled(kinds: Uint8Array): Uint8Array<ArrayBuffer> {
  const more = new Uint8Array(kinds.length * 2);
  more.set(kinds);
  return more;
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && ((CLASSES[bytes[at] as number] as number) & SPACE) !== 0) at++;
  return at;
}

/** Behind the name at `from`, its colon and the space after it. */
function afterName(bytes: Uint8Array, from: number): number {
  if (from >= bytes.length || bytes[from] !== QUOTE) return FAULT;
  const end = afterString(bytes, from + 1);
  if (end === FAULT) return FAULT;
  const at = afterSpace(bytes, end);
  return at < bytes.length && bytes[at] === COLON ? afterSpace(bytes, at + 1) : FAULT;
}

function afterScalar(bytes: Uint8Array, at: number, first: number): number {
  if (first === QUOTE) return afterString(bytes, at + 1);
  if (first === MINUS || ((CLASSES[first] as number) & DIGIT) !== 0) return afterNumber(bytes, at);
  for (const word of WORDS) if (first === word[0]) return afterWord(bytes, at, word);
  return FAULT;
}

function afterWord(bytes: Uint8Array, from: number, word: Uint8Array): number {
  if (from + word.length > bytes.length) return FAULT;
  for (let i = 1; i < word.length; i++) if (bytes[from + i] !== word[i]) return FAULT;
  return from + word.length;
}

function afterDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && ((CLASSES[bytes[at] as number] as number) & DIGIT) !== 0) at++;
  return at === from ? FAULT : at;
}

function afterNumber(bytes: Uint8Array, from: number): number {
  const start = bytes[from] === MINUS ? from + 1 : from;
  let at = start < bytes.length && bytes[start] === ZERO ? start + 1 : afterDigits(bytes, start);
  if (at === FAULT || at >= bytes.length) return at;
  if (bytes[at] === DOT) {
    at = afterDigits(bytes, at + 1);
    if (at === FAULT || at >= bytes.length) return at;
  }
  if (((bytes[at] as number) | CASE_BIT) !== LOWER_E) return at;
  at++;
  if (at < bytes.length && (bytes[at] === MINUS || bytes[at] === 0x2b)) at++;
  return afterDigits(bytes, at);
}

/** Behind the closing quote of the string whose first character is at `from`. */
function afterString(bytes: Uint8Array, from: number): number {
  const end = bytes.length;
  let at = from;
  for (;;) {
    // Most strings are short; what is longer is searched.
    const near = Math.min(end, at + NEAR_BYTES);
    while (at < near && ((CLASSES[bytes[at] as number] as number) & PLAIN) !== 0) at++;
    if (at === near) {
      if (at === end) return FAULT;
      at = afterPlain(bytes, at);
      if (at === end) return FAULT;
    }
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return FAULT;
    at = afterEscape(bytes, at + 1);
    if (at === FAULT) return FAULT;
  }
}

/** `from` is behind the backslash. */
function afterEscape(bytes: Uint8Array, from: number): number {
  if (from >= bytes.length) return FAULT;
  const escaped = bytes[from] as number;
  if (((CLASSES[escaped] as number) & ESCAPED) !== 0) return from + 1;
  if (escaped !== LOWER_U || from + 4 >= bytes.length) return FAULT;
  for (let i = 1; i <= 4; i++) if (((CLASSES[bytes[from + i] as number] as number) & HEX) === 0) return FAULT;
  return from + 5;
}
