// Says what is wrong with a JSON text, in the words of the parser that AWS's front end uses (Jackson). It runs only
// after JSON.parse has refused a text, so it may be slow; it never decides whether a text is JSON.

const WHITE = /[ \t\n\r]/;
const EXPECTED_VALUE = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"([^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
const WORD = /[A-Za-z_$][\w$]*/y;
/** A text is looked through only so far; what is wrong further on gets a general text. */
const SCAN_CHARS_MAX = 1_000_000;

function describeCharacter(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code < 32 || (code >= 127 && code < 160) ? `(CTRL-CHAR, code ${code})` : `'${char}' (code ${code})`;
}

function at(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - before.lastIndexOf('\n');
  const source = 'REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)';
  return ` at [Source: ${source}; line: ${line}, column: ${column}]`;
}

/** Length of the token that starts at `offset`, 0 when there is none. */
function tokenLength(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** The next step of the walk: where it goes on, or the complaint that ends it. */
type Step = { readonly next: number } | { readonly complaint: string };

function scalar(text: string, offset: number): Step {
  const char = text[offset] ?? '';
  if (char === '"') {
    const length = tokenLength(STRING, text, offset);
    return length > 0 ? { next: offset + length } : { complaint: badString(text, offset) };
  }
  const numberLength = tokenLength(NUMBER, text, offset);
  if (numberLength > 0) return { next: offset + numberLength };
  const word = text.slice(offset, offset + tokenLength(WORD, text, offset));
  if (['true', 'false', 'null'].includes(word)) return { next: offset + word.length };
  const what =
    word === ''
      ? `Unexpected character (${describeCharacter(char)}): ${EXPECTED_VALUE}`
      : `Unrecognized token '${word.slice(0, 100)}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')`;
  return { complaint: what + at(text, offset) };
}

function badString(text: string, offset: number): string {
  for (let i = offset + 1; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char < ' ') {
      const name = describeCharacter(char);
      return `Illegal unquoted character (${name}): has to be escaped using backslash to be included in string value${at(text, i)}`;
    }
    if (char !== '\\') continue;
    i++;
    const escaped = text[i] ?? '';
    if (!'"\\/bfnrtu'.includes(escaped))
      return `Unrecognized character escape ${describeCharacter(escaped)}${at(text, i)}`;
  }
  return `Unexpected end-of-input: was expecting closing quote for a string value${at(text, text.length)}`;
}

/** Walks a text like a parser does; the first complaint, or undefined when it finds nothing wrong. */
function walk(text: string): string | undefined {
  const open: string[] = [];
  let wanted: 'value' | 'first' | 'name' | 'colon' | 'separator' = 'value';
  for (let i = 0; i < text.length; ) {
    const char = text[i] ?? '';
    if (WHITE.test(char)) {
      i++;
      continue;
    }
    if (open.length === 0 && wanted === 'separator')
      return `Trailing token found after value: ${describeCharacter(char)}${at(text, i)}`;
    const inside = open.at(-1);
    if ((char === ']' || char === '}') && (wanted === 'separator' || wanted === 'first')) {
      if (inside !== (char === ']' ? '[' : '{'))
        return `Unexpected close marker '${char}': expected '${inside === '[' ? ']' : '}'}'${at(text, i)}`;
      open.pop();
      wanted = 'separator';
      i++;
    } else if (wanted === 'separator') {
      if (char !== ',') {
        const kind = inside === '[' ? 'Array' : 'Object';
        return `Unexpected character (${describeCharacter(char)}): was expecting comma to separate ${kind} entries${at(text, i)}`;
      }
      wanted = inside === '[' ? 'value' : 'name';
      i++;
    } else if (wanted === 'colon') {
      if (char !== ':')
        return `Unexpected character (${describeCharacter(char)}): was expecting a colon to separate field name and value${at(text, i)}`;
      wanted = 'value';
      i++;
    } else if (wanted === 'name' || (wanted === 'first' && inside === '{')) {
      if (char !== '"')
        return `Unexpected character (${describeCharacter(char)}): was expecting double-quote to start field name${at(text, i)}`;
      const step = scalar(text, i);
      if ('complaint' in step) return step.complaint;
      wanted = 'colon';
      i = step.next;
    } else if (char === '[' || char === '{') {
      open.push(char);
      wanted = 'first';
      i++;
    } else {
      const step = scalar(text, i);
      if ('complaint' in step) return step.complaint;
      wanted = 'separator';
      i = step.next;
    }
  }
  if (open.length > 0 || wanted === 'value') {
    const where = open.length === 0 ? 'No content to map due to end-of-input' : unclosed(open);
    return where + at(text, text.length);
  }
  return undefined;
}

function unclosed(open: readonly string[]): string {
  const kind = open.at(-1) === '[' ? 'Array' : 'Object';
  return `Unexpected end-of-input: expected close marker for ${kind}`;
}

/**
 * What is wrong with bytes that are not JSON, with line and column, such as `Unexpected character ('x' (code 120)):
 * expected a valid value (…) at [Source: …; line: 1, column: 1]` (lambda-facts 15, InvalidRequestContentException).
 */
export function jsonComplaint(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return invalidUtf8(bytes);
  }
  const known = text.length <= SCAN_CHARS_MAX ? walk(text) : undefined;
  return known ?? `Unexpected content${at('', 0)}`;
}

function invalidUtf8(bytes: Uint8Array): string {
  const loose = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, SCAN_CHARS_MAX));
  const offset = Math.max(0, loose.indexOf('�'));
  const byte = bytes[Buffer.byteLength(loose.slice(0, offset))] ?? 0;
  return `Invalid UTF-8 start byte 0x${byte.toString(16)}${at(loose, offset)}`;
}
