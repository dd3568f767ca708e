/** JSON whose numbers keep the text that they are written with: filters tell 300 from 300.0 (lambda-facts 8.4). */

/** A number in JSON. */
export class JsonNumber {
  readonly value: number;
  /** As it is written. */
  readonly text: string;

  constructor(text: string) {
    this.value = Number(text);
    this.text = text;
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/**
 * As JSON.parse, with a JsonNumber for every number and objects without a prototype; of a key that is there twice the
 * last value counts. Takes time in proportion to the text, and any depth. Throws SyntaxError.
 */
export function parseJsonNumbers(text: string): unknown {
  JSON.parse(text);
  return new ValidJson(text).read();
}

interface Open {
  readonly into: unknown[] | Record<string, unknown>;
  /** Of an object, between a key and its value. */
  key?: string | undefined;
}

const BETWEEN = /[\s,:]*/y;
const NUMBER = /[-+.\deE]+/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Reads what is known to be JSON, without a call for each level. */
class ValidJson {
  readonly #text: string;
  #at = 0;
  readonly #open: Open[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    for (;;) {
      this.#take(BETWEEN);
      const first = this.#text[this.#at];
      if (first === '{' || first === '[') {
        this.#at++;
        this.#open.push({ into: first === '{' ? Object.create(null) : [] });
        continue;
      }
      const value = first === '}' || first === ']' ? this.#close() : this.#plain(first);
      const parent = this.#open.at(-1);
      if (parent === undefined) return value;
      put(parent, value);
    }
  }

  #close(): unknown {
    this.#at++;
    return this.#open.pop()?.into;
  }

  #plain(first: string | undefined): unknown {
    switch (first) {
      case '"':
        return this.#string();
      case 't':
        return this.#word(true);
      case 'f':
        return this.#word(false);
      case 'n':
        return this.#word(null);
      default:
        return new JsonNumber(this.#take(NUMBER));
    }
  }

  #word(value: boolean | null): boolean | null {
    this.#at += String(value).length;
    return value;
  }

  #string(): string {
    const start = this.#at++;
    let isPlain = true;
    for (let code = this.#code(); code !== QUOTE; code = this.#code()) {
      if (code === BACKSLASH) isPlain = false;
      this.#at += code === BACKSLASH ? 2 : 1;
    }
    this.#at++;
    return isPlain ? this.#text.slice(start + 1, this.#at - 1) : JSON.parse(this.#text.slice(start, this.#at));
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [''];
    this.#at += found.length;
    return found;
  }
}

function put(parent: Open, value: unknown): void {
  if (Array.isArray(parent.into)) parent.into.push(value);
  else if (parent.key === undefined) parent.key = value as string;
  else {
    parent.into[parent.key] = value;
    parent.key = undefined;
  }
}
