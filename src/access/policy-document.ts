/**
 * Policy documents, read once into a form that is quickly evaluated: identity policies (of the credentials file) and
 * resource policies (of functions and layer versions).
 */
import { type Condition, PolicyError, readCondition } from './policy-conditions.ts';
import { type ArnPattern, readArnPattern, readTemplate, type Template } from './policy-pattern.ts';

export { PolicyError } from './policy-conditions.ts';

/** Identity policies have no Principal, resource policies must have one. */
export type PolicyKind = 'identity' | 'resource';

export interface Policy {
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** Lower case. */
  readonly actions: Patterns<Template>;
  readonly resources: Patterns<ArnPattern>;
  /** Absent in identity policies. */
  readonly principals?: Patterns<PrincipalPattern>;
  /** All of them must be met. */
  readonly conditions: readonly Condition[];
}

/** The values of an element, or of its Not form. */
export interface Patterns<Pattern> {
  readonly negated: boolean;
  readonly patterns: readonly Pattern[];
}

/** Services and federated users are nobody who signs with an access key: they are left out. */
export type PrincipalPattern =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'account'; readonly account: string }
  | { readonly kind: 'arn'; readonly arn: string };

type Json = Readonly<Record<string, unknown>>;

const VERSION_WITH_VARIABLES = '2012-10-17';
const VERSIONS: readonly unknown[] = [VERSION_WITH_VARIABLES, '2008-10-17'];
const DOCUMENT_MEMBERS = ['Version', 'Id', 'Statement'];
const STATEMENT_MEMBERS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];
const ACTION = /^(\*|[a-zA-Z0-9-*?]+:[a-zA-Z0-9*?]+)$/;
const PRINCIPAL_KINDS = ['AWS', 'Service', 'Federated', 'CanonicalUser'];
const ACCOUNT = /^\d{12}$/;
const ROOT_ARN = /^arn:[a-z-]+:iam::(\d{12}):root$/;
const PRINCIPAL_ARN = /^arn:[a-z-]+:(iam|sts)::\d{12}:\S+$/;

/**
 * Reads a whole document. `where` begins the text of errors.
 *
 * @throws PolicyError
 */
export function readPolicy(document: unknown, kind: PolicyKind, where: string): Policy {
  try {
    const json = object(document, 'the policy');
    onlyMembers(json, DOCUMENT_MEMBERS, 'the policy');
    const { Version: version = '2008-10-17', Statement: statements } = json;
    if (!VERSIONS.includes(version)) throw new PolicyError(`Version is neither ${VERSIONS.join(' nor ')}`);
    if (statements === undefined) throw new PolicyError('the policy has no Statement');
    return readStatements(list(statements), version as string, kind);
  } catch (error) {
    if (error instanceof PolicyError) throw new PolicyError(`${where}: ${error.message}`);
    throw error;
  }
}

/**
 * Reads statements alone, as they are kept of a resource.
 *
 * @throws PolicyError
 */
export function readStatements(statements: readonly unknown[], version: string, kind: PolicyKind): Policy {
  const variables = version === VERSION_WITH_VARIABLES;
  return { statements: statements.map((one, at) => readStatement(one, at + 1, variables, kind)) };
}

function readStatement(given: unknown, number: number, variables: boolean, kind: PolicyKind): Statement {
  const what = `statement ${number}`;
  try {
    const json = object(given, 'it');
    onlyMembers(json, STATEMENT_MEMBERS, 'it');
    const { Effect: effect, Sid: sid } = json;
    if (effect !== 'Allow' && effect !== 'Deny') throw new PolicyError('Effect is neither Allow nor Deny');
    if (sid !== undefined && typeof sid !== 'string') throw new PolicyError('Sid is not a text');
    const principals = readPrincipals(json, kind);
    return {
      effect,
      actions: readEither(json, 'Action', readAction),
      resources: readEither(json, 'Resource', (text) => readResource(text, variables)),
      ...(principals === undefined ? {} : { principals }),
      conditions: readConditions(json['Condition'], variables),
    };
  } catch (error) {
    if (error instanceof PolicyError) throw new PolicyError(`${what}: ${error.message}`);
    throw error;
  }
}

function readEither<Pattern>(json: Json, name: string, read: (text: string) => Pattern): Patterns<Pattern> {
  const negated = json[name] === undefined;
  if (!negated && json[`Not${name}`] !== undefined) throw new PolicyError(`it has both ${name} and Not${name}`);
  const given = json[negated ? `Not${name}` : name];
  if (given === undefined) throw new PolicyError(`it has neither ${name} nor Not${name}`);
  const values = list(given);
  if (values.length === 0) throw new PolicyError(`${name} is empty`);
  return { negated, patterns: values.map((value) => read(text(value, name))) };
}

function readAction(action: string): Template {
  if (!ACTION.test(action)) throw new PolicyError(`'${action}' is not an action such as lambda:GetFunction`);
  return readTemplate(action.toLowerCase(), { wildcards: true, variables: false });
}

function readResource(resource: string, variables: boolean): ArnPattern {
  const pattern = readArnPattern(resource, variables);
  if (pattern === undefined) throw new PolicyError(`Resource ${resource} must be in ARN format or "*"`);
  return pattern;
}

function readPrincipals(json: Json, kind: PolicyKind): Patterns<PrincipalPattern> | undefined {
  const { Principal: given, NotPrincipal: not } = json;
  if (given === undefined && not === undefined) {
    if (kind === 'identity') return undefined;
    throw new PolicyError('it has neither Principal nor NotPrincipal');
  }
  if (kind === 'identity') throw new PolicyError('a policy of an identity has no Principal');
  if (given !== undefined && not !== undefined) throw new PolicyError('it has both Principal and NotPrincipal');
  const principal = given ?? not;
  const negated = given === undefined;
  if (principal === '*') return { negated, patterns: [{ kind: 'everyone' }] };
  const byKind = object(principal, 'Principal');
  onlyMembers(byKind, PRINCIPAL_KINDS, 'Principal');
  for (const [name, values] of Object.entries(byKind)) for (const value of list(values)) text(value, name);
  return { negated, patterns: list(byKind['AWS'] ?? []).map((value) => readPrincipal(text(value, 'Principal'))) };
}

function readPrincipal(principal: string): PrincipalPattern {
  if (principal === '*') return { kind: 'everyone' };
  const account = ACCOUNT.test(principal) ? principal : ROOT_ARN.exec(principal)?.[1];
  if (account !== undefined) return { kind: 'account', account };
  if (PRINCIPAL_ARN.test(principal)) return { kind: 'arn', arn: principal };
  throw new PolicyError(`'${principal}' is neither an account nor the ARN of a user or role`);
}

function readConditions(given: unknown, variables: boolean): readonly Condition[] {
  if (given === undefined) return [];
  return Object.entries(object(given, 'Condition')).flatMap(([operator, keys]) =>
    Object.entries(object(keys, operator)).map(([key, values]) => readCondition(operator, key, values, variables)),
  );
}

function object(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new PolicyError(`${what} is not an object`);
}

function onlyMembers(json: Json, names: readonly string[], what: string): void {
  const other = Object.keys(json).find((name) => !names.includes(name));
  if (other !== undefined) throw new PolicyError(`${what} has a member that no policy has: ${other}`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new PolicyError(`${what} is not a text`);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
