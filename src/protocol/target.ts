/** One query parameter, percent-decoded. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** A request target (`/path?query`) cut at its question mark; both parts still as they came over the wire. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/** More parameters than any request of the API can use; the rest is not looked at. */
const QUERY_PARAMETERS_MAX = 1000;

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** Cuts a request target. The absolute form that proxies send (`GET http://host/path`) loses its origin. */
export function splitTarget(target: string): Target {
  const local = target.startsWith('/') ? target : target.replace(ABSOLUTE_FORM, '');
  const mark = local.indexOf('?');
  if (mark < 0) return { path: local || '/', query: '' };
  return { path: local.slice(0, mark) || '/', query: local.slice(mark + 1) };
}

/** Percent-decodes UTF-8; undefined when the text is not well-formed. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * The parameters of a query in their order. `+` stays a plus sign: AWS's clients write a space as `%20`, and the
 * signature is made over `%2B`. A parameter that is not well-formed keeps its raw text, which no constraint accepts.
 */
export function parseQuery(query: string): readonly QueryParameter[] {
  if (query === '') return [];
  const parameters: QueryParameter[] = [];
  for (const part of query.split('&', QUERY_PARAMETERS_MAX)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    parameters.push({ name: percentDecode(name) ?? name, value: percentDecode(value) ?? value });
  }
  return parameters;
}
