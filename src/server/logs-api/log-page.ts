import { invalidParameter } from './logs-error.ts';

/** What a page of groups or streams holds, as CloudWatch bounds it. */
export const DESCRIBED_MAX = 50;

/** What a page is of: the order is that of sortKey, which no two have in common. */
interface PageOptions {
  readonly limit: number | undefined;
  readonly token: string | undefined;
  readonly descending?: boolean | undefined;
}

/** One page in the order of sortKey; the token is the sortKey of the last one shown. */
export function pageOf<T extends { readonly sortKey: string }>(
  all: readonly T[],
  { limit = DESCRIBED_MAX, token, descending = false }: PageOptions,
): { readonly page: readonly T[]; readonly nextToken: string | undefined } {
  const sign = descending ? -1 : 1;
  const order = (a: string, b: string): number => (a < b ? -sign : a > b ? sign : 0);
  const after = token === undefined ? undefined : fromToken(token);
  const rest = after === undefined ? [...all] : all.filter(({ sortKey }) => order(sortKey, after) > 0);
  rest.sort((a, b) => order(a.sortKey, b.sortKey));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { page, nextToken: rest.length > limit && last ? toToken(last.sortKey) : undefined };
}

export function toToken(key: string): string {
  return Buffer.from(key).toString('base64url');
}

export function fromToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString();
  if (toToken(key) !== token) throw invalidToken();
  return key;
}

export function invalidToken(): Error {
  return invalidParameter('The specified nextToken is invalid.');
}
