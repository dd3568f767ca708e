/**
 * Whether JSON fits a filter pattern (lambda-facts 8.4), in time proportional to pattern times JSON.
 *
 * A field whose value is an array fits when one of its elements does, arrays in arrays included. A pattern inside an
 * array of objects must fit one and the same object. What `{"exists":false}` asks for is that there is no value at the
 * field's path: in that object where something else in the pattern has chosen one, in all of them otherwise.
 * An object or an empty array is no value: `exists` sees leaves only.
 */
import { compileLeaf, type LeafTest, type LeafValue } from './filter-leaf.ts';
import type { FieldRule, FilterPattern } from './filter-pattern.ts';
import { isJsonObject, type JsonObject } from './json-numbers.ts';

export interface CompiledPattern {
  readonly fields: readonly (readonly [name: string, rule: CompiledRule])[];
  readonly alternatives?: readonly CompiledPattern[];
  /** It holds where there is nothing at all. */
  readonly fitsAbsence: boolean;
  /** Somewhere in it numbers are compared as they are written. */
  readonly readsNumbers: boolean;
}

export type CompiledRule =
  | ({ readonly type: 'leaf' } & LeafTest)
  | { readonly type: 'nested'; readonly pattern: CompiledPattern; readonly fitsAbsence: boolean };

/** `absent`: it fits, but by what is not there alone. */
export type Verdict = 'no' | 'absent' | 'value';

/** In the place of a field's value: no rule on the field fits. */
export const MISFIT = Symbol('misfit');

export function compilePattern(pattern: FilterPattern): CompiledPattern {
  const fields = [...pattern.fields].map(([name, rule]) => [name, compileRule(rule)] as const);
  const alternatives = pattern.alternatives?.map(compilePattern);
  const rules = fields.map(([, rule]) => (rule.type === 'leaf' ? rule : rule.pattern));
  const fitsAbsence = rules.every((rule) => rule.fitsAbsence) && (alternatives?.some((one) => one.fitsAbsence) ?? true);
  const readsNumbers = [...rules, ...(alternatives ?? [])].some((rule) => rule.readsNumbers);
  return { fields, fitsAbsence, readsNumbers, ...(alternatives && { alternatives }) };
}

function compileRule(rule: FieldRule): CompiledRule {
  if (rule.type === 'leaf') return { type: 'leaf', ...compileLeaf(rule.matchers) };
  const pattern = compilePattern(rule.pattern);
  return { type: 'nested', pattern, fitsAbsence: pattern.fitsAbsence };
}

/** `read`: the value of a field, undefined when there is none, or MISFIT. */
export function verdictOf<Fields>(
  { fields, alternatives }: CompiledPattern,
  source: Fields,
  read: (source: Fields, name: string, type: CompiledRule['type']) => unknown,
): Verdict {
  let verdict: Verdict = 'absent';
  for (const [name, rule] of fields) {
    const one = ruleVerdict(rule, read(source, name, rule.type));
    if (one === 'no') return 'no';
    if (one === 'value') verdict = 'value';
  }
  if (alternatives === undefined) return verdict;
  let best: Verdict = 'no';
  for (const alternative of alternatives) {
    const one = verdictOf(alternative, source, read);
    if (one === 'value') return 'value';
    if (one === 'absent') best = verdict;
  }
  return best;
}

/** Objects come from JSON.parse, which has own properties of any name, `__proto__` among them. */
export function ownField(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function ruleVerdict(rule: CompiledRule, value: unknown): Verdict {
  if (value === MISFIT) return 'no';
  if (rule.type === 'leaf') return leafVerdict(rule, value);
  if (isJsonObject(value)) return verdictOf(rule.pattern, value, ownField);
  if (Array.isArray(value)) {
    for (const element of elementsOf(value))
      if (isJsonObject(element) && verdictOf(rule.pattern, element, ownField) === 'value') return 'value';
    return isAbsent(rule, [value]) ? 'absent' : 'no';
  }
  return rule.fitsAbsence ? 'absent' : 'no';
}

function leafVerdict(test: LeafTest, value: unknown): Verdict {
  let isThere = false;
  for (const element of Array.isArray(value) ? elementsOf(value) : [value]) {
    if (element === undefined || isJsonObject(element)) continue;
    if (test.fits(element as LeafValue)) return 'value';
    isThere = true;
  }
  return test.fitsAbsence && !isThere ? 'absent' : 'no';
}

/** Whether the rule fits all of the values by there being nothing in any of them that it is about. */
function isAbsent(rule: CompiledRule, values: readonly unknown[]): boolean {
  if (!rule.fitsAbsence) return false;
  if (rule.type === 'leaf') return values.every((value) => leafVerdict(rule, value) === 'absent');
  const objects = values.flatMap((value) => [...elementsOf(value)].filter(isJsonObject));
  return isAbsentFrom(rule.pattern, objects);
}

function isAbsentFrom({ fields, alternatives }: CompiledPattern, objects: readonly JsonObject[]): boolean {
  for (const [name, rule] of fields) {
    const values = objects.map((object) => ownField(object, name));
    if (!isAbsent(rule, values)) return false;
  }
  return alternatives?.some((one) => isAbsentFrom(one, objects)) ?? true;
}

/** What is in an array and the arrays in it, however deep; of anything else, itself. */
function* elementsOf(value: unknown): Generator<unknown> {
  if (!Array.isArray(value)) {
    yield value;
    return;
  }
  const open = [{ array: value as readonly unknown[], at: 0 }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (top.at === top.array.length) open.pop();
    else {
      const element = top.array[top.at++];
      if (Array.isArray(element)) open.push({ array: element, at: 0 });
      else yield element;
    }
  }
}
