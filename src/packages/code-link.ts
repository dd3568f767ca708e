/** Links to code packages that need no credentials: signed by the server, good for ten minutes (lambda-facts 6.3.15). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CodeKey } from './sealed-code.ts';

/** The server answers GETs below this path itself; it is no operation of the API. */
export const CODE_LINK_PATH = '/_lambdad/code/';

const EXPIRES_S = 600;

/** Clocks of one machine that step back between signing and reading. */
const SKEW_MS_MAX = 60_000;

export interface LinkSigner {
  /** Random bytes that only this server knows. */
  readonly secret: Uint8Array;
  readonly nowMs: number;
}

/** What a link leads to: a blob, and how to ask KMS for its key when it is sealed. */
export interface LinkedCode {
  readonly blob: string;
  readonly key?: CodeKey | undefined;
}

const KEY_PARAMETER = 'X-Lambdad-Key';

/** `http://host:port/_lambdad/code/<blob>?X-Amz-Expires=600&X-Amz-Date=…&X-Amz-Signature=…` */
export function signCodeLink(origin: string, { blob, key }: LinkedCode, { secret, nowMs }: LinkSigner): string {
  const date = formatDate(nowMs);
  // The wrapped key is of no use to anyone whom KMS does not know; it is signed with the rest.
  const keyText = key === undefined ? '' : Buffer.from(JSON.stringify(key)).toString('base64url');
  const query = new URLSearchParams({
    'X-Amz-Expires': String(EXPIRES_S),
    'X-Amz-Date': date,
    ...(keyText === '' ? {} : { [KEY_PARAMETER]: keyText }),
    'X-Amz-Signature': signature(secret, blob, date, keyText),
  });
  return `${origin}${CODE_LINK_PATH}${blob}?${query}`;
}

/** What the link leads to when it is one of ours and young enough. */
export function verifyCodeLink(
  path: string,
  query: URLSearchParams,
  { secret, nowMs }: LinkSigner,
): LinkedCode | undefined {
  if (!path.startsWith(CODE_LINK_PATH)) return undefined;
  const blob = path.slice(CODE_LINK_PATH.length);
  const keyText = query.get(KEY_PARAMETER) ?? '';
  const date = query.get('X-Amz-Date') ?? '';
  if (!/^[0-9a-f]{64}$/.test(blob) || query.get('X-Amz-Expires') !== String(EXPIRES_S)) return undefined;
  const given = Buffer.from(query.get('X-Amz-Signature') ?? '');
  const right = Buffer.from(signature(secret, blob, date, keyText));
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const ageMs = nowMs - parseDate(date);
  if (ageMs < -SKEW_MS_MAX || ageMs > EXPIRES_S * 1000) return undefined;
  return keyText === '' ? { blob } : { blob, key: JSON.parse(Buffer.from(keyText, 'base64url').toString()) as CodeKey };
}

function signature(secret: Uint8Array, blob: string, date: string, keyText: string): string {
  const signed = `${CODE_LINK_PATH}${blob}\n${date}\n${EXPIRES_S}${keyText === '' ? '' : `\n${keyText}`}`;
  return createHmac('sha256', secret).update(signed).digest('hex');
}

/** `20261121T062500Z` */
function formatDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function parseDate(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}
