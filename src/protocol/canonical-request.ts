// The canonical request of Signature Version 4. Texts are as node gives them: one character for each byte of the wire.
import { hash } from 'node:crypto';

/** Headers as they came, names and values in turn (node's `rawHeaders`). */
export type RawHeaders = readonly string[];

export interface CanonicalParts {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly path: string;
  readonly query: string;
  readonly headers: RawHeaders;
  /** Lower-case names, in the order of the signature. */
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
  /** Query parameters that are not part of the request that was signed. */
  readonly omitQuery?: ReadonlySet<string>;
  /** Remove empty and dot segments; every service but S3 does. */
  readonly normalisePath: boolean;
}

const HEX = '0123456789ABCDEF';
const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const UNRESERVED_OR_SLASH = /^[A-Za-z0-9\-._~/]*$/;
/** What normalising may change: an empty segment, one that begins with a dot, or a path that does not begin with a slash. */
const NOT_NORMAL = /^[^/]|\/\/|\/\.|^$/;

/** Percent-encodes all but unreserved characters; slashes stay on demand. */
function encode(bytes: string, keepSlash: boolean): string {
  if ((keepSlash ? UNRESERVED_OR_SLASH : UNRESERVED).test(bytes)) return bytes;
  let out = '';
  for (let i = 0; i < bytes.length; i++) {
    const char = bytes.charAt(i);
    if (UNRESERVED.test(char) || (keepSlash && char === '/')) out += char;
    else {
      const code = bytes.charCodeAt(i) & 0xff;
      out += `%${HEX.charAt(code >> 4)}${HEX.charAt(code & 15)}`;
    }
  }
  return out;
}

/** Undoes percent-encoding byte by byte; what is not well-formed stays. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function normalise(path: string): string {
  if (!NOT_NORMAL.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  const body = kept.join('/');
  return body === '' ? '/' : `/${body}${/(\/|\/\.|\/\.\.)$/.test(path) ? '/' : ''}`;
}

/** The path is encoded once more than on the wire, as all services but S3 have it. */
export function canonicalPath(path: string, normalisePath: boolean): string {
  return encode(normalisePath ? normalise(path) : path || '/', true);
}

export function canonicalQuery(query: string, omit?: ReadonlySet<string>): string {
  if (query === '') return '';
  const pairs: (readonly [string, string])[] = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    if (omit?.has(name)) continue;
    pairs.push([encode(name, false), encode(decode(equals < 0 ? '' : part.slice(equals + 1)), false)]);
  }
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

function withoutRunsOfSpace(value: string): string {
  return /[ \t\r\n]/.test(value) ? value.replace(/[ \t\r\n]+/g, ' ') : value;
}

function canonicalHeaders(headers: RawHeaders, signedHeaders: readonly string[]): string {
  const values = new Map<string, string | undefined>();
  for (const name of signedHeaders) values.set(name, undefined);
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (!values.has(name)) continue;
    const before = values.get(name);
    const value = withoutRunsOfSpace((headers[i + 1] ?? '').trim());
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  let text = '';
  for (const name of signedHeaders) text += `${name}:${values.get(name) ?? ''}\n`;
  return text;
}

/** The canonical request, one character for each byte. */
export function canonicalRequest(parts: CanonicalParts): string {
  return [
    parts.method,
    canonicalPath(parts.path, parts.normalisePath),
    canonicalQuery(parts.query, parts.omitQuery),
    canonicalHeaders(parts.headers, parts.signedHeaders),
    parts.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n');
}

/** SHA-256 of a text of one character for each byte, lower-case hexadecimal. */
export function sha256Hex(bytes: string): string {
  return hash('sha256', Buffer.from(bytes, 'latin1'));
}
