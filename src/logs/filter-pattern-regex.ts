/**
 * Regular expressions of filter patterns, in the part that CloudWatch Logs allows
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html): letters, digits, `:_#=@/;,-`, the
 * operators `^ $ ? [ ] { } | \ * + .`, and \d \D \s \S \w \W \xhh. No groups.
 *
 * Runs in time that is linear in the text: all places in the expression at once, remembered as states of an automaton that
 * is made as texts need it. Other characters than the first 256 are told apart by no expression.
 */
import { FilterPatternError } from './filter-pattern-error.ts';
import {
  ACCEPT,
  ANCHOR_END,
  ANCHOR_START,
  type Program,
  parseRegex,
  symbolOf,
} from './filter-pattern-regex-program.ts';

/** What is remembered of the automaton: a megabyte, and some more for expressions that repeat much. */
const STATES_MAX = 500;
const SYMBOLS = 257;
/** Work on one text, in places looked at: two tenths of a second. Others wait so long. */
const STEPS_MAX = 4_000_000;

interface State {
  /** Places in the program that wait for a character. */
  readonly places: readonly number[];
  readonly isMatch: boolean;
  readonly next: (State | undefined)[];
}

export class FilterPatternRegex {
  readonly #program: Program;
  readonly #states = new Map<string, State>();
  /** At which round a place was last added, so that each is added once. */
  readonly #marks: Uint32Array;
  #round = 0;
  readonly #first: State;

  /** Throws FilterPatternError. */
  constructor(source: string) {
    this.#program = parseRegex(source);
    this.#marks = new Uint32Array(this.#program.kinds.length);
    this.#first = this.#entered([], 0, { isStart: true, isEnd: false });
  }

  /** Whether the expression matches somewhere in the text. Throws FilterPatternError when that takes too much work. */
  test(text: string): boolean {
    // `$` holds at the end and before a line's end there, as in Java.
    const endAt = text.endsWith('\r\n') ? text.length - 2 : text.endsWith('\n') ? text.length - 1 : text.length;
    const isEnd = (at: number) => at === endAt || at === text.length;
    let state = isEnd(0) ? this.#entered([], 0, { isStart: true, isEnd: true }) : this.#first;
    let steps = 0;
    for (let at = 0; at < text.length; at += 1) {
      if (state.isMatch) return true;
      const symbol = symbolOf(text.charCodeAt(at));
      // The last places are not like others, and are not remembered.
      const known = at + 1 < endAt ? state.next[symbol] : undefined;
      if (known) {
        state = known;
        continue;
      }
      steps += state.places.length + this.#program.starts.length;
      if (steps > STEPS_MAX) throw new FilterPatternError('The regular expression takes too long on these log events');
      const from = state;
      state = this.#entered(from.places, symbol, { isStart: false, isEnd: isEnd(at + 1) });
      if (at + 1 < endAt) state = this.#remembered(from, symbol, state);
    }
    return state.isMatch;
  }

  /** The state after a symbol: where the waiting places lead, and the beginnings, since a match may begin anywhere. */
  #entered(
    places: readonly number[],
    symbol: number,
    where: { readonly isStart: boolean; readonly isEnd: boolean },
  ): State {
    const { sets, repeats, starts } = this.#program;
    this.#round += 1;
    const found: number[] = [];
    let isMatch = false;
    for (const place of places)
      if (sets[place]?.[symbol]) isMatch = this.#reach(repeats[place] ? place : place + 1, where, found) || isMatch;
    for (const start of starts) isMatch = this.#reach(start, where, found) || isMatch;
    return { places: found, isMatch, next: [] };
  }

  /** Adds the place and those that are reached from it without a character; true when the end is among them. */
  #reach(from: number, where: { readonly isStart: boolean; readonly isEnd: boolean }, found: number[]): boolean {
    const { kinds, skips } = this.#program;
    for (let place = from; this.#marks[place] !== this.#round; place += 1) {
      this.#marks[place] = this.#round;
      const kind = kinds[place];
      if (kind === ACCEPT) return true;
      if (kind === ANCHOR_START || kind === ANCHOR_END) {
        if (!(kind === ANCHOR_START ? where.isStart : where.isEnd)) return false;
        continue;
      }
      found.push(place);
      if (!skips[place]) return false;
    }
    return false;
  }

  #remembered(from: State, symbol: number, to: State): State {
    if (this.#states.size >= STATES_MAX) return to;
    const key = `${to.isMatch ? '!' : ''}${to.places.join()}`;
    const known = this.#states.get(key) ?? { ...to, next: new Array<State | undefined>(SYMBOLS) };
    this.#states.set(key, known);
    from.next[symbol] = known;
    return known;
  }
}
