/**
 * Requests that break one constraint of the model each, with the text that AWS answers: both from model/lambda.api.json
 * and the rules of those texts alone, without the code that is tested.
 */
import {
  DEPTH_MAX,
  DIRECT_LISTS,
  ELEMENTS_MAX,
  isNumber,
  isScalar,
  isValid,
  LENGTH_MAX,
  lower,
  matches,
  model,
  type RawMember,
  type RawOperation,
  type RawShape,
  REFUSED,
  rulesOf,
  sample,
  shapeOf,
  UNNAMED_NULL,
  valueText,
} from './generated-validation-model.ts';
import { inputOf, requestOf } from './request-of.ts';

export interface ValidationCase {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Absent: the request is accepted. */
  readonly refusal?: { readonly name: string; readonly message: string | RegExp };
}

/** A structure inside a list has a form of its own, of which no recording exists. */
function canShow(name: string): boolean {
  const shape = shapeOf(name);
  if (shape.sensitive) return true;
  if (shape.type === 'list') return canShow(shape.member?.shape ?? '');
  if (shape.type === 'map') return canShow(shape.value?.shape ?? '');
  return shape.type !== 'structure' && shape.type !== 'blob';
}

/** Where in the input a value stands, and how to put another one there. */
interface Place {
  readonly operation: string;
  readonly shape: string;
  /** As texts name it: camelCase, elements counted from 1. */
  readonly path: string;
  readonly location: RawMember['location'];
  readonly required: boolean;
  /** The whole input with this value at the place; undefined takes it away. */
  readonly put: (value: unknown) => Record<string, unknown>;
}

/** Every place of an operation's input, with what stands around it valid. */
function* placesOf(operation: string): Generator<Place> {
  const input = inputOf(operation);
  const name = (model.operations[operation] as RawOperation).input.shape;
  const base = sample(name) as Record<string, unknown>;
  for (const [member, { shape, location }] of Object.entries(input.members ?? {})) {
    if (member === input.payload) continue;
    const required = input.required?.includes(member) ?? false;
    const put = (value: unknown) => ({ ...base, [member]: value });
    yield* placesFrom({ operation, shape, path: lower(member), location, required, put }, 0);
  }
}

function* placesFrom(place: Place, depth: number): Generator<Place> {
  yield place;
  if (depth > DEPTH_MAX) return;
  const shape = shapeOf(place.shape);
  if (shape.type === 'structure') {
    const base = sample(place.shape) as Record<string, unknown>;
    for (const [member, { shape: own }] of Object.entries(shape.members ?? {})) {
      const inner: Place = {
        ...place,
        shape: own,
        path: `${place.path}.${lower(member)}`,
        required: shape.required?.includes(member) ?? false,
        put: (value) => place.put({ ...base, [member]: value }),
      };
      yield* placesFrom(inner, depth + 1);
    }
    return;
  }
  // Scalars in lists and maps are refused as a part of these: elementCases has them.
  const own = shape.type === 'list' ? shape.member?.shape : shape.type === 'map' ? shape.value?.shape : undefined;
  if (own === undefined || isScalar(shapeOf(own))) return;
  const key = shape.type === 'map' ? (sample(shape.key?.shape ?? '') as string) : '';
  const inner: Place = {
    ...place,
    shape: own,
    path: shape.type === 'list' ? `${place.path}.1.member` : `${place.path}.${key}`,
    required: false,
    put: (value) => place.put(shape.type === 'list' ? [value] : { [key]: value }),
  };
  // The element itself is its container's case; what is in it has places of its own.
  for (const deeper of placesFrom(inner, depth + 1)) if (deeper !== inner) yield deeper;
}

const failed = (what: string, path: string, text: string) =>
  `${what} at '${path}' failed to satisfy constraint: ${text}`;

function oneRefusal(texts: readonly string[]): NonNullable<ValidationCase['refusal']> {
  const head = texts.length === 1 ? '1 validation error' : `${texts.length} validation errors`;
  return { name: 'ValidationException', message: `${head} detected: ${texts.join('; ')}` };
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** AWS's list of runtimes is its own, neither whole nor sorted. */
function openRuntimes(refusal: NonNullable<ValidationCase['refusal']>): NonNullable<ValidationCase['refusal']> {
  const named = /enum value set: \[nodejs, nodejs4\.3[^\]]*\]/g;
  const { message } = refusal;
  if (typeof message !== 'string' || message.search(named) < 0) return refusal;
  const parts = message.split(named).map(escaped);
  return { ...refusal, message: new RegExp(`^${parts.join('enum value set: \\[[^\\]]+\\]')}$`, 's') };
}

/** Values that break a rule of a shape, each with what it breaks. */
function breakersOf(name: string): { what: string; value: unknown }[] {
  const shape = shapeOf(name);
  const { min, max } = shape;
  const found: { what: string; value: unknown }[] = [];
  const add = (what: string, value: unknown) => {
    if (value !== undefined && !isValid(name, value)) found.push({ what, value });
  };
  if (isNumber(shape)) {
    if (min !== undefined) add('too small', min - 1);
    if (max !== undefined && max < Number.MAX_SAFE_INTEGER) add('too large', max + 1);
  } else if (shape.type === 'string') {
    if (max !== undefined && max < LENGTH_MAX) add('too long', 'a'.repeat(max + 1));
    if (min !== undefined && min > 0) add('too short', 'a'.repeat(min - 1));
    add(
      'bad pattern',
      REFUSED.find((text) => shape.pattern !== undefined && fits(shape, text) && !matches(shape.pattern, text)),
    );
    if (shape.enum) add('bad enum value', 'nonesuch');
  } else if (shape.type === 'list') {
    const element = sample(shape.member?.shape ?? '');
    if (element === undefined) return found;
    if (max !== undefined && max < ELEMENTS_MAX) add('too many', Array(max + 1).fill(element));
    if (min !== undefined && min > 0) add('too few', Array(min - 1).fill(element));
  }
  return found;
}

function fits({ min = 0, max = Number.POSITIVE_INFINITY }: RawShape, text: string): boolean {
  return text.length >= min && text.length <= max;
}

function* refusedValues(place: Place): Generator<ValidationCase> {
  for (const { what, value } of breakersOf(place.shape)) {
    const rules = rulesOf(place.shape).filter(({ broken }) => broken(value));
    // A refused list shows its elements; of structures no recording says how.
    if (!canShow(place.shape)) continue;
    const isRuntime = place.path === 'runtime' && /^(Create|Update)Function/.test(place.operation);
    const refusal = isRuntime
      ? {
          name: 'InvalidParameterValueException',
          message:
            /^Value nonesuch at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.+\] or be a valid ARN$/,
        }
      : openRuntimes(oneRefusal(rules.map(({ text }) => failed(valueText(place.shape, value), place.path, text))));
    yield* caseOf(place, what, value, refusal);
  }
}

/** A list or map with an element, key or value that its own shape refuses, or with null. */
function* refusedElements(place: Place): Generator<ValidationCase> {
  const shape = shapeOf(place.shape);
  if ((shape.type !== 'list' && shape.type !== 'map') || !canShow(place.shape)) return;
  const element = (shape.type === 'list' ? shape.member : shape.value)?.shape ?? '';
  const texts = rulesOf(element).map(({ text }) => text);
  const all = UNNAMED_NULL.has(element) ? texts : [...texts, 'Member must not be null'];
  const direct = DIRECT_LISTS.has(place.shape);
  const head = shape.type === 'list' ? 'Member' : 'Map value';
  const text = direct ? texts.join(', ') : `${head} must satisfy constraint: [${all.join(', ')}]`;
  const key = shape.type === 'map' ? (sample(shape.key?.shape ?? '') as string) : '';
  const around = (value: unknown) => (shape.type === 'list' ? [value] : { [key]: value });
  const values = isScalar(shapeOf(element)) ? breakersOf(element) : [];
  // Null cannot be said in a query.
  if (place.location === undefined) values.push({ what: 'null', value: null });
  for (const { what, value } of values) {
    const refusal = openRuntimes(oneRefusal([failed(valueText(place.shape, around(value)), place.path, text)]));
    yield* caseOf(place, `element ${what}`, around(value), refusal);
  }
  if (shape.type !== 'map') return;
  const keyShape = shape.key?.shape ?? '';
  const keyText = `Map keys must satisfy constraint: [${rulesOf(keyShape)
    .map(({ text }) => text)
    .join(', ')}]`;
  for (const { what, value } of breakersOf(keyShape)) {
    const map = { [value as string]: sample(element) };
    yield* caseOf(place, `key ${what}`, map, oneRefusal([failed(valueText(place.shape, map), place.path, keyText)]));
  }
}

function* missing(place: Place): Generator<ValidationCase> {
  if (place.location === 'uri') return;
  const refusal = place.required
    ? { refusal: oneRefusal([failed('Value null', place.path, 'Member must not be null')]) }
    : {};
  for (const [what, value] of [
    ['missing', undefined],
    ['null', null],
  ] as const)
    if (place.location === undefined || value === undefined) yield* caseOf(place, what, value, refusal.refusal);
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a String',
  integer: 'an Integer',
  long: 'a Long',
  double: 'a Double',
  boolean: 'a Boolean',
  blob: 'a Blob',
};

const LIST_FOUND = 'Start of list found where not expected.';
const OBJECT_FOUND = 'Start of structure or map found where not expected.';

/** A value of another type than the model's, in each of JSON's forms. */
function* wrongTypes(place: Place): Generator<ValidationCase> {
  const shape = shapeOf(place.shape);
  const refuse = (value: unknown, message: string) =>
    caseOf(place, `${JSON.stringify(value)} for a ${shape.type}`, value, { name: 'SerializationException', message });
  const noun = NOUNS[shape.type];
  if (place.location !== undefined) {
    if (isNumber(shape)) yield* refuse('x', `STRING_VALUE can not be converted to ${noun}`);
    return;
  }
  if (!isScalar(shape)) {
    const isList = shape.type === 'list';
    yield* refuse('x', isList ? 'Expected list or null' : 'Expected structure, map or null');
    yield* refuse(1, isList ? 'Expected list or null' : 'Expected structure, map or null');
    yield* isList ? refuse({}, OBJECT_FOUND) : refuse([], LIST_FOUND);
    return;
  }
  yield* refuse([], LIST_FOUND);
  yield* refuse({}, OBJECT_FOUND);
  if (noun === undefined) return;
  if (shape.type !== 'string' && shape.type !== 'blob')
    yield* refuse('x', `STRING_VALUE can not be converted to ${noun}`);
  if (!isNumber(shape)) yield* refuse(1, `NUMBER_VALUE can not be converted to ${noun}`);
  if (shape.type !== 'double') yield* refuse(1.5, `DECIMAL_VALUE can not be converted to ${noun}`);
  if (shape.type !== 'boolean') yield* refuse(true, `TRUE_VALUE can not be converted to ${noun}`);
}

/** The request that carries an input; none where the value cannot travel. */
function* caseOf(
  place: Place,
  what: string,
  value: unknown,
  refusal: ValidationCase['refusal'],
): Generator<ValidationCase> {
  const { operation } = place;
  const encoded = requestOf(operation, place.put(value));
  if (encoded === undefined) return;
  const { method, path, headers, body } = encoded;
  yield {
    title: `${operation} ${place.path} ${what}`,
    method,
    path,
    headers,
    body: body?.toString(),
    ...(refusal ? { refusal } : {}),
  };
}

/** All cases of all operations. */
export function* validationCases(): Generator<ValidationCase> {
  for (const operation of Object.keys(model.operations))
    for (const place of placesOf(operation)) {
      yield* missing(place);
      yield* refusedValues(place);
      yield* refusedElements(place);
      yield* wrongTypes(place);
    }
}

/** Shapes that an input needs and for which no valid value is known here: their operations' cases would be wrong. */
export function unknownSamples(): string[] {
  return Object.keys(model.operations).filter((operation) => {
    const base = sample((model.operations[operation] as RawOperation).input.shape);
    return hasUndefined(base);
  });
}

function hasUndefined(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasUndefined) || Object.keys(value).includes('undefined');
}
