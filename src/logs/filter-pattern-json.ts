/**
 * Patterns for events in JSON: `{ ($.a.b[0] = "x*" || $.n >= 5) && $.e IS NULL }`. An event that is no JSON object or array
 * matches nothing.
 *
 * A comparison, `!=` too, is about a value that is there and is text, number or boolean; of what is missing, null, an object
 * or an array none holds. `[*]` stands for any element. Texts compare with numbers and booleans by how JSON writes them.
 */
import { invalidPattern } from './filter-pattern-error.ts';
import { type Comparable, comparison } from './filter-pattern-operand.ts';
import { PatternScanner } from './filter-pattern-scanner.ts';

type Condition = (document: unknown) => boolean;
/** A member by its name, an element by its index, or every element. */
interface Step {
  readonly key: string | number;
  readonly every: boolean;
}

const NAME = /\.([^\s.[\]=<>!()&|{}"'%,]+)/y;
const BRACKET = /\.?\[\s*(?:(\d{1,9})|(\*)|'([^']*)'|"([^"]*)")\s*\]/y;
const STATE = /(?:IS\s+(TRUE|FALSE|NULL)|(NOT)\s+EXISTS)(?![\w-])/y;

/** Throws FilterPatternError; `text` begins with a brace. */
export function parseJsonPattern(text: string): (message: string) => boolean {
  const scanner = new PatternScanner(text);
  scanner.expect('{');
  const condition = scanner.conditions<unknown>(() => parseCondition(scanner));
  scanner.expect('}');
  scanner.expectEnd();
  return (message) => {
    const document = parsed(message);
    return document !== undefined && condition(document);
  };
}

function parseCondition(scanner: PatternScanner): Condition {
  const selector = parseSelector(scanner);
  const state = scanner.match(STATE);
  if (state?.[2] !== undefined) return (document) => valuesAt(document, selector).length === 0;
  if (state) {
    const wanted = JSON.parse((state[1] ?? '').toLowerCase()) as boolean | null;
    return (document) => valuesAt(document, selector).includes(wanted);
  }
  const operator = scanner.operator();
  if (operator === undefined) throw invalidPattern();
  const holds = comparison(operator, scanner.operand());
  return (document) =>
    valuesAt(document, selector).some((value) => {
      const comparable = comparableOf(value);
      return comparable !== undefined && holds(comparable);
    });
}

function parseSelector(scanner: PatternScanner): readonly Step[] {
  scanner.expect('$');
  const steps: Step[] = [];
  for (;;) {
    const bracket = scanner.match(BRACKET);
    if (bracket) {
      const [, index, every, single, double] = bracket;
      const key = index === undefined ? (single ?? double ?? '') : Number(index);
      steps.push({ key, every: every !== undefined });
      continue;
    }
    const name = scanner.match(NAME)?.[1];
    if (name === undefined) break;
    steps.push({ key: name, every: false });
  }
  if (steps.length === 0) throw invalidPattern();
  return steps;
}

function valuesAt(document: unknown, steps: readonly Step[]): readonly unknown[] {
  let values: readonly unknown[] = [document];
  for (const { key, every } of steps) {
    values = values.flatMap((value) => {
      if (Array.isArray(value)) {
        if (every) return value as unknown[];
        return typeof key === 'number' && key < value.length ? [value[key]] : [];
      }
      const isObject = typeof value === 'object' && value !== null;
      const isThere = isObject && typeof key === 'string' && !every && Object.hasOwn(value, key);
      return isThere ? [(value as Readonly<Record<string, unknown>>)[key]] : [];
    });
  }
  return values;
}

function comparableOf(value: unknown): Comparable | undefined {
  if (typeof value === 'string') return { text: value, number: undefined };
  if (typeof value === 'number') return { text: String(value), number: value };
  return typeof value === 'boolean' ? { text: String(value), number: undefined } : undefined;
}

function parsed(message: string): unknown {
  if (!/^\s*[{[]/.test(message)) return undefined;
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
