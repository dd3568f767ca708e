// Where AWS was seen to differ from the model, the recording wins (lambda-facts 6.1, 15):
// - an unknown runtime of a function is InvalidParameterValueException with a text of its own;
// - lists of compatible runtimes and architectures name the enum directly, without "Member must satisfy constraint";
// - compatible runtimes are named before compatible architectures, against the order of the model;
// - lists of subnet and security group ids do not name "Member must not be null".
import { ApiError, invalidParameter } from '../model/api-error.ts';
import { type OperationName, operationModels } from '../model/operations.gen.ts';
import { type Constraint, constraintsOf, NOT_NULL } from './constraint.ts';
import { enumSet } from './enum-text.ts';
import { shapeNamed } from './json-value.ts';
import { lowerFirst, renderValue } from './rendered-value.ts';

/** Finds what is wrong with a value that is not null and adds it to `found`. */
type Check = (value: unknown, path: string, found: string[]) => void;

/** A request can break more constraints than an answer should name. */
const VIOLATIONS_MAX = 100;

/** A runtime that nobody knows is shown so far. */
const RUNTIME_CHARS_MAX = 1000;

const plainEnumLists = new Set(['CompatibleRuntimes', 'CompatibleArchitectures']);
const namedLast = 'CompatibleArchitectures';
const nullableElements = new Set(['SubnetId', 'SecurityGroupId']);
const runtimeOperations = new Set<OperationName>(['CreateFunction', 'UpdateFunctionConfiguration']);

function failed(what: string, path: string, constraint: string): string {
  return `${what} at '${path}' failed to satisfy constraint: ${constraint}`;
}

function ownCheck(shapeName: string, constraints: readonly Constraint[]): Check {
  return (value, path, found) => {
    for (const { text, holds } of constraints) {
      if (!holds(value as never)) found.push(failed(renderValue(shapeName, value), path, text));
    }
  };
}

/** Texts of the constraints on the elements of a list, or on the keys or values of a map. */
function elementTexts(shapeName: string, nullable: boolean): readonly string[] {
  const texts = constraintsOf(shapeName).map(({ text }) => text);
  return nullable ? texts : [...texts, NOT_NULL];
}

function breaks(constraints: readonly Constraint[], value: unknown): boolean {
  return value === null || constraints.some(({ holds }) => !holds(value as never));
}

function listCheck(listName: string, elementName: string): Check | undefined {
  const constraints = constraintsOf(elementName);
  const inner = innerCheck(elementName);
  const plain = plainEnumLists.has(listName);
  const rules = elementTexts(elementName, nullableElements.has(elementName)).join(', ');
  const text = plain ? constraints.map(({ text }) => text).join(', ') : `Member must satisfy constraint: [${rules}]`;
  return (value, path, found) => {
    const elements = value as readonly unknown[];
    if (elements.some((element) => breaks(constraints, element)))
      found.push(failed(renderValue(listName, value), path, text));
    if (!inner) return;
    for (let i = 0; i < elements.length && found.length < VIOLATIONS_MAX; i++) {
      if (elements[i] !== null) inner(elements[i], `${path}.${i + 1}.member`, found);
    }
  };
}

function mapCheck(mapName: string, keyName: string, valueName: string): Check {
  const keys = constraintsOf(keyName);
  const values = constraintsOf(valueName);
  const inner = innerCheck(valueName);
  const keyText = `Map keys must satisfy constraint: [${elementTexts(keyName, true).join(', ')}]`;
  const valueText = `Map value must satisfy constraint: [${elementTexts(valueName, false).join(', ')}]`;
  return (value, path, found) => {
    const entries = Object.entries(value as object);
    if (entries.some(([key]) => breaks(keys, key))) found.push(failed(renderValue(mapName, value), path, keyText));
    if (entries.some(([, entry]) => breaks(values, entry)))
      found.push(failed(renderValue(mapName, value), path, valueText));
    if (!inner) return;
    for (const [key, entry] of entries) {
      if (found.length >= VIOLATIONS_MAX) return;
      if (entry !== null) inner(entry, `${path}.${key}`, found);
    }
  };
}

function structureCheck(shapeName: string, except: ReadonlySet<string>): Check | undefined {
  const shape = shapeNamed(shapeName);
  const required = new Set(shape.required);
  const members = Object.entries(shape.members ?? {})
    .filter(([name]) => !except.has(name))
    .sort(([a], [b]) => Number(a === namedLast) - Number(b === namedLast))
    .map(([name, member]) => ({
      name,
      path: lowerFirst(name),
      required: required.has(name),
      check: checkFor(member.shape),
    }))
    .filter((member) => member.required || member.check);
  if (members.length === 0) return undefined;
  return (value, path, found) => {
    for (const member of members) {
      if (found.length >= VIOLATIONS_MAX) return;
      const own = (value as Record<string, unknown>)[member.name];
      const at = path === '' ? member.path : `${path}.${member.path}`;
      if (own !== undefined) member.check?.(own, at, found);
      else if (member.required) found.push(failed('Value null', at, NOT_NULL));
    }
  };
}

/** The check of what is inside a list, map or structure. */
function innerCheck(shapeName: string): Check | undefined {
  const shape = shapeNamed(shapeName);
  if (shape.type === 'list') return listCheck(shapeName, shape.member ?? '');
  if (shape.type === 'map') return mapCheck(shapeName, shape.key ?? '', shape.value ?? '');
  return shape.type === 'structure' ? structureCheck(shapeName, new Set()) : undefined;
}

/** The whole check of a shape; undefined when nothing about it can be wrong. */
function checkFor(shapeName: string): Check | undefined {
  const constraints = constraintsOf(shapeName);
  const inner = innerCheck(shapeName);
  if (constraints.length === 0) return inner;
  const own = ownCheck(shapeName, constraints);
  if (!inner) return own;
  return (value, path, found) => {
    const before = found.length;
    own(value, path, found);
    // The elements of a list that is too long are not looked at: their number is the stranger's choice.
    if (found.length === before) inner(value, path, found);
  };
}

/** Operation → its check; false for one whose input cannot be wrong. Compiled at the operation's first request. */
const checks = new Map<OperationName, Check | false>();

function compile(operation: OperationName): Check | false {
  const except = new Set(runtimeOperations.has(operation) ? ['Runtime'] : []);
  const check = structureCheck(operationModels[operation].input, except) ?? false;
  checks.set(operation, check);
  return check;
}

function refuseUnknownRuntime(runtime: unknown): void {
  if (typeof runtime !== 'string' || constraintsOf('Runtime').every(({ holds }) => holds(runtime as never))) return;
  throw invalidParameter(
    `Value ${runtime.slice(0, RUNTIME_CHARS_MAX)} at 'runtime' failed to satisfy constraint: ` +
      `Member must satisfy enum value set: ${enumSet('Runtime')} or be a valid ARN`,
  );
}

function complaint(check: Check | false, input: object): string | undefined {
  if (check === false) return undefined;
  const found: string[] = [];
  check(input, '', found);
  if (found.length === 0) return undefined;
  return `${found.length} validation error${found.length === 1 ? '' : 's'} detected: ${found.join('; ')}`;
}

const shapeChecks = new Map<string, Check | false>();

/**
 * What is wrong with the value of a structure, in the words of validateInput, for services whose error of this kind has
 * another name; undefined when nothing is.
 */
export function complaintAbout(shapeName: string, value: object): string | undefined {
  let check = shapeChecks.get(shapeName);
  if (check === undefined) {
    check = structureCheck(shapeName, new Set()) ?? false;
    shapeChecks.set(shapeName, check);
  }
  return complaint(check, value);
}

/**
 * Checks an input against every constraint of the model and names all that are broken in one error.
 *
 * @throws ApiError ValidationException (400) `N validation error(s) detected: Value '…' at 'camelCase.path' failed to
 *   satisfy constraint: Member must …; …`; InvalidParameterValueException (400) for an unknown runtime of a function
 */
export function validateInput(operation: OperationName, input: object): void {
  const text = complaint(checks.get(operation) ?? compile(operation), input);
  if (text !== undefined) throw new ApiError('ValidationException', text);
  if (runtimeOperations.has(operation)) refuseUnknownRuntime((input as { Runtime?: unknown }).Runtime);
}
