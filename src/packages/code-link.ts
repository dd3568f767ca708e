/** Links to code packages that need no credentials: signed by the server, good for ten minutes (lambda-facts 6.3.15). */
import { createHmac, timingSafeEqual } from 'node:crypto';

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

/** `http://host:port/_lambdad/code/<sha256>?X-Amz-Expires=600&X-Amz-Date=…&X-Amz-Signature=…` */
export function signCodeLink(origin: string, sha256: string, { secret, nowMs }: LinkSigner): string {
  const date = formatDate(nowMs);
  const query = new URLSearchParams({
    'X-Amz-Expires': String(EXPIRES_S),
    'X-Amz-Date': date,
    'X-Amz-Signature': signature(secret, sha256, date),
  });
  return `${origin}${CODE_LINK_PATH}${sha256}?${query}`;
}

/** The package's digest when the link is one of ours and young enough. */
export function verifyCodeLink(
  path: string,
  query: URLSearchParams,
  { secret, nowMs }: LinkSigner,
): string | undefined {
  if (!path.startsWith(CODE_LINK_PATH)) return undefined;
  const sha256 = path.slice(CODE_LINK_PATH.length);
  const date = query.get('X-Amz-Date') ?? '';
  if (!/^[0-9a-f]{64}$/.test(sha256) || query.get('X-Amz-Expires') !== String(EXPIRES_S)) return undefined;
  const given = Buffer.from(query.get('X-Amz-Signature') ?? '');
  const right = Buffer.from(signature(secret, sha256, date));
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const ageMs = nowMs - parseDate(date);
  return ageMs >= -SKEW_MS_MAX && ageMs <= EXPIRES_S * 1000 ? sha256 : undefined;
}

function signature(secret: Uint8Array, sha256: string, date: string): string {
  return createHmac('sha256', secret).update(`${CODE_LINK_PATH}${sha256}\n${date}\n${EXPIRES_S}`).digest('hex');
}

/** `20261121T062500Z` */
function formatDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function parseDate(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}
