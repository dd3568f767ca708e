/**
 * What AWS's JSON parser says of text that is not JSON (lambda-facts 7.1, 15). Runs only once JSON.parse has refused;
 * walks the bytes without recursion up to the first fault. Texts that were not recorded from AWS are those of the
 * parser that the recorded ones come from.
 */

const SOURCE = 'Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)';
const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/** A longer token is shown up to here. */
const TOKEN_CHARS_MAX = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN: Readonly<Record<number, 'Object' | 'Array'>> = { 123: 'Object', 91: 'Array' };
const CLOSE = { Object: 0x7d, Array: 0x5d } as const;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const TOKEN = /[A-Za-z0-9_$]+/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SPACE = /[ \t\r\n]*/y;

/** The parser's sentence for the first fault, with its place: `… at [Source: …; line: 1, column: 3]`. */
export function jsonComplaint(bytes: Uint8Array): string {
  const scan = new Scan(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { message, offset } = scan.firstFault();
  return `${message} at [${SOURCE}; ${scan.place(offset)}]`;
}

interface Fault {
  readonly message: string;
  readonly offset: number;
}

interface Open {
  readonly kind: 'Object' | 'Array';
  readonly start: number;
}

class Scan {
  readonly #bytes: Buffer;
  /** One character for each byte, so that patterns and offsets agree. */
  readonly #text: string;
  readonly #open: Open[] = [];
  #at = 0;
  /** A value must come next, and nothing else. */
  #wantsValue = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#text = bytes.toString('latin1');
  }

  place(offset: number): string {
    let line = 1;
    let lineStart = 0;
    for (let end = this.#text.indexOf('\n'); end !== -1 && end < offset; end = this.#text.indexOf('\n', end + 1)) {
      line += 1;
      lineStart = end + 1;
    }
    return `line: ${line}, column: ${offset - lineStart + 1}`;
  }

  firstFault(): Fault {
    this.#skip(SPACE);
    if (this.#at >= this.#bytes.length) return this.#fault('No content to map due to end-of-input');
    for (;;) {
      const fault = this.#wantsValue ? this.#value() : this.#next();
      if (fault) return fault;
    }
  }

  /** What must come after a value: a separator and another one, an end, or nothing. */
  #next(): Fault | undefined {
    this.#skip(SPACE);
    const open = this.#open.at(-1);
    if (!open) {
      if (this.#at < this.#bytes.length) return this.#value() ?? this.#fault('Trailing token found after value');
      return this.#fault('Unexpected content');
    }
    if (this.#at >= this.#bytes.length) return this.#unclosed(open);
    const byte = this.#bytes[this.#at];
    if (byte === CLOSE[open.kind]) {
      this.#at += 1;
      this.#open.pop();
      return undefined;
    }
    if (byte === CLOSE.Array || byte === CLOSE.Object) return this.#mismatched(open, byte);
    if (byte !== COMMA) return this.#unexpected(`was expecting comma to separate ${open.kind} entries`);
    this.#at += 1;
    if (open.kind === 'Object') return this.#member();
    this.#wantsValue = true;
    return undefined;
  }

  /** A field's name and its colon. */
  #member(): Fault | undefined {
    this.#skip(SPACE);
    const open = this.#open.at(-1) as Open;
    if (this.#at >= this.#bytes.length) return this.#unclosed(open);
    if (this.#bytes[this.#at] !== QUOTE) return this.#unexpected('was expecting double-quote to start field name');
    const fault = this.#string('Unexpected end-of-input in field name', 'name');
    if (fault) return fault;
    this.#skip(SPACE);
    if (this.#at >= this.#bytes.length) return this.#unclosed(open);
    if (this.#bytes[this.#at] !== COLON)
      return this.#unexpected('was expecting a colon to separate field name and value');
    this.#at += 1;
    this.#wantsValue = true;
    return undefined;
  }

  /** A plain value as a whole, an object or array up to where its first value begins. */
  #value(): Fault | undefined {
    this.#wantsValue = false;
    this.#skip(SPACE);
    const byte = this.#bytes[this.#at];
    const around = this.#open.at(-1);
    if (byte === undefined) return around ? this.#unclosed(around) : this.#fault('Unexpected end-of-input');
    const kind = OPEN[byte];
    if (kind !== undefined) return this.#container(kind);
    if (byte === QUOTE)
      return this.#string('Unexpected end-of-input: was expecting closing quote for a string value', 'string value');
    if (this.#skip(NUMBER)) return this.#afterNumber();
    const token = this.#peek(TOKEN);
    if (token === 'true' || token === 'false' || token === 'null') {
      this.#at += token.length;
      return undefined;
    }
    if (token === '') return this.#unexpected(`expected a valid value ${VALUES}`);
    return {
      message: `Unrecognized token '${token.slice(0, TOKEN_CHARS_MAX)}': was expecting ${VALUES}`,
      offset: this.#at + token.length,
    };
  }

  #container(kind: 'Object' | 'Array'): Fault | undefined {
    const open = { kind, start: this.#at };
    this.#open.push(open);
    this.#at += 1;
    this.#skip(SPACE);
    if (this.#bytes[this.#at] === CLOSE[kind]) {
      this.#at += 1;
      this.#open.pop();
      return undefined;
    }
    if (kind === 'Object') return this.#member();
    this.#wantsValue = true;
    return undefined;
  }

  #afterNumber(): Fault | undefined {
    if (this.#peek(/[A-Za-z0-9_.$+-]/y) === '') return undefined;
    return this.#unexpected('Expected space separating root-level values');
  }

  #string(endMessage: string, where: string): Fault | undefined {
    this.#at += 1;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return this.#fault(endMessage);
      if (byte === QUOTE) {
        this.#at += 1;
        return undefined;
      }
      if (byte < 0x20)
        return this.#fault(
          `Illegal unquoted character (${describe(byte)}): has to be escaped using backslash to be included in ${where}`,
        );
      if (byte === BACKSLASH) {
        if (!this.#skip(ESCAPE)) return this.#badEscape();
        continue;
      }
      if (byte < 0x80) this.#at += 1;
      else {
        const fault = this.#multiByte(byte);
        if (fault) return fault;
      }
    }
  }

  #badEscape(): Fault {
    const escaped = this.#bytes[this.#at + 1];
    if (escaped === undefined) return this.#fault('Unexpected end-of-input in character escape sequence');
    return this.#fault(`Unrecognized character escape ${describe(escaped)}`);
  }

  /** One character of two to four bytes; the place of a fault is behind the byte that is wrong. */
  #multiByte(first: number): Fault | undefined {
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    const hex = (byte: number) => `0x${byte.toString(16)}`;
    if (first < 0xc2 || first > 0xf4)
      return { message: `Invalid UTF-8 start byte ${hex(first)}`, offset: this.#at + 1 };
    for (let index = 1; index <= more; index++) {
      const byte = this.#bytes[this.#at + index];
      if (byte === undefined) return this.#fault('Unexpected end-of-input in a multi-byte character');
      if ((byte & 0xc0) !== 0x80)
        return { message: `Invalid UTF-8 middle byte ${hex(byte)}`, offset: this.#at + index + 1 };
    }
    this.#at += more + 1;
    return undefined;
  }

  #unclosed({ kind, start }: Open): Fault {
    const opened = `start marker at [${SOURCE}; ${this.place(start)}]`;
    return {
      message: `Unexpected end-of-input: expected close marker for ${kind} (${opened})`,
      offset: this.#bytes.length,
    };
  }

  #mismatched({ kind, start }: Open, byte: number): Fault {
    const [found, expected] = [byte, CLOSE[kind]].map((code) => String.fromCharCode(code));
    const opened = `for ${kind} starting at [${SOURCE}; ${this.place(start)}]`;
    return this.#fault(`Unexpected close marker '${found}': expected '${expected}' (${opened})`);
  }

  #unexpected(expectation: string): Fault {
    const byte = this.#bytes[this.#at] as number;
    return this.#fault(`Unexpected character (${describe(byte)}): ${expectation}`);
  }

  #fault(message: string): Fault {
    return { message, offset: this.#at };
  }

  #peek(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  /** Moves behind what the pattern matches here; false when that is nothing. */
  #skip(pattern: RegExp): boolean {
    const length = this.#peek(pattern).length;
    this.#at += length;
    return length > 0;
  }
}

/** `'x' (code 120)`, or `(CTRL-CHAR, code 153)`. */
function describe(byte: number): string {
  const isControl = byte < 0x20 || (byte >= 0x7f && byte < 0xa0);
  return isControl ? `(CTRL-CHAR, code ${byte})` : `'${String.fromCharCode(byte)}' (code ${byte})`;
}
