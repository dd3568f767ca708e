// Keeps web pages away from the API. On a loopback address the API believes every caller, and a browser on the same
// machine is reached by every page it shows: by a form or fetch across origins, or through a DNS name that the page's
// owner points at this machine (rebinding). An SDK carries none of a browser's signs and may use any host name.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { ApiError } from '../model/api-error.ts';

const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

/** Headers that browsers send of themselves and that AWS's clients and curl do not. */
const browserSigns = ['origin', 'referer', 'cookie', 'accept-language', 'sec-fetch-mode', 'sec-ch-ua'] as const;

function hasBrowserSign(headers: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] !== undefined || headers['user-agent']?.startsWith('Mozilla/')) return true;
  return browserSigns.some((name) => headers[name] !== undefined);
}

/** True for addresses and names that no page's owner can point elsewhere. */
function isFixedHost(hostname: string): boolean {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) !== 0 || bare === 'localhost' || bare.endsWith('.localhost');
}

/** Host and port of a Host header; undefined when it is not well-formed. */
function readHost(header: string | undefined): { readonly hostname: string; readonly host: string } | undefined {
  const match = HOST.exec(header ?? '');
  if (!match) return undefined;
  return { hostname: (match[1] ?? '').toLowerCase(), host: match[0].toLowerCase() };
}

/**
 * The refusal of a request that a browser sent from a foreign or rebound origin; undefined for all others: SDKs under
 * any host name, and pages that this server itself handed out.
 */
export function refuseBrowser(headers: IncomingHttpHeaders): ApiError | undefined {
  if (!hasBrowserSign(headers)) return undefined;
  const host = readHost(headers.host);
  const site = headers['sec-fetch-site'];
  const ownSite = site === undefined || site === 'same-origin' || site === 'none';
  const origin = headers.origin;
  const ownOrigin =
    origin === undefined || (host !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') === host.host);
  if (host && isFixedHost(host.hostname) && ownSite && ownOrigin) return undefined;
  return new ApiError('AccessDeniedException', 'Requests that a browser sends from another origin are refused.');
}

/** `http://host:port` as the client addressed us; `fallback` when its Host header is not well-formed. */
export function clientOrigin(headers: IncomingHttpHeaders, fallback: string): string {
  return headers.host !== undefined && HOST.test(headers.host) ? `http://${headers.host}` : fallback;
}
