/**
 * Filter patterns of event source mappings, parsed into rules (lambda-facts 8.4).
 *
 * The grammar is the part of EventBridge's patterns that is there for what pollers read: equality, null, the empty
 * string, equals-ignore-case, prefix and suffix (with equals-ignore-case inside, too), anything-but with plain values,
 * numeric, exists, and `$or` across fields. EventBridge's table of comparison operators has two columns, buses and
 * pipes; what only buses know (wildcard, cidr, anything-but with another operator inside) is refused here as well.
 */
import { isJsonObject, JsonNumber, type JsonObject, parseJsonNumbers } from './json-numbers.ts';

/** All fields must hold; so must one of the alternatives of every `$or`. */
export interface FilterPattern {
  readonly fields: ReadonlyMap<string, FieldRule>;
  readonly alternatives?: readonly FilterPattern[];
}

/** A field's value is an object that fits a pattern, or it fits one of the matchers. */
export type FieldRule =
  | { readonly type: 'nested'; readonly pattern: FilterPattern }
  | { readonly type: 'leaf'; readonly matchers: readonly Matcher[] };

/** A value to be equal to. Numbers are compared as they are written: 300 and 300.0 differ. */
export type Scalar = string | boolean | null | JsonNumber;

export interface Bound {
  readonly value: number;
  readonly inclusive: boolean;
}

export type Matcher =
  | { readonly type: 'equals'; readonly value: Scalar }
  | { readonly type: 'equals-ignore-case'; readonly text: string }
  | { readonly type: 'prefix' | 'suffix'; readonly text: string; readonly ignoresCase?: true }
  | { readonly type: 'anything-but'; readonly values: readonly Scalar[] }
  /** Equal to a number: both bounds inclusive and the same. */
  | { readonly type: 'numeric'; readonly lower?: Bound; readonly upper?: Bound }
  | { readonly type: 'exists'; readonly exists: boolean };

/** A text that is no pattern; the message says what is wrong, AWS's own text does not. */
export class FilterPatternError extends Error {}

/** Throws FilterPatternError. */
export function parseFilterPattern(text: string): FilterPattern {
  let json: unknown;
  try {
    json = parseJsonNumbers(text);
  } catch {
    throw new FilterPatternError('the pattern is not JSON');
  }
  if (!isJsonObject(json)) throw new FilterPatternError('the pattern is not a JSON object');
  return parsePattern(json, 0);
}

const OR = '$or';
const ALTERNATIVES_MIN = 2;
const DEPTH_MAX = 100;
/** EventBridge compares numbers by value up to here, on both sides of zero. */
export const NUMERIC_MAX = 5e9;

function parsePattern(json: JsonObject, depth: number): FilterPattern {
  if (depth > DEPTH_MAX) throw new FilterPatternError('the pattern is nested too deeply');
  const fields = new Map<string, FieldRule>();
  let alternatives: readonly FilterPattern[] | undefined;
  for (const [name, value] of Object.entries(json)) {
    if (name === OR && isAlternatives(value)) alternatives = value.map((one) => parsePattern(one, depth + 1));
    else fields.set(name, parseField(name, value, depth));
  }
  if (fields.size === 0 && alternatives === undefined) throw new FilterPatternError('an object has no fields');
  return alternatives === undefined ? { fields } : { fields, alternatives };
}

/** Anything else under `$or` is a field that happens to have this name. */
function isAlternatives(value: unknown): value is readonly JsonObject[] {
  if (!Array.isArray(value) || value.length < ALTERNATIVES_MIN) return false;
  return value.every((one) => isJsonObject(one) && !Object.keys(one).some((name) => Object.hasOwn(operators, name)));
}

function parseField(name: string, value: unknown, depth: number): FieldRule {
  if (isJsonObject(value)) return { type: 'nested', pattern: parsePattern(value, depth + 1) };
  if (!Array.isArray(value)) throw new FilterPatternError(`'${name}' must be an object or an array`);
  if (value.length === 0) throw new FilterPatternError(`the array of '${name}' is empty`);
  return { type: 'leaf', matchers: value.map(parseMatcher) };
}

function parseMatcher(value: unknown): Matcher {
  if (isScalar(value)) return { type: 'equals', value };
  if (!isJsonObject(value)) throw new FilterPatternError('an array in an array');
  const [entry, more] = Object.entries(value);
  if (entry === undefined || more !== undefined) throw new FilterPatternError('an operator object has exactly one key');
  const [name, operand] = entry;
  const operator = Object.hasOwn(operators, name) ? operators[name as keyof typeof operators] : undefined;
  if (operator === undefined) throw new FilterPatternError(`unknown operator '${name}'`);
  return operator(operand);
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'boolean'].includes(typeof value) || value instanceof JsonNumber;
}

const operators = {
  'equals-ignore-case': (operand: unknown): Matcher => ({ type: 'equals-ignore-case', text: textOf(operand) }),
  prefix: (operand: unknown): Matcher => ({ type: 'prefix', ...affixOf(operand) }),
  suffix: (operand: unknown): Matcher => ({ type: 'suffix', ...affixOf(operand) }),
  'anything-but': anythingBut,
  numeric,
  exists: (operand: unknown): Matcher => {
    if (typeof operand !== 'boolean') throw new FilterPatternError(`'exists' takes true or false`);
    return { type: 'exists', exists: operand };
  },
};

function textOf(operand: unknown): string {
  if (typeof operand !== 'string') throw new FilterPatternError('the operator takes a string');
  return operand;
}

function affixOf(operand: unknown): { readonly text: string; readonly ignoresCase?: true } {
  if (!isJsonObject(operand)) return { text: textOf(operand) };
  const [[name, text] = [], more] = Object.entries(operand);
  if (name !== 'equals-ignore-case' || more !== undefined) throw new FilterPatternError(`unknown operator '${name}'`);
  return { text: textOf(text), ignoresCase: true };
}

/** One string or number or a list of them; a list holds strings only or numbers only. */
function anythingBut(operand: unknown): Matcher {
  const values: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  const ofOneKind =
    values.every((value) => typeof value === 'string') || values.every((value) => value instanceof JsonNumber);
  if (values.length === 0 || !ofOneKind) throw new FilterPatternError(`'anything-but' takes strings or numbers`);
  return { type: 'anything-but', values: values as readonly Scalar[] };
}

/** `["=", 5]`, one bound, or a lower bound followed by a greater upper one. */
function numeric(operand: unknown): Matcher {
  const refused = new FilterPatternError(`'numeric' takes one comparison, or a lower and an upper bound`);
  if (!Array.isArray(operand)) throw refused;
  const [first, firstNumber, second, secondNumber] = operand as readonly unknown[];
  if (!isComparable(firstNumber)) throw refused;
  const value = firstNumber.value;
  if (operand.length === 2) {
    if (first === '=') return { type: 'numeric', lower: { value, inclusive: true }, upper: { value, inclusive: true } };
    if (first === '>' || first === '>=') return { type: 'numeric', lower: bound(first, value) };
    if (first === '<' || first === '<=') return { type: 'numeric', upper: bound(first, value) };
    throw refused;
  }
  const isRange = (first === '>' || first === '>=') && (second === '<' || second === '<=');
  if (operand.length !== 4 || !isRange || !isComparable(secondNumber) || secondNumber.value <= value) throw refused;
  return { type: 'numeric', lower: bound(first, value), upper: bound(second, secondNumber.value) };
}

function isComparable(value: unknown): value is JsonNumber {
  return value instanceof JsonNumber && Math.abs(value.value) <= NUMERIC_MAX;
}

function bound(comparison: string, value: number): Bound {
  return { value, inclusive: comparison.endsWith('=') };
}
