/**
 * The patterns of policies: `*` and `?`, policy variables (`${aws:username}`, `${aws:PrincipalTag/team, 'none'}`,
 * `${*}`), and ARNs, which are compared part by part. Source: IAM's reference of the JSON policy elements.
 */

/** Values of the request's condition keys. Names are asked for in lower case; undefined: the request has no such key. */
export type RequestKeys = (name: string) => readonly string[] | undefined;

/** A pattern with the variables still in it: code units, MANY, ONE and variables. */
export interface Template {
  readonly tokens: readonly Token[];
  readonly hasVariables: boolean;
}

type Token = number | Variable;

interface Variable {
  /** Lower case. */
  readonly key: string;
  readonly fallback?: string;
}

/** A pattern of which nothing is open any more. */
export type Pattern = readonly number[];

export interface TemplateRules {
  /** Whether `*` and `?` stand for other characters. */
  readonly wildcards: boolean;
  /** Policies of the language of 2008 know no variables. */
  readonly variables: boolean;
}

const MANY = -1;
const ONE = -2;
const STAR = '*'.charCodeAt(0);
const QUESTION = '?'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
/** How a variable begins. */
const VARIABLE = '\u0024{';

/** What stands behind the comma of a variable with a default. */
const DEFAULT = /^\s*'([^']*)'$/;
/** `${*}`, `${?}` and `${$}` are the characters themselves. */
const ESCAPED = /^[*?$]$/;

export function readTemplate(text: string, { wildcards, variables }: TemplateRules): Template {
  const tokens: Token[] = [];
  const lastEnd = text.lastIndexOf('}');
  let hasVariables = false;
  for (let at = 0; at < text.length; ) {
    // Behind the last closing brace nothing is looked for: strangers write these texts.
    const end = variables && at < lastEnd && text.startsWith(VARIABLE, at) ? text.indexOf('}', at) : -1;
    if (end >= 0) {
      const name = text.slice(at + 2, end).trim();
      if (ESCAPED.test(name)) tokens.push(name.charCodeAt(0));
      else {
        hasVariables = true;
        tokens.push(readVariable(name));
      }
      at = end + 1;
      continue;
    }
    const unit = text.charCodeAt(at++);
    if (wildcards && unit === STAR) tokens.push(MANY);
    else tokens.push(wildcards && unit === QUESTION ? ONE : unit);
  }
  return { tokens, hasVariables };
}

function readVariable(name: string): Variable {
  const comma = name.indexOf(',');
  const fallback = comma > 0 ? DEFAULT.exec(name.slice(comma + 1))?.[1] : undefined;
  const key = (fallback === undefined ? name : name.slice(0, comma)).trim().toLowerCase();
  return fallback === undefined ? { key } : { key, fallback };
}

/**
 * Puts the request's values in the place of the variables; what they hold is no wildcard. Undefined when the request
 * has no value, or several, for one that has no default: a statement with such a variable does not apply.
 *
 * A thousand variables may each hold a thousand characters. So the pattern ends as soon as no text of `lengthMax` code
 * units can fit it any more; what it is filled for may not be longer.
 */
export function fillTemplate(
  { tokens, hasVariables }: Template,
  keys: RequestKeys,
  lengthMax: number,
): Pattern | undefined {
  if (!hasVariables) return tokens as Pattern;
  const pattern: number[] = [];
  let length = 0;
  const push = (token: number) => {
    if (length > lengthMax) return;
    if (token !== MANY) length++;
    pattern.push(token);
  };
  for (const token of tokens) {
    if (typeof token === 'number') {
      push(token);
      continue;
    }
    const values = keys(token.key);
    const value = values?.length === 1 ? values[0] : token.fallback;
    if (value === undefined) return undefined;
    for (let at = 0; at < value.length && length <= lengthMax; at++) push(value.charCodeAt(at));
  }
  return pattern;
}

/** Whether the whole text fits. Takes at most length of pattern times length of text steps, whatever the pattern. */
export function fits(pattern: Pattern, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let lastMany = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const token = pattern[inPattern];
    if (token === MANY) {
      lastMany = inPattern++;
      resumeAt = at;
    } else if (token !== undefined && (token === ONE || token === text.charCodeAt(at))) {
      inPattern++;
      at++;
    } else if (lastMany >= 0) {
      inPattern = lastMany + 1;
      at = ++resumeAt;
    } else return false;
  }
  while (pattern[inPattern] === MANY) inPattern++;
  return inPattern === pattern.length;
}

const ARN_PARTS = 6;

/** `*`, which fits everything, or one template for each of the six parts of an ARN. */
export type ArnPattern = 'any' | readonly Template[];

/** Undefined when the text is neither `*` nor has the six parts of an ARN. */
export function readArnPattern(text: string, variables: boolean): ArnPattern | undefined {
  if (/^\*+$/.test(text)) return 'any';
  const { tokens } = readTemplate(text, { wildcards: true, variables });
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    // A wildcard stays within its part, and colons behind the fifth belong to the resource.
    if (token === COLON && parts.length < ARN_PARTS) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  if (parts.length < ARN_PARTS) return undefined;
  return parts.map((part) => ({ tokens: part, hasVariables: part.some((token) => typeof token !== 'number') }));
}

/** Undefined when a variable has no value. */
export function arnFits(pattern: ArnPattern, arn: string, keys: RequestKeys): boolean | undefined {
  if (pattern === 'any') return true;
  const filled: Pattern[] = [];
  for (const part of pattern) {
    const one = fillTemplate(part, keys, arn.length);
    if (one === undefined) return undefined;
    filled.push(one);
  }
  const parts = splitArn(arn);
  return parts !== undefined && filled.every((part, at) => fits(part, parts[at] ?? ''));
}

function splitArn(arn: string): readonly string[] | undefined {
  const parts = arn.split(':');
  if (parts.length < ARN_PARTS) return undefined;
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')];
}
