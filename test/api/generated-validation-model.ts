/** What model/lambda.api.json says of shapes, and the texts that follow from it; shares no code with the server. */
import { readFileSync } from 'node:fs';

export interface RawMember {
  readonly shape: string;
  readonly location?: 'uri' | 'querystring' | 'header' | 'statusCode';
  readonly locationName?: string;
}

export interface RawShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, RawMember>>;
  readonly required?: readonly string[];
  readonly member?: RawMember;
  readonly key?: RawMember;
  readonly value?: RawMember;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly payload?: string;
  readonly sensitive?: boolean;
}

export interface RawOperation {
  readonly http: { readonly method: string; readonly requestUri: string };
  readonly input: { readonly shape: string };
}

interface RawModel {
  readonly operations: Readonly<Record<string, RawOperation>>;
  readonly shapes: Readonly<Record<string, RawShape>>;
}

export const model = JSON.parse(
  readFileSync(new URL('../../model/lambda.api.json', import.meta.url), 'utf8'),
) as RawModel;

/** A value that a shape's own constraints let through is found among these. */
const STRINGS = [
  'f',
  'ab',
  '1',
  '$LATEST.PUBLISHED',
  '123456789012',
  'arn:aws:iam::123456789012:role/r',
  'arn:aws:lambda:eu-west-1:123456789012:function:f',
  'arn:aws:lambda:eu-west-1:123456789012:function:f:1',
  'arn:aws:lambda:eu-west-1:123456789012:layer:l:1',
  'arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0',
  'arn:aws:lambda:eu-west-1:123456789012:capacity-provider:c',
  'arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/n/00000000-0000-4000-8000-000000000000',
  'arn:aws:signer:eu-west-1:123456789012:/signing-profiles/p/abcdefghij',
  'arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0',
  'arn:aws:ec2:eu-west-1:123456789012:subnet/x',
  '/mnt/x',
  'subnet-1',
  'sg-1',
  'o-0123456789',
  'https://e.example.com',
  'e.example.com:9092',
  'lambda:GetLayerVersion',
  'lambda:InvokeFunction',
  's3.amazonaws.com',
  '2015-03-31',
  'a'.repeat(20),
  'a'.repeat(36),
  'a'.repeat(64),
];

/** What patterns refuse, short and long. */
export const REFUSED = ['#', '!', ' ', '\u0001', '##', '#'.repeat(20), '#'.repeat(36), '#'.repeat(64), '\u{1f411}'];

/** Orders in which AWS names the values of an enum; the model's otherwise. */
const RECORDED_ORDERS: Readonly<Record<string, readonly string[]>> = {
  RecursiveLoop: ['Terminate', 'Allow'],
  InvokeMode: ['RESPONSE_STREAM', 'BUFFERED'],
  EventSourcePosition: ['LATEST', 'AT_TIMESTAMP', 'TRIM_HORIZON'],
};

/** Lists whose text names the enum of their elements directly, and elements that may be null for all the text says. */
export const DIRECT_LISTS = new Set(['CompatibleRuntimes', 'CompatibleArchitectures']);
export const UNNAMED_NULL = new Set(['SubnetId', 'SecurityGroupId']);

/** Longer values than this are cut in the answer; ours alone, AWS shows all. */
const SHOWN_CHARACTERS_MAX = 10_000;
/** No case is made of a value that is larger. */
export const LENGTH_MAX = 20_000;
export const ELEMENTS_MAX = 1_500;
export const DEPTH_MAX = 8;

export function shapeOf(name: string): RawShape {
  return model.shapes[name] as RawShape;
}

export const lower = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
export const isNumber = ({ type }: RawShape) => ['integer', 'long', 'double', 'float'].includes(type);
export const isScalar = ({ type }: RawShape) => !['structure', 'list', 'map'].includes(type);

/** The whole text must match, and white space is what ASCII has of it. */
export function matches(pattern: string, text: string): boolean {
  const ascii = pattern.replaceAll('[\\s\\S]', '(?:.|\\n)').replaceAll('\\s', ' \\t\\n\\x0B\\f\\r');
  return new RegExp(`^(?:${ascii})$`, 'su').test(text);
}

function number(value: number, { type }: RawShape): string {
  return type === 'double' && Number.isInteger(value) ? value.toFixed(1) : String(value);
}

export interface Rule {
  readonly text: string;
  readonly broken: (value: unknown) => boolean;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return Object.keys(value as object).length;
}

/** The rules of a shape in the order in which the texts name them. */
export function rulesOf(name: string): Rule[] {
  const shape = shapeOf(name);
  const { min, max, pattern } = shape;
  const noun = isNumber(shape) ? 'value' : 'length';
  const rules: Rule[] = [];
  if (max !== undefined)
    rules.push({
      text: `Member must have ${noun} less than or equal to ${number(max, shape)}`,
      broken: (value) => sizeOf(value) > max,
    });
  if (min !== undefined)
    rules.push({
      text: `Member must have ${noun} greater than or equal to ${number(min, shape)}`,
      broken: (value) => sizeOf(value) < min,
    });
  if (pattern !== undefined)
    rules.push({
      text: `Member must satisfy regular expression pattern: ${pattern}`,
      broken: (value) => !matches(pattern, value as string),
    });
  if (shape.enum)
    rules.push({
      text: `Member must satisfy enum value set: [${(RECORDED_ORDERS[name] ?? shape.enum).join(', ')}]`,
      broken: (value) => !shape.enum?.includes(value as string),
    });
  return rules;
}

export function isValid(name: string, value: unknown): boolean {
  return rulesOf(name).every((rule) => !rule.broken(value));
}

/** A value that nothing is wrong with; undefined where none is known. */
export function sample(name: string, depth = 0): unknown {
  const shape = shapeOf(name);
  if (depth > DEPTH_MAX) return undefined;
  switch (shape.type) {
    case 'string':
      return shape.enum?.[0] ?? STRINGS.find((text) => isValid(name, text));
    case 'boolean':
      return true;
    case 'timestamp':
      return 1_700_000_000;
    case 'blob':
      return 'YWJj';
    case 'list':
      return Array.from({ length: Math.max(1, shape.min ?? 1) }, () => sample(shape.member?.shape ?? '', depth + 1));
    case 'map':
      return { [sample(shape.key?.shape ?? '', depth + 1) as string]: sample(shape.value?.shape ?? '', depth + 1) };
    case 'structure':
      return Object.fromEntries(
        (shape.required ?? []).map((member) => [member, sample(shape.members?.[member]?.shape ?? '', depth + 1)]),
      );
    default:
      return Math.max(1, shape.min ?? 1);
  }
}

function shown(name: string, value: unknown): string {
  const shape = shapeOf(name);
  if (value === null) return 'null';
  if (shape.type === 'list')
    return `[${(value as unknown[]).map((each) => shown(shape.member?.shape ?? '', each)).join(', ')}]`;
  if (shape.type === 'map')
    return `{${Object.entries(value as object)
      .map(([key, each]) => `${key}=${shown(shape.value?.shape ?? '', each)}`)
      .join(', ')}}`;
  return isNumber(shape) ? number(value as number, shape) : String(value);
}

/** `Value 'x'`; a value that the model calls sensitive is not shown. */
export function valueText(name: string, value: unknown): string {
  if (shapeOf(name).sensitive) return 'Value';
  const text = shown(name, value);
  return `Value '${text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text}'`;
}
