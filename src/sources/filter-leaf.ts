/**
 * The matchers of one field of a filter pattern, made ready to be asked many times. A value costs what its own length
 * is, however many the matchers are: an array of a megabyte against the longest pattern must not stop the server.
 */
import { type Bound, type Matcher, NUMERIC_MAX, type Scalar } from './filter-pattern.ts';
import { JsonNumber } from './json-numbers.ts';

/** EventBridge compares by value to six decimals, which within its range is less than a double tells apart. */
const TICKS_PER_ONE = 1e6;

/** What stands in a record at a leaf; a bare number has lost the text that it was written with. */
export type LeafValue = Scalar | number;

/** Whether a value fits one of the matchers. */
export interface LeafTest {
  fits(value: LeafValue): boolean;
  /** `{"exists":false}` is among the matchers. */
  readonly fitsAbsence: boolean;
  /** Numbers are compared as they are written. */
  readonly readsNumbers: boolean;
}

export function compileLeaf(matchers: readonly Matcher[]): LeafTest {
  const leaf = new Leaf();
  for (const matcher of matchers) leaf.add(matcher);
  const fitsAbsence = matchers.some((one) => one.type === 'exists' && !one.exists);
  return { fits: (value) => leaf.fits(value), fitsAbsence, readsNumbers: matchers.some(namesNumber) };
}

function namesNumber(matcher: Matcher): boolean {
  if (matcher.type === 'equals') return matcher.value instanceof JsonNumber;
  return matcher.type === 'anything-but' && matcher.values.some((value) => value instanceof JsonNumber);
}

class Leaf {
  readonly #equal = new ScalarSet();
  readonly #texts = new TextSet();
  /** Of texts in lower case; absent while nothing asks for them. */
  #foldedTexts: TextSet | undefined;
  readonly #ranges = new Ranges();
  /** What is in all of the lists of anything-but: every other value is in none of one of them. */
  #refused: ScalarSet | undefined;
  #fitsAll = false;

  add(matcher: Matcher): void {
    switch (matcher.type) {
      case 'equals':
        this.#equal.add(matcher.value);
        break;
      case 'equals-ignore-case':
        this.#folded().equal.add(matcher.text.toLowerCase());
        break;
      case 'prefix':
      case 'suffix':
        if (matcher.ignoresCase) this.#folded()[matcher.type].add(matcher.text.toLowerCase());
        else this.#texts[matcher.type].add(matcher.text);
        break;
      case 'anything-but': {
        const before = this.#refused;
        this.#refused = new ScalarSet();
        for (const value of matcher.values) if (before?.has(value) ?? true) this.#refused.add(value);
        break;
      }
      case 'numeric':
        this.#ranges.add(matcher.lower, matcher.upper);
        break;
      case 'exists':
        this.#fitsAll ||= matcher.exists;
    }
  }

  fits(value: LeafValue): boolean {
    if (this.#fitsAll || this.#equal.has(value)) return true;
    if (this.#refused !== undefined && !this.#refused.has(value)) return true;
    if (typeof value !== 'string') return this.#ranges.has(value);
    return this.#texts.has(value) || this.#foldedTexts?.has(value.toLowerCase()) === true;
  }

  #folded(): TextSet {
    this.#foldedTexts ??= new TextSet();
    return this.#foldedTexts;
  }
}

/** Strings are set apart from the texts of numbers. */
class ScalarSet {
  readonly #strings = new Set<string>();
  readonly #numbers = new Set<string>();
  readonly #others = new Set<LeafValue>();

  add(value: Scalar): void {
    if (typeof value === 'string') this.#strings.add(value);
    else if (value instanceof JsonNumber) this.#numbers.add(value.text);
    else this.#others.add(value);
  }

  has(value: LeafValue): boolean {
    if (typeof value === 'string') return this.#strings.has(value);
    if (value instanceof JsonNumber) return this.#numbers.has(value.text);
    return typeof value === 'number' ? this.#numbers.has(String(value)) : this.#others.has(value);
  }
}

class TextSet {
  readonly equal = new Set<string>();
  readonly prefix = new AffixSet((text, length) => text.slice(0, length));
  readonly suffix = new AffixSet((text, length) => text.slice(text.length - length));

  has(text: string): boolean {
    return this.equal.has(text) || this.prefix.has(text) || this.suffix.has(text);
  }
}

/** One look for each length that there is and that the text has. */
class AffixSet {
  readonly #byLength = new Map<number, Set<string>>();
  readonly #cut: (text: string, length: number) => string;

  constructor(cut: (text: string, length: number) => string) {
    this.#cut = cut;
  }

  add(affix: string): void {
    const known = this.#byLength.get(affix.length);
    if (known) known.add(affix);
    else this.#byLength.set(affix.length, new Set([affix]));
  }

  has(text: string): boolean {
    for (const [length, affixes] of this.#byLength)
      if (length <= text.length && affixes.has(this.#cut(text, length))) return true;
    return false;
  }
}

/** Ranges of whole ticks, both ends within, apart from one another and in order. */
class Ranges {
  #ranges: (readonly [low: number, high: number])[] = [];

  add(lower: Bound | undefined, upper: Bound | undefined): void {
    let low = lower ? ticksOf(lower.value) + (lower.inclusive ? 0 : 1) : -ticksOf(NUMERIC_MAX);
    let high = upper ? ticksOf(upper.value) - (upper.inclusive ? 0 : 1) : ticksOf(NUMERIC_MAX);
    if (low > high) return;
    const apart = this.#ranges.filter(([itsLow, itsHigh]) => itsHigh < low || itsLow > high);
    for (const [itsLow, itsHigh] of this.#ranges) {
      if (itsHigh < low || itsLow > high) continue;
      low = Math.min(low, itsLow);
      high = Math.max(high, itsHigh);
    }
    this.#ranges = [...apart, [low, high] as const].sort(([one], [other]) => one - other);
  }

  has(value: LeafValue): boolean {
    const number = value instanceof JsonNumber ? value.value : value;
    // What is beyond the range is no number to compare with.
    if (typeof number !== 'number' || Math.abs(number) > NUMERIC_MAX) return false;
    const ticks = ticksOf(number);
    let from = 0;
    let to = this.#ranges.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const [low, high] = this.#ranges[middle] ?? [0, 0];
      if (ticks < low) to = middle;
      else if (ticks > high) from = middle + 1;
      else return true;
    }
    return false;
  }
}

function ticksOf(value: number): number {
  return Math.round(value * TICKS_PER_ONE);
}
