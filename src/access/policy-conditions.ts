/** The Condition element of policies: every operator of IAM, its set prefixes and `IfExists`. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import {
  arnFits,
  fillTemplate,
  fits,
  type Pattern,
  type RequestKeys,
  readArnPattern,
  readTemplate,
} from './policy-pattern.ts';

/** A policy that cannot be read; the message says where and why, in one line. */
export class PolicyError extends Error {}

/** One key of a Condition element: true when the request meets it. */
export type Condition = (keys: RequestKeys) => boolean;

/** Compares one value of the request with one of the policy; undefined when a variable of the policy has no value. */
type Comparison = (value: string, keys: RequestKeys) => boolean | undefined;

/** Reads one value of the policy. Throws PolicyError. */
type ReadValue = (value: string, variables: boolean) => Comparison;

interface Operator {
  readonly read: ReadValue;
  /** Met when the comparison is not. */
  readonly negated?: boolean;
}

const OPERATOR = /^(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?$/;

/** @throws PolicyError */
export function readCondition(operator: string, key: string, given: unknown, variables: boolean): Condition {
  const [, set, base = '', ifExists] = OPERATOR.exec(operator) ?? [];
  const name = key.toLowerCase();
  const values = readValues(given, `${operator} of ${key}`);
  if (base === 'Null') return readNull(name, values, operator);
  const found = Object.hasOwn(operators, base) ? operators[base as keyof typeof operators] : undefined;
  if (!found) throw new PolicyError(`the condition operator ${operator} does not exist`);
  const { read, negated = false }: Operator = found;
  const comparisons = values.map((value) => read(value, variables));
  const whenMissing = ifExists !== undefined || set === 'ForAllValues' || (negated && set === undefined);
  return (keys) => {
    const requested = keys(name);
    if (requested === undefined || requested.length === 0) return whenMissing;
    const results: boolean[] = [];
    for (const value of requested) {
      const compared = comparisons.map((compare) => compare(value, keys));
      if (compared.includes(undefined)) return false;
      results.push(compared.includes(true));
    }
    if (set === 'ForAllValues') return results.every((equal) => equal !== negated);
    if (set === 'ForAnyValue') return results.some((equal) => equal !== negated);
    return results.includes(true) !== negated;
  };
}

function readValues(given: unknown, what: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  return list.map((value) => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new PolicyError(`a value of ${what} is not a text, a number or a boolean`);
  });
}

/** `true` asks that the request has no such key, `false` that it has one. */
function readNull(key: string, values: readonly string[], operator: string): Condition {
  if (operator !== 'Null') throw new PolicyError(`the condition operator ${operator} does not exist`);
  const wanted = new Set(values.map((value) => readBoolean(value)));
  return (keys) => wanted.has(keys(key) === undefined);
}

function readBoolean(value: string): boolean {
  const lower = value.toLowerCase();
  if (lower !== 'true' && lower !== 'false') throw new PolicyError(`'${value}' is neither true nor false`);
  return lower === 'true';
}

function readNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

const SECONDS = /^-?\d+(\.\d+)?$/;

/** Epoch milliseconds of an ISO 8601 date or of epoch seconds. */
function readDate(text: string): number {
  return SECONDS.test(text) ? Number(text) * 1000 : Date.parse(text);
}

function textual(wildcards: boolean, foldCase: boolean): ReadValue {
  return (value, variables) => {
    const template = readTemplate(value, { wildcards, variables });
    return (requested, keys) => {
      const text = foldCase ? requested.toLowerCase() : requested;
      const pattern = fillTemplate(template, keys, text.length);
      if (pattern === undefined) return undefined;
      return fits(foldCase ? pattern.map(foldUnit) : pattern, text);
    };
  };
}

function foldUnit(unit: number): number {
  return unit < 0 ? unit : String.fromCharCode(unit).toLowerCase().charCodeAt(0);
}

function measured(read: (text: string) => number, met: (requested: number, own: number) => boolean): ReadValue {
  return (value) => {
    const own = read(value);
    if (Number.isNaN(own)) throw new PolicyError(`'${value}' is not a number or date`);
    return (requested) => met(read(requested), own);
  };
}

const readArnValue: ReadValue = (value, variables) => {
  const pattern = readArnPattern(value, variables);
  // A variable may hold a whole ARN, so that the six parts show only when it is filled in.
  if (pattern === undefined && !(variables && value.includes('${')))
    throw new PolicyError(`'${value}' is neither an ARN nor *`);
  if (pattern !== undefined) return (requested, keys) => arnFits(pattern, requested, keys);
  const template = readTemplate(value, { wildcards: true, variables });
  return (requested, keys) => {
    const filled: Pattern | undefined = fillTemplate(template, keys, requested.length);
    return filled && fits(filled, requested);
  };
};

const readBooleanValue: ReadValue = (value, variables) => {
  if (variables && value.includes('${')) return textual(false, true)(value, variables);
  const own = String(readBoolean(value));
  return (requested) => requested.toLowerCase() === own;
};

const readBinaryValue: ReadValue = (value) => {
  const own = Buffer.from(value, 'base64');
  return (requested) => Buffer.from(requested, 'base64').equals(own);
};

/** How Node writes the IPv4 address of a caller on a socket of both families. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

const readAddressValue: ReadValue = (value) => {
  const [address = '', bits, more] = value.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  const bitsMax = family === 'ipv4' ? 32 : 128;
  const length = bits === undefined ? bitsMax : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === undefined || more !== undefined || !(length <= bitsMax))
    throw new PolicyError(`'${value}' is neither an IP address nor a range of them`);
  const range = new BlockList();
  range.addSubnet(address, length, family);
  return (requested) => {
    const plain = requested.replace(MAPPED, '');
    return isIPv4(plain) ? range.check(plain, 'ipv4') : isIPv6(plain) && range.check(plain, 'ipv6');
  };
};

const equals = (a: number, b: number) => a === b;
const less = (a: number, b: number) => a < b;
const lessOrEqual = (a: number, b: number) => a <= b;
const greater = (a: number, b: number) => a > b;
const greaterOrEqual = (a: number, b: number) => a >= b;

const operators = {
  StringEquals: { read: textual(false, false) },
  StringNotEquals: { read: textual(false, false), negated: true },
  StringEqualsIgnoreCase: { read: textual(false, true) },
  StringNotEqualsIgnoreCase: { read: textual(false, true), negated: true },
  StringLike: { read: textual(true, false) },
  StringNotLike: { read: textual(true, false), negated: true },
  NumericEquals: { read: measured(readNumber, equals) },
  NumericNotEquals: { read: measured(readNumber, equals), negated: true },
  NumericLessThan: { read: measured(readNumber, less) },
  NumericLessThanEquals: { read: measured(readNumber, lessOrEqual) },
  NumericGreaterThan: { read: measured(readNumber, greater) },
  NumericGreaterThanEquals: { read: measured(readNumber, greaterOrEqual) },
  DateEquals: { read: measured(readDate, equals) },
  DateNotEquals: { read: measured(readDate, equals), negated: true },
  DateLessThan: { read: measured(readDate, less) },
  DateLessThanEquals: { read: measured(readDate, lessOrEqual) },
  DateGreaterThan: { read: measured(readDate, greater) },
  DateGreaterThanEquals: { read: measured(readDate, greaterOrEqual) },
  Bool: { read: readBooleanValue },
  BinaryEquals: { read: readBinaryValue },
  IpAddress: { read: readAddressValue },
  NotIpAddress: { read: readAddressValue, negated: true },
  ArnEquals: { read: readArnValue },
  ArnNotEquals: { read: readArnValue, negated: true },
  ArnLike: { read: readArnValue },
  ArnNotLike: { read: readArnValue, negated: true },
} as const satisfies Readonly<Record<string, Operator>>;
