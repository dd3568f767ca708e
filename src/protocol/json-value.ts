// Turns parsed JSON into the values of the model's shapes. Texts are those of AWS's request parser where one was seen,
// such as "STRING_VALUE can not be converted to an Integer"; the rest follow its pattern.
import { ApiError } from '../model/api-error.ts';
import { logsShapes } from '../model/logs-shapes.gen.ts';
import type { Shape } from '../model/shape.ts';
import { shapes } from '../model/shapes.gen.ts';
import { parseTimestamp } from './timestamp.ts';

const INTEGER_MAX = 2 ** 31 - 1;

const nouns: Readonly<Record<string, string>> = {
  string: 'a String',
  integer: 'an Integer',
  long: 'a Long',
  double: 'a Double',
  boolean: 'a Boolean',
  blob: 'a Blob',
  timestamp: 'a Timestamp',
};

export function shapeNamed(name: string): Shape {
  const shape = shapes[name] ?? logsShapes[name];
  if (!shape) throw new Error(`the model has no shape ${name}`);
  return shape;
}

function serialization(message: string): ApiError {
  return new ApiError('SerializationException', message);
}

/** The refusal of a scalar of the wrong type. */
export function notConvertible(value: unknown, type: string): ApiError {
  if (Array.isArray(value)) return serialization('Start of list found where not expected.');
  if (typeof value === 'object') return serialization('Start of structure or map found where not expected.');
  const token =
    typeof value === 'string'
      ? 'STRING_VALUE'
      : typeof value === 'number'
        ? Number.isInteger(value)
          ? 'NUMBER_VALUE'
          : 'DECIMAL_VALUE'
        : `${String(value).toUpperCase()}_VALUE`;
  return serialization(`${token} can not be converted to ${nouns[type] ?? type}`);
}

/**
 * The decoder skips what is not Base64, and reads the URL's variant too: text that is valid gives exactly the bytes that
 * its length promises. That is a tenth of the work of matching a package's megabytes against a pattern.
 */
function toBlob(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  const isWhole = text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding;
  if (!isWhole || text.includes('-') || text.includes('_'))
    throw serialization('Unable to decode a Blob: the text is not valid Base64.');
  return bytes;
}

function toNumber(value: unknown, type: string): number {
  if (typeof value !== 'number') throw notConvertible(value, type);
  const whole = type !== 'double';
  if (whole && !Number.isInteger(value)) throw notConvertible(value, type);
  const max = type === 'integer' ? INTEGER_MAX : type === 'long' ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE;
  if (!(Math.abs(value) <= max)) throw notConvertible(value, type);
  return value;
}

function toTimestamp(value: unknown): Date {
  if (typeof value !== 'string' && typeof value !== 'number') throw notConvertible(value, 'timestamp');
  const date = parseTimestamp(value);
  if (!date) throw serialization(`Invalid timestamp: ${JSON.stringify(value).slice(0, 100)}`);
  return date;
}

function toList(shape: Shape, value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    if (typeof value === 'object') throw serialization('Start of structure or map found where not expected.');
    throw serialization('Expected list or null');
  }
  return value.map((element) => (element === null ? null : fromJson(shape.member ?? '', element)));
}

function toMap(shape: Shape, value: unknown): Record<string, unknown> {
  const entries = Object.entries(asObject(value));
  // fromEntries defines the keys as own members, `__proto__` too.
  return Object.fromEntries(
    entries.map(([key, entry]) => [key, entry === null ? null : fromJson(shape.value ?? '', entry)]),
  );
}

/** Checks for an object (not a list, not null) and narrows to it. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) throw serialization('Start of list found where not expected.');
  if (typeof value !== 'object' || value === null) throw serialization('Expected structure, map or null');
  return value as Readonly<Record<string, unknown>>;
}

/** Copies the members of a structure that the model knows; null counts as absent. */
export function fromJsonMembers(
  members: Readonly<Record<string, { readonly shape: string }>>,
  source: Readonly<Record<string, unknown>>,
  into: Record<string, unknown>,
): void {
  for (const name in members) {
    if (!Object.hasOwn(source, name)) continue;
    const value = source[name];
    if (value !== null) into[name] = fromJson(members[name]?.shape ?? '', value);
  }
}

/**
 * Converts one parsed JSON value, not null, to the value of a shape: blobs to bytes, timestamps to Date, structures to
 * objects that hold known members only. Nulls inside lists and maps stay, for the validation to refuse.
 *
 * @throws ApiError SerializationException (400)
 */
export function fromJson(shapeName: string, value: unknown): unknown {
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'structure': {
      const result: Record<string, unknown> = {};
      fromJsonMembers(shape.members ?? {}, asObject(value), result);
      return result;
    }
    case 'list':
      return toList(shape, value);
    case 'map':
      return toMap(shape, value);
    case 'blob':
      if (typeof value !== 'string') throw notConvertible(value, 'blob');
      return toBlob(value);
    case 'timestamp':
      return toTimestamp(value);
    case 'boolean':
      if (typeof value !== 'boolean') throw notConvertible(value, 'boolean');
      return value;
    case 'string':
      if (typeof value !== 'string') throw notConvertible(value, 'string');
      return value;
    default:
      return toNumber(value, shape.type);
  }
}

const WHOLE_NUMBER = /^-?\d{1,16}$/;
const DECIMAL_NUMBER = /^-?\d{1,16}(\.\d{1,16})?$/;

/**
 * Converts the text of a path label, query parameter or header.
 *
 * @throws ApiError SerializationException (400)
 */
export function fromText(shapeName: string, text: string): unknown {
  const { type } = shapeNamed(shapeName);
  switch (type) {
    case 'string':
      return text;
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw notConvertible(text, 'boolean');
      return text === 'true';
    case 'timestamp':
      return toTimestamp(text);
    case 'integer':
    case 'long':
    case 'double':
      if (!(type === 'double' ? DECIMAL_NUMBER : WHOLE_NUMBER).test(text)) throw notConvertible(text, type);
      return toNumber(Number(text), type);
    default:
      throw new Error(`a ${type} does not travel as text`);
  }
}
