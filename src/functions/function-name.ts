/**
 * How callers name a function: bare name, partial ARN or full ARN, each with or without a qualifier, and a `Qualifier`
 * parameter beside it (lambda-facts 6.2).
 */
import { functionArn, partitionOf } from '../base/arn.ts';
import { ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import { LATEST } from './records.ts';

export interface FunctionReference {
  readonly name: string;
  /** `$LATEST`, a version number or an alias; absent when the caller gave none. */
  readonly qualifier?: string;
}

/** Only CreateFunction complains about longer names; everything else just does not find them. */
const NAME_LENGTH_MAX = 64;

const REFERENCE =
  /^(?:arn:[a-zA-Z0-9-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_$]+))?$/;

const DIGITS = /^\d+$/;

/** True for what can only be a published version; the other qualifiers are `$LATEST` and aliases. */
export function isVersionNumber(qualifier: string): boolean {
  return DIGITS.test(qualifier);
}

/** The parts of a function's name or ARN as they were written. */
export interface WrittenReference {
  readonly region?: string;
  readonly account?: string;
  readonly name: string;
  readonly qualifier?: string;
}

/** Undefined for what no function can be called. */
export function readReference(text: string): WrittenReference | undefined {
  if (!text.includes(':')) return { name: text };
  const match = REFERENCE.exec(text);
  if (!match) return undefined;
  const [, region, account, name = '', qualifier] = match;
  return {
    name,
    ...(region === undefined ? {} : { region }),
    ...(account === undefined ? {} : { account }),
    ...(qualifier === undefined ? {} : { qualifier }),
  };
}

/**
 * Name and qualifier of what the caller means. Throws ResourceNotFoundException for another region's ARN,
 * AccessDeniedException for another account's, InvalidParameterValueException when two qualifiers disagree.
 */
export function parseReference(namespace: Namespace, text: string, qualifier?: string): FunctionReference {
  if (!text.includes(':')) return qualifier === undefined ? { name: text } : { name: text, qualifier };
  const written = readReference(text);
  if (!written) throw notFound(`Function not found: ${text}`);
  const { region, account, name, qualifier: derived } = written;
  if (region !== undefined && region !== namespace.region)
    throw notFound(`Functions from '${region}' are not reachable in this region ('${namespace.region}')`);
  if (account !== undefined && account !== namespace.account) throw foreignAccount(namespace, account, name);
  if (derived !== undefined && qualifier !== undefined && derived !== qualifier)
    throw invalidParameter('The derived qualifier from the function name does not match the specified qualifier.');
  const effective = qualifier ?? derived;
  return effective === undefined ? { name } : { name, qualifier: effective };
}

/** Name and qualifier of what is kept for one qualifier of a function; `$LATEST` without one. Throws as parseReference. */
export function parseQualified(namespace: Namespace, text: string, qualifier?: string): Required<FunctionReference> {
  return { qualifier: LATEST, ...parseReference(namespace, text, qualifier) };
}

/** The name alone, for operations on the function as a whole. Throws as parseReference, and on any qualifier. */
export function parseUnqualified(namespace: Namespace, text: string): string {
  const { name, qualifier } = parseReference(namespace, text);
  if (qualifier === undefined) return name;
  throw invalidParameter(
    'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
  );
}

/** The name of a function to be made; here AWS checks its length, with a validation's text in a service error. */
export function parseNewName(namespace: Namespace, text: string): string {
  const name = parseUnqualified(namespace, text);
  if (name.length <= NAME_LENGTH_MAX) return name;
  throw invalidParameter(
    `1 validation error detected: Value '${name}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to ${NAME_LENGTH_MAX}`,
  );
}

export function functionNotFound(namespace: Namespace, name: string, qualifier?: string): ApiError {
  return notFound(`Function not found: ${functionArn(namespace.region, namespace.account, name, qualifier)}`);
}

/**
 * The last line: whoever may use another account's function has been moved into that account before an operation runs,
 * and is refused there in AWS's words. What comes here is a second function that a request names.
 */
function foreignAccount(namespace: Namespace, account: string, name: string): ApiError {
  const caller = `arn:${partitionOf(namespace.region)}:iam::${namespace.account}:root`;
  const resource = functionArn(namespace.region, account, name);
  return new ApiError(
    'AccessDeniedException',
    `User: ${caller} is not authorized to perform this operation on resource: ${resource}`,
  );
}
