import type { Shape } from '../model/shape.ts';
import { enumSet } from './enum-text.ts';
import { shapeNamed } from './json-value.ts';
import { compilePattern } from './pattern.ts';
import { renderNumber } from './rendered-value.ts';

/** One constraint of a shape: the tail of AWS's text and the test of a value that is not null. */
export interface Constraint {
  readonly text: string;
  readonly holds: (value: never) => boolean;
}

/** Where the model gives no maximum, longer texts are not matched against a pattern. */
const PATTERN_CHARS_MAX = 65_536;

export const NOT_NULL = 'Member must not be null';

function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  return Object.keys(value as object).length;
}

function bounds(shape: Shape): Constraint[] {
  const numeric = shape.type === 'integer' || shape.type === 'long' || shape.type === 'double';
  const measure = numeric ? (value: never) => value as number : lengthOf;
  const noun = numeric ? 'value' : 'length';
  const { min, max } = shape;
  const result: Constraint[] = [];
  if (max !== undefined)
    result.push({
      text: `Member must have ${noun} less than or equal to ${renderNumber(max, shape.type)}`,
      holds: (value) => measure(value) <= max,
    });
  if (min !== undefined)
    result.push({
      text: `Member must have ${noun} greater than or equal to ${renderNumber(min, shape.type)}`,
      holds: (value) => measure(value) >= min,
    });
  return result;
}

const compiled = new Map<string, readonly Constraint[]>();

/** The constraints of a shape in the order in which AWS's texts list them: upper bound, lower bound, pattern, enum. */
export function constraintsOf(shapeName: string): readonly Constraint[] {
  const known = compiled.get(shapeName);
  if (known) return known;
  const shape = shapeNamed(shapeName);
  const result = bounds(shape);
  if (shape.pattern !== undefined) {
    const pattern = compilePattern(shape.pattern);
    // A text far beyond its maximum is refused for that; matching it would let a stranger choose the work.
    const charsMax = shape.max === undefined ? PATTERN_CHARS_MAX : 2 * shape.max;
    result.push({
      text: `Member must satisfy regular expression pattern: ${shape.pattern}`,
      holds: (value: string) => value.length > charsMax || pattern.test(value),
    } as Constraint);
  }
  if (shape.enum) {
    const values = new Set(shape.enum);
    result.push({
      text: `Member must satisfy enum value set: ${enumSet(shapeName)}`,
      holds: (value: string) => values.has(value),
    } as Constraint);
  }
  compiled.set(shapeName, result);
  return result;
}
