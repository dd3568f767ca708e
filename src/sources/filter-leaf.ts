/** The matchers of one field of a filter pattern, made ready to be asked many times. */
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
  const equal = new ScalarSet();
  const others: ValueTest[] = [];
  let fitsAbsence = false;
  for (const matcher of matchers) {
    if (matcher.type === 'equals') equal.add(matcher.value);
    else if (matcher.type === 'exists' && !matcher.exists) fitsAbsence = true;
    else others.push(testOf(matcher));
  }
  const foldsCase = matchers.some(
    (one) => one.type === 'equals-ignore-case' || ('ignoresCase' in one && one.ignoresCase),
  );
  const fits = (value: LeafValue) => {
    if (equal.has(value)) return true;
    const folded = foldsCase && typeof value === 'string' ? value.toLowerCase() : undefined;
    return others.some((test) => test(value, folded));
  };
  return { fits, fitsAbsence, readsNumbers: matchers.some(namesNumber) };
}

/** `folded`: of a string its lower case, where one of the matchers needs it. */
type ValueTest = (value: LeafValue, folded: string | undefined) => boolean;

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

function namesNumber(matcher: Matcher): boolean {
  if (matcher.type === 'equals') return matcher.value instanceof JsonNumber;
  return matcher.type === 'anything-but' && matcher.values.some((value) => value instanceof JsonNumber);
}

function testOf(matcher: Exclude<Matcher, { readonly type: 'equals' }>): ValueTest {
  switch (matcher.type) {
    case 'equals-ignore-case':
      return textTest(matcher.text, true, (value, text) => value === text);
    case 'prefix':
      return textTest(matcher.text, matcher.ignoresCase, (value, text) => value.startsWith(text));
    case 'suffix':
      return textTest(matcher.text, matcher.ignoresCase, (value, text) => value.endsWith(text));
    case 'anything-but': {
      const refused = new ScalarSet();
      for (const value of matcher.values) refused.add(value);
      return (value) => !refused.has(value);
    }
    case 'numeric':
      return rangeTest(matcher.lower, matcher.upper);
    case 'exists':
      return () => matcher.exists;
  }
}

function textTest(
  text: string,
  ignoresCase: boolean | undefined,
  fits: (value: string, text: string) => boolean,
): ValueTest {
  if (!ignoresCase) return (value) => typeof value === 'string' && fits(value, text);
  const lower = text.toLowerCase();
  return (_value, folded) => folded !== undefined && fits(folded, lower);
}

function rangeTest(lower: Bound | undefined, upper: Bound | undefined): ValueTest {
  const low = lower && { ticks: ticksOf(lower.value), inclusive: lower.inclusive };
  const high = upper && { ticks: ticksOf(upper.value), inclusive: upper.inclusive };
  return (value) => {
    // What is beyond the range is no number to compare with.
    const number = value instanceof JsonNumber ? value.value : value;
    if (typeof number !== 'number' || Math.abs(number) > NUMERIC_MAX) return false;
    const ticks = ticksOf(number);
    if (low && (low.inclusive ? ticks < low.ticks : ticks <= low.ticks)) return false;
    return !(high && (high.inclusive ? ticks > high.ticks : ticks >= high.ticks));
  };
}

function ticksOf(value: number): number {
  return Math.round(value * TICKS_PER_ONE);
}
