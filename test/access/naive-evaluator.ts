/**
 * IAM's decision once more, written for the reader instead of for speed and from the documents themselves: every
 * statement that matches is collected first, wildcards are regular expressions, and variables are replaced in the text.
 * It knows the operators that the fuzzing test draws.
 */

export interface NaiveRequest {
  readonly account: string;
  /** Undefined for root. */
  readonly user?: string;
  readonly action: string;
  readonly resource: string;
  readonly owner: string;
  /** By name in lower case. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

export interface NaiveStatement {
  readonly Effect: string;
  readonly [member: string]: unknown;
}

export function naiveDecision(
  request: NaiveRequest,
  identity: readonly NaiveStatement[],
  resource: readonly NaiveStatement[],
): 'allow' | 'deny' {
  const own = request.user === undefined ? [] : identity.filter((statement) => matches(statement, request));
  const attached = resource.filter(
    (statement) => matches(statement, request) && principal(statement, request) !== 'no',
  );
  if ([...own, ...attached].some(({ Effect }) => Effect === 'Deny')) return 'deny';
  const byIdentity = request.user === undefined || own.length > 0;
  if (request.account === request.owner) {
    const directly = attached.some((statement) => principal(statement, request) === 'me');
    return byIdentity || directly ? 'allow' : 'deny';
  }
  return byIdentity && attached.length > 0 ? 'allow' : 'deny';
}

function all(value: unknown): string[] {
  return ([] as unknown[]).concat(value ?? []).map(String);
}

function principal(statement: NaiveStatement, { account, user }: NaiveRequest): 'no' | 'account' | 'me' {
  const negated = statement['NotPrincipal'] !== undefined;
  const given = statement['Principal'] ?? statement['NotPrincipal'];
  const named = given === '*' ? ['*'] : all((given as { AWS?: unknown }).AWS);
  const me = user === undefined ? [] : [`arn:aws:iam::${account}:user/${user}`];
  const isMe = named.some((name) => name === '*' || me.includes(name));
  const isAccount = named.some((name) => name === account || name === `arn:aws:iam::${account}:root`);
  if (negated) return isMe || isAccount ? 'no' : 'me';
  return isMe ? 'me' : isAccount ? 'account' : 'no';
}

function matches(statement: NaiveStatement, request: NaiveRequest): boolean {
  const resources = all(statement['Resource'] ?? statement['NotResource']);
  const filled = resources.map((text) => fill(text, request));
  if (filled.includes(undefined)) return false;
  const action = all(statement['Action'] ?? statement['NotAction']).some((text) =>
    regExp(text.toLowerCase()).test(request.action.toLowerCase()),
  );
  const resource = filled.some((text) => arnLike(text as string, request.resource));
  if (action !== (statement['Action'] !== undefined)) return false;
  if (resource !== (statement['Resource'] !== undefined)) return false;
  return Object.entries((statement['Condition'] ?? {}) as Record<string, Record<string, unknown>>).every(
    ([operator, keys]) => Object.entries(keys).every(([key, values]) => met(operator, key, all(values), request)),
  );
}

function fill(text: string, request: NaiveRequest): string | undefined {
  let missing = false;
  const filled = text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const values = request.keys[name.toLowerCase()];
    if (values?.length !== 1) missing = true;
    return String(values?.[0]);
  });
  return missing ? undefined : filled;
}

function regExp(pattern: string): RegExp {
  const escaped = pattern.replace(/[\\^$+.()|[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
}

function arnLike(pattern: string, arn: string): boolean {
  if (pattern === '*') return true;
  const [a, b] = [pattern, arn].map((text) => /^([^:]*):([^:]*):([^:]*):([^:]*):([^:]*):(.*)$/.exec(text));
  if (!a || !b) return false;
  return [1, 2, 3, 4, 5, 6].every((part) => regExp(a[part] as string).test(b[part] as string));
}

function met(operator: string, key: string, values: string[], request: NaiveRequest): boolean {
  const requested = request.keys[key.toLowerCase()] ?? [];
  const missing = requested.length === 0;
  const same = (one: string) => values.some((value) => fill(value, request) === one);
  if (!missing && operator.includes('String') && values.some((value) => fill(value, request) === undefined))
    return false;
  switch (operator) {
    case 'StringEquals':
      return requested.some(same);
    case 'StringEqualsIfExists':
      return missing || requested.some(same);
    case 'StringNotEquals':
      return !requested.some(same);
    case 'StringLike':
      return requested.some((one) => values.some((value) => regExp(fill(value, request) as string).test(one)));
    case 'ForAllValues:StringEquals':
      return requested.every(same);
    case 'ForAnyValue:StringEquals':
      return requested.some(same);
    case 'ForAnyValue:StringNotEquals':
      return requested.some((one) => !same(one));
    case 'Null':
      return values.includes(String(missing));
    case 'NumericLessThan':
      return requested.some((one) => values.some((value) => Number(one) < Number(value)));
    case 'Bool':
      return requested.some((one) => values.includes(one));
    default:
      throw new Error(`unknown here: ${operator}`);
  }
}
