/** What a structured filter pattern compares with, and how. */
import { invalidPattern } from './filter-pattern-error.ts';
import type { FilterPatternRegex } from './filter-pattern-regex.ts';

export type Operand =
  /** Texts between wildcards. */
  | { readonly kind: 'text'; readonly parts: readonly string[] }
  | { readonly kind: 'number'; readonly number: number; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: FilterPatternRegex };

/** A value that is there: its text, and its number when it is one. */
export interface Comparable {
  readonly text: string;
  readonly number: number | undefined;
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** Decimal or scientific notation. */
export function isNumeric(text: string): boolean {
  return NUMBER.test(text);
}

/** The comparison that an operator and an operand make. Throws FilterPatternError where there is no such comparison. */
export function comparison(operator: string, operand: Operand): (value: Comparable) => boolean {
  if (operator === '=') return equality(operand);
  if (operator === '!=') {
    const isEqual = equality(operand);
    return (value) => !isEqual(value);
  }
  if (operand.kind !== 'number') throw invalidPattern();
  const bound = operand.number;
  switch (operator) {
    case '<':
      return ({ number }) => number !== undefined && number < bound;
    case '<=':
      return ({ number }) => number !== undefined && number <= bound;
    case '>':
      return ({ number }) => number !== undefined && number > bound;
    default:
      return ({ number }) => number !== undefined && number >= bound;
  }
}

function equality(operand: Operand): (value: Comparable) => boolean {
  switch (operand.kind) {
    case 'regex':
      return ({ text }) => operand.regex.test(text);
    case 'number':
      return ({ number, text }) => number === operand.number || text === operand.text;
    default:
      return ({ text }) => matchesGlob(operand.parts, text);
  }
}

/** Whether a text is the parts in their order, with anything between them. Looks at each place once. */
function matchesGlob(parts: readonly string[], text: string): boolean {
  const first = parts[0] ?? '';
  if (parts.length === 1) return text === first;
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= text.length;
}
