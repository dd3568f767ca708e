/**
 * Filter patterns judged the slow way, written from what the documentation says and sharing nothing with the filters:
 * a pattern is spread out into its alternatives, a record into its values, and every way of giving each field of an
 * alternative one of the values is tried.
 */
import type { Tree } from './json-tree.ts';

/** A field of a pattern that leads to matchers. */
interface Demand {
  readonly path: readonly string[];
  readonly matchers: readonly Tree[];
}

/** A value of a record, with the places in arrays that it is found at. */
interface Found {
  readonly path: string;
  readonly value: Tree;
  readonly places: ReadonlyMap<number, number>;
}

/** What a record has under the names of its texts, beside the tree of all that is JSON. */
export interface NaiveRecord {
  readonly fields: Tree;
  /** Names of texts, and whether the text is JSON; its tree or its string is in `fields`. */
  readonly texts: ReadonlyMap<string, boolean>;
}

export function naivelyFits(pattern: Tree, record: NaiveRecord): boolean {
  const found = spreadRecord(record.fields);
  return spreadPattern(pattern).some((demands) => {
    const misfit = demands.some(({ path: [top = '', ...rest] }) => {
      const isJson = record.texts.get(top);
      return isJson !== undefined && isJson !== rest.length > 0;
    });
    return !misfit && canGive(demands, found, [], []);
  });
}

function spreadPattern(pattern: Tree, path: readonly string[] = []): Demand[][] {
  if (pattern.type !== 'object') throw new Error('a pattern is an object');
  let ways: Demand[][] = [[]];
  for (const [name, value] of pattern.fields) {
    let more: Demand[][];
    if (name === '$or' && value.type === 'array') more = value.items.flatMap((one) => spreadPattern(one, path));
    else if (value.type === 'array') more = [[{ path: [...path, name], matchers: value.items }]];
    else more = spreadPattern(value, [...path, name]);
    ways = ways.flatMap((way) => more.map((one) => [...way, ...one]));
  }
  return ways;
}

function spreadRecord(record: Tree): Found[] {
  const found: Found[] = [];
  let arrays = 0;
  const walk = (value: Tree, path: readonly string[], places: ReadonlyMap<number, number>) => {
    if (value.type === 'object') for (const [name, one] of value.fields) walk(one, [...path, name], places);
    else if (value.type === 'array') {
      const array = arrays++;
      for (const [at, one] of value.items.entries()) walk(one, path, new Map([...places, [array, at]]));
    } else found.push({ path: path.join('\0'), value, places });
  };
  walk(record, [], new Map());
  return found;
}

/** Tries to give each of the demands a value, all of them from the same elements of arrays, or the absence of any. */
function canGive(
  [demand, ...rest]: readonly Demand[],
  found: readonly Found[],
  given: readonly Found[],
  absent: readonly Demand[],
): boolean {
  const together = (one: Found) =>
    given.every((other) => [...one.places].every(([array, at]) => (other.places.get(array) ?? at) === at));
  if (demand === undefined)
    return absent.every(({ path }) => !found.some((one) => one.path === path.join('\0') && together(one)));
  const candidates = found.filter((one) => one.path === demand.path.join('\0') && together(one));
  if (
    candidates.some(
      (one) =>
        demand.matchers.some((matcher) => fits(matcher, one.value)) && canGive(rest, found, [...given, one], absent),
    )
  )
    return true;
  return demand.matchers.some(asksForAbsence) && canGive(rest, found, given, [...absent, demand]);
}

function asksForAbsence(matcher: Tree): boolean {
  const [[name, operand] = []] = matcher.type === 'object' ? matcher.fields : [];
  return name === 'exists' && operand?.type === 'word' && operand.value === false;
}

function fits(matcher: Tree, value: Tree): boolean {
  if (matcher.type !== 'object') return isSame(matcher, value);
  const [[name, operand] = []] = matcher.fields;
  if (operand === undefined) throw new Error('a matcher has an operator');
  switch (name) {
    case 'exists':
      return operand.type === 'word' && operand.value === true;
    case 'equals-ignore-case':
      return upper(operand) === upper(value);
    case 'prefix':
    case 'suffix': {
      if (value.type !== 'string') return false;
      const [all, part] =
        operand.type === 'object' ? [upper(value), upper(operand.fields[0]?.[1])] : [value.value, textOf(operand)];
      const start = name === 'prefix' ? 0 : (all ?? '').length - (part ?? '').length;
      return start >= 0 && (all ?? '').slice(start, start + (part ?? '').length) === part;
    }
    case 'anything-but':
      return !(operand.type === 'array' ? operand.items : [operand]).some((one) => isSame(one, value));
    case 'numeric':
      return operand.type === 'array' && isInRange(operand.items, value);
    default:
      throw new Error(`no operator ${name}`);
  }
}

function isSame(one: Tree, other: Tree): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function upper(value: Tree | undefined): string | undefined {
  return value?.type === 'string' ? value.value.toUpperCase() : undefined;
}

function textOf(value: Tree): string | undefined {
  return value.type === 'string' ? value.value : undefined;
}

function isInRange(comparisons: readonly Tree[], value: Tree): boolean {
  if (value.type !== 'number' || Math.abs(Number(value.text)) > 5_000_000_000) return false;
  const number = sixDecimals(value);
  for (let at = 0; at < comparisons.length; at += 2) {
    const bound = sixDecimals(comparisons[at + 1]);
    const holds = {
      '=': number === bound,
      '<': number < bound,
      '<=': number <= bound,
      '>': number > bound,
      '>=': number >= bound,
    };
    const [comparison] = [comparisons[at]];
    if (comparison === undefined || !holds[textOf(comparison) as keyof typeof holds]) return false;
  }
  return true;
}

function sixDecimals(value: Tree | undefined): number {
  return value?.type === 'number' ? Number(Number(value.text).toFixed(6)) : Number.NaN;
}
