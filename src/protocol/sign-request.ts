import { createHash } from 'node:crypto';
import { ALGORITHM } from './authorization.ts';
import { canonicalRequest } from './canonical-request.ts';
import { scopeText, sign, signingKey, stringToSign } from './signature.ts';

/** What a request is signed with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request as it goes over the wire, before it is signed. */
export interface UnsignedRequest {
  readonly method: string;
  /** Percent-encoded, starting with a slash. */
  readonly path: string;
  /** Percent-encoded, without the question mark. */
  readonly query: string;
  /** Lower-case names; `host` is among them. Every one is signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The headers of the request with a Signature Version 4 in them, header form. `nowMs`: epoch milliseconds. */
export function signedHeaders(
  request: UnsignedRequest,
  credentials: Credentials,
  where: { readonly region: string; readonly service: string },
  nowMs: number,
): Record<string, string> {
  const timestamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { ...where, date: timestamp.slice(0, 8) };
  const headers: Record<string, string> = { ...request.headers, 'x-amz-date': timestamp };
  if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken;
  const names = Object.keys(headers).sort();
  const canonical = canonicalRequest({
    method: request.method,
    path: request.path,
    query: request.query,
    headers: Object.entries(headers).flat(),
    signedHeaders: names,
    payloadHash: createHash('sha256').update(request.body).digest('hex'),
    normalisePath: true,
  });
  const key = signingKey(credentials.secretAccessKey, scope);
  const signature = sign(key, stringToSign(timestamp, scope, canonical));
  headers['authorization'] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText(scope)}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return headers;
}

/** Percent-encodes everything but letters, digits and `-_.~`. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function queryString(query: readonly (readonly [string, string])[]): string {
  return query.map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`).join('&');
}
