/** Parses a regular expression of a filter pattern into a program for the automaton of filter-pattern-regex.ts. */
import { FilterPatternError } from './filter-pattern-error.ts';

/**
 * Places one behind the other, alternative by alternative. A place waits for a character of its set, is an anchor, or is the
 * end of an alternative.
 */
export interface Program {
  readonly kinds: readonly number[];
  /** By symbol, whether it is taken; undefined for anchors and ends. */
  readonly sets: readonly (Uint8Array | undefined)[];
  /** Whether the place may be passed without a character. */
  readonly skips: readonly boolean[];
  /** Whether the place waits on after its character. */
  readonly repeats: readonly boolean[];
  /** The first place of each alternative. */
  readonly starts: readonly number[];
}

export const CHARACTER = 0;
export const ANCHOR_START = 1;
export const ANCHOR_END = 2;
export const ACCEPT = 3;

/** Counted repetitions are written out; so many places they may make. */
const PLACES_MAX = 2048;
/** All characters beyond Latin-1 are one symbol. */
const OTHER = 256;

const PLAIN = /^[A-Za-z0-9:_#=@/;,-]$/;
const ESCAPED = /^[\x20-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]$/;
const QUANTIFIER = /[?*+]|\{(\d{1,4})(?:(,) ?(\d{1,4})?)?\}/y;
const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|(.))/sy;

const classes: Readonly<Record<string, (code: number) => boolean>> = {
  d: (code) => code >= 48 && code <= 57,
  // As in Java: the spaces of ASCII.
  s: (code) => code === 32 || (code >= 9 && code <= 13),
  w: (code) => (code < OTHER && /^[A-Za-z0-9]$/.test(String.fromCharCode(code))) || code === 95,
};

export function symbolOf(code: number): number {
  return code < OTHER ? code : OTHER;
}

/** Throws FilterPatternError. */
export function parseRegex(source: string): Program {
  return new RegexParser(source).parse();
}

class RegexParser {
  readonly #source: string;
  #at = 0;
  readonly #kinds: number[] = [];
  readonly #sets: (Uint8Array | undefined)[] = [];
  readonly #skips: boolean[] = [];
  readonly #repeats: boolean[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Program {
    if (this.#source === '') throw this.#invalid();
    const starts = [0];
    while (this.#at < this.#source.length) {
      const character = this.#source.charAt(this.#at);
      if (character === '|') {
        this.#at += 1;
        this.#add(ACCEPT, undefined);
        starts.push(this.#kinds.length);
      } else if (character === '^' || character === '$') {
        this.#at += 1;
        this.#add(character === '^' ? ANCHOR_START : ANCHOR_END, undefined);
      } else this.#repeated(this.#set());
    }
    this.#add(ACCEPT, undefined);
    const { kinds, sets, skips, repeats } = {
      kinds: this.#kinds,
      sets: this.#sets,
      skips: this.#skips,
      repeats: this.#repeats,
    };
    return { kinds, sets, skips, repeats, starts };
  }

  /** A set as often as the quantifier behind it says. */
  #repeated(set: Uint8Array): void {
    const [least, most] = this.#quantifier();
    if (least > most) throw this.#invalid();
    for (let count = 0; count < least; count += 1) this.#add(CHARACTER, set);
    if (most === Number.POSITIVE_INFINITY) this.#add(CHARACTER, set, true, true);
    else for (let count = least; count < most; count += 1) this.#add(CHARACTER, set, true);
  }

  #quantifier(): readonly [number, number] {
    QUANTIFIER.lastIndex = this.#at;
    const match = QUANTIFIER.exec(this.#source);
    if (!match) return [1, 1];
    const [whole, least, comma, most] = match;
    this.#at += whole.length;
    if (whole === '?') return [0, 1];
    if (whole === '*') return [0, Number.POSITIVE_INFINITY];
    if (whole === '+') return [1, Number.POSITIVE_INFINITY];
    if (comma === undefined) return [Number(least), Number(least)];
    return [Number(least), most === undefined ? Number.POSITIVE_INFINITY : Number(most)];
  }

  #set(): Uint8Array {
    const character = this.#source.charAt(this.#at);
    if (character === '[') return this.#bracketed();
    if (character === '\\') return this.#escape();
    this.#at += 1;
    if (character === '.') return setOf((code) => code !== 10 && code !== 13);
    if (!PLAIN.test(character)) throw this.#invalid();
    return setOf((code) => code === character.charCodeAt(0));
  }

  #escape(): Uint8Array {
    ESCAPE.lastIndex = this.#at;
    const match = ESCAPE.exec(this.#source);
    if (!match) throw this.#invalid();
    this.#at += match[0].length;
    const [, hex, character = ''] = match;
    if (hex !== undefined) return setOf((code) => code === Number.parseInt(hex, 16));
    const known = Object.hasOwn(classes, character.toLowerCase()) ? classes[character.toLowerCase()] : undefined;
    if (known) return setOf((code) => known(code) === (character === character.toLowerCase()));
    if (!ESCAPED.test(character)) throw this.#invalid();
    return setOf((code) => code === character.charCodeAt(0));
  }

  /** `[^a-z\d.]` */
  #bracketed(): Uint8Array {
    this.#at += 1;
    const isNegated = this.#source.charAt(this.#at) === '^';
    if (isNegated) this.#at += 1;
    const set = new Uint8Array(OTHER + 1);
    const beginsAt = this.#at;
    while (this.#source.charAt(this.#at) !== ']') {
      const first = this.#member();
      const isRange = this.#source.charAt(this.#at) === '-' && this.#source.charAt(this.#at + 1) !== ']';
      if (!isRange) {
        for (const [code, is] of first.entries()) if (is) set[code] = 1;
        continue;
      }
      this.#at += 1;
      const [from, to] = [only(first), only(this.#member())];
      if (from === undefined || to === undefined || from > to) throw this.#invalid();
      set.fill(1, from, to + 1);
    }
    if (this.#at === beginsAt) throw this.#invalid();
    this.#at += 1;
    return isNegated ? setOf((code) => !set[code]) : set;
  }

  #member(): Uint8Array {
    const character = this.#source.charAt(this.#at);
    if (character === '\\') return this.#escape();
    if (!PLAIN.test(character) && !/^[?{}|*+.^$]$/.test(character)) throw this.#invalid();
    this.#at += 1;
    return setOf((code) => code === character.charCodeAt(0));
  }

  #add(kind: number, set: Uint8Array | undefined, skips = false, repeats = false): void {
    if (this.#kinds.length >= PLACES_MAX)
      throw new FilterPatternError('Invalid regular expression: it repeats too much');
    this.#kinds.push(kind);
    this.#sets.push(set);
    this.#skips.push(skips);
    this.#repeats.push(repeats);
  }

  #invalid(): FilterPatternError {
    return new FilterPatternError(`Invalid regular expression in the filter pattern: %${this.#source}%`);
  }
}

function setOf(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: OTHER + 1 }, (_, code) => (holds(code) ? 1 : 0));
}

/** The one character of a set; undefined when it has more. */
function only(set: Uint8Array): number | undefined {
  const first = set.indexOf(1);
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : undefined;
}
