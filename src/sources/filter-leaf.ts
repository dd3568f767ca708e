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
  const equal = new Set<unknown>();
  const others: ((value: LeafValue) => boolean)[] = [];
  let fitsAbsence = false;
  let readsNumbers = false;
  for (const matcher of matchers) {
    if (matcher.type === 'equals') equal.add(keyOf(matcher.value));
    else if (matcher.type === 'exists' && !matcher.exists) fitsAbsence = true;
    else others.push(testOf(matcher));
    readsNumbers ||= namesNumber(matcher);
  }
  const fits = (value: LeafValue) => equal.has(keyOf(value)) || others.some((test) => test(value));
  return { fits, fitsAbsence, readsNumbers };
}

/** Equal for what exact matching holds equal; strings are set apart from the texts of numbers. */
function keyOf(value: LeafValue): unknown {
  if (typeof value === 'string') return `"${value}`;
  if (typeof value === 'number') return String(value);
  return value instanceof JsonNumber ? value.text : value;
}

function namesNumber(matcher: Matcher): boolean {
  if (matcher.type === 'equals') return matcher.value instanceof JsonNumber;
  return matcher.type === 'anything-but' && matcher.values.some((value) => value instanceof JsonNumber);
}

function testOf(matcher: Exclude<Matcher, { readonly type: 'equals' }>): (value: LeafValue) => boolean {
  switch (matcher.type) {
    case 'equals-ignore-case':
      return textTest(matcher.text, true, (value, text) => value === text);
    case 'prefix':
      return textTest(matcher.text, matcher.ignoresCase, (value, text) => value.startsWith(text));
    case 'suffix':
      return textTest(matcher.text, matcher.ignoresCase, (value, text) => value.endsWith(text));
    case 'anything-but': {
      const refused = new Set(matcher.values.map(keyOf));
      return (value) => !refused.has(keyOf(value));
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
): (value: LeafValue) => boolean {
  if (!ignoresCase) return (value) => typeof value === 'string' && fits(value, text);
  const folded = text.toLowerCase();
  return (value) => typeof value === 'string' && fits(value.toLowerCase(), folded);
}

function rangeTest(lower: Bound | undefined, upper: Bound | undefined): (value: LeafValue) => boolean {
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
