/** Reads a structured filter pattern from left to right: words, operators, operands, and conditions joined by && and ||. */
import { FilterPatternError, invalidPattern } from './filter-pattern-error.ts';
import { isNumeric, type Operand } from './filter-pattern-operand.ts';
import { FilterPatternRegex } from './filter-pattern-regex.ts';

/** A quota of AWS for JSON and space-delimited patterns. */
const REGEXES_MAX = 2;

const SPACE = /\s*/y;
const OPERATOR = /!=|<=|>=|=|<|>/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const REGEX = /%((?:[^%\\]|\\.)*)%/sy;
const BARE = /[^\s()&|"=<>!{}[\],%]+/y;

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=';

export class PatternScanner {
  readonly #text: string;
  #at = 0;
  #regexes = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** What the expression matches here, behind any space; undefined, and nothing passed, when that is nothing. */
  match(sticky: RegExp): RegExpExecArray | undefined {
    this.#skip(SPACE);
    return this.#skip(sticky);
  }

  take(token: string): boolean {
    this.#skip(SPACE);
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  /** Throws FilterPatternError unless the token comes next. */
  expect(token: string): void {
    if (!this.take(token)) throw invalidPattern();
  }

  /** Throws FilterPatternError unless nothing but space is left. */
  expectEnd(): void {
    this.#skip(SPACE);
    if (this.#at < this.#text.length) throw invalidPattern();
  }

  operator(): Operator | undefined {
    return this.match(OPERATOR)?.[0] as Operator | undefined;
  }

  /** `"quoted *"`, `%regex%`, `12.5e3` or `bare*`. Throws FilterPatternError. */
  operand(): Operand {
    const quoted = this.match(QUOTED)?.[1];
    if (quoted !== undefined) return { kind: 'text', parts: globParts(quoted) };
    const regex = this.match(REGEX)?.[1];
    if (regex !== undefined) {
      this.#regexes += 1;
      if (this.#regexes > REGEXES_MAX)
        throw new FilterPatternError(`Invalid filter pattern: it has more than ${REGEXES_MAX} regular expressions`);
      return { kind: 'regex', regex: new FilterPatternRegex(regex) };
    }
    const bare = this.match(BARE)?.[0];
    if (bare === undefined) throw invalidPattern();
    return isNumeric(bare)
      ? { kind: 'number', number: Number(bare), text: bare }
      : { kind: 'text', parts: bare.split('*') };
  }

  /** `leaf && (leaf || leaf)`: && binds more tightly. `leaf` reads one condition. */
  conditions<T>(leaf: () => (value: T) => boolean): (value: T) => boolean {
    return this.#joined('||', () => this.#joined('&&', () => this.#unit(leaf), 'every'), 'some');
  }

  #unit<T>(leaf: () => (value: T) => boolean): (value: T) => boolean {
    if (!this.take('(')) return leaf();
    const inner = this.conditions(leaf);
    this.expect(')');
    return inner;
  }

  #joined<T>(token: string, read: () => (value: T) => boolean, how: 'every' | 'some'): (value: T) => boolean {
    const first = read();
    const all = [first];
    while (this.take(token)) all.push(read());
    return all.length === 1 ? first : (value) => all[how]((condition) => condition(value));
  }

  #skip(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text) ?? undefined;
    if (match) this.#at += match[0].length;
    return match;
  }
}

/** The texts between the wildcards of a quoted text, in which `\` takes the meaning from what follows. */
function globParts(quoted: string): readonly string[] {
  const parts = [''];
  for (const [piece] of quoted.matchAll(/\\.|[^\\]/gsu)) {
    if (piece === '*') parts.push('');
    else parts[parts.length - 1] += piece.length > 1 && piece.startsWith('\\') ? piece.slice(1) : piece;
  }
  return parts;
}
