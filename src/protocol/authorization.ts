// What a request says about who signed it, in the header or in the query. Nothing is verified here. Names and texts of
// the errors are those of AWS's front end.
import { ApiError } from '../model/api-error.ts';
import type { Headers } from './parse.ts';
import type { QueryParameter } from './target.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The claims of a signed request. */
export interface Authorization {
  readonly form: 'header' | 'query';
  readonly accessKeyId: string;
  /** Credential scope: `YYYYMMDD`, region, service, terminator. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  /** Lower-case names, in the order of the signature. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`, or a Date header's text; empty when the request has neither. */
  readonly timestamp: string;
  /** Seconds for which a presigned request is good. */
  readonly expiresSeconds: string | undefined;
  readonly sessionToken: string | undefined;
}

const CREDENTIAL_PARTS = 5;
const SHOWN_CHARS_MAX = 1000;

function incomplete(message: string): ApiError {
  return new ApiError('IncompleteSignatureException', message);
}

function readCredential(
  text: string,
): Pick<Authorization, 'accessKeyId' | 'date' | 'region' | 'service' | 'terminator'> {
  const parts = text.split('/');
  if (parts.length !== CREDENTIAL_PARTS || parts[0] === '')
    throw incomplete(
      'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got ' +
        `'${text.slice(0, SHOWN_CHARS_MAX)}'`,
    );
  const [accessKeyId = '', date = '', region = '', service = '', terminator = ''] = parts;
  return { accessKeyId, date, region, service, terminator };
}

function single(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

function readFields(header: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const rest = header.startsWith(`${ALGORITHM} `) ? header.slice(ALGORITHM.length + 1) : header;
  for (const part of rest.split(',')) {
    const field = part.trim();
    if (field === '') continue;
    const equals = field.indexOf('=');
    if (equals <= 0 || rest === header)
      throw incomplete(
        `'${field.slice(0, SHOWN_CHARS_MAX)}' not a valid key=value pair (missing equal-sign) in Authorization header: ` +
          `'${header.slice(0, SHOWN_CHARS_MAX)}'.`,
      );
    fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  return fields;
}

/** As every AWS client writes it, all of it there: nothing to complain about. Anything else goes the long way. */
const USUAL =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/([^/,]*)\/([^/,]*)\/([^/,]*)\/([^/,\s]*), SignedHeaders=([^,=\s]+), Signature=([^,=\s]+)$/;

function readHeader(header: string, headers: Headers): Authorization {
  const usual = USUAL.exec(header);
  if (usual) {
    const [, accessKeyId = '', date = '', region = '', service = '', terminator = '', signed = '', signature = ''] =
      usual;
    return {
      form: 'header',
      accessKeyId,
      date,
      region,
      service,
      terminator,
      signedHeaders: signed.toLowerCase().split(';'),
      signature,
      timestamp: single(headers, 'x-amz-date') ?? single(headers, 'date') ?? '',
      expiresSeconds: undefined,
      sessionToken: single(headers, 'x-amz-security-token'),
    };
  }
  const fields = readFields(header);
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !fields.get(name));
  if (missing.length > 0)
    throw incomplete(
      `${missing.map((name) => `Authorization header requires '${name}' parameter.`).join(' ')} ` +
        `Authorization=${header.slice(0, SHOWN_CHARS_MAX)}`,
    );
  return {
    form: 'header',
    ...readCredential(fields.get('Credential') ?? ''),
    signedHeaders: (fields.get('SignedHeaders') ?? '').toLowerCase().split(';'),
    signature: fields.get('Signature') ?? '',
    timestamp: single(headers, 'x-amz-date') ?? single(headers, 'date') ?? '',
    expiresSeconds: undefined,
    sessionToken: single(headers, 'x-amz-security-token'),
  };
}

function readPresigned(query: ReadonlyMap<string, string>): Authorization {
  const names = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders', 'X-Amz-Date'];
  const missing = [...names, 'X-Amz-Expires'].filter((name) => !query.get(name));
  if (missing.length > 0)
    throw incomplete(missing.map((name) => `AWS query-string parameters must include '${name}'.`).join(' '));
  if (query.get('X-Amz-Algorithm') !== ALGORITHM)
    throw incomplete(`Unsupported AWS 'algorithm': '${query.get('X-Amz-Algorithm')?.slice(0, SHOWN_CHARS_MAX)}'.`);
  return {
    form: 'query',
    ...readCredential(query.get('X-Amz-Credential') ?? ''),
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').toLowerCase().split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    timestamp: query.get('X-Amz-Date') ?? '',
    expiresSeconds: query.get('X-Amz-Expires') ?? '',
    sessionToken: query.get('X-Amz-Security-Token'),
  };
}

/** No signature covers itself, so that a second one would be an addition that nobody has signed. */
function refuseTwice(query: readonly QueryParameter[]): void {
  for (const once of ['X-Amz-Signature', 'X-Amz-Security-Token'])
    if (query.filter(({ name }) => name === once).length > 1)
      throw incomplete(`AWS query-string parameters must include '${once}' only once.`);
}

/**
 * Reads the claims from the Authorization header, else from the presigned query.
 *
 * @throws ApiError MissingAuthenticationTokenException (403) without either, IncompleteSignatureException (400) when
 *   the claims are not well-formed
 */
export function readAuthorization(headers: Headers, query: readonly QueryParameter[]): Authorization {
  const header = single(headers, 'authorization');
  if (header) return readHeader(header, headers);
  if (query.some(({ name }) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')) {
    refuseTwice(query);
    return readPresigned(new Map(query.map(({ name, value }) => [name, value])));
  }
  throw new ApiError('MissingAuthenticationTokenException', 'Missing Authentication Token');
}
