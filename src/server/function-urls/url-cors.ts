/** What a URL's Cors configuration lets pages of other origins do (lambda-facts 7.4). */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Cors } from '../../model/types.gen.ts';

/** An OPTIONS request by which a browser asks before it sends another. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Of every answer to a page of an origin that is let in; names and values in turn. */
export function corsHeaders(cors: Cors | undefined, { origin }: IncomingHttpHeaders): readonly string[] {
  const allowed = cors && allowedOrigin(cors, origin);
  if (!allowed) return [];
  return [
    ...allowed,
    ...(cors.AllowCredentials ? ['Access-Control-Allow-Credentials', 'true'] : []),
    ...listed('Access-Control-Expose-Headers', cors.ExposeHeaders),
  ];
}

/** Of the answer to a preflight, which the function never sees. */
export function preflightHeaders(cors: Cors, headers: IncomingHttpHeaders): readonly string[] {
  const allowed = allowedOrigin(cors, headers.origin);
  if (!allowed) return [];
  const { AllowCredentials: credentials, MaxAge } = cors;
  const methods = wished(cors.AllowMethods, headers['access-control-request-method'], credentials);
  const names = wished(cors.AllowHeaders, headers['access-control-request-headers'], credentials);
  return [
    ...allowed,
    ...listed('Access-Control-Allow-Methods', methods),
    ...listed('Access-Control-Allow-Headers', names),
    ...(credentials ? ['Access-Control-Allow-Credentials', 'true'] : []),
    ...(MaxAge === undefined ? [] : ['Access-Control-Max-Age', String(MaxAge)]),
  ];
}

/** With credentials browsers take no `*`: the origin itself is named then. */
function allowedOrigin(cors: Cors, origin: string | undefined): readonly string[] | undefined {
  const origins = cors.AllowOrigins ?? [];
  if (origin === undefined) return undefined;
  if (origins.includes('*') && !cors.AllowCredentials) return ['Access-Control-Allow-Origin', '*'];
  if (!origins.includes('*') && !origins.includes(origin)) return undefined;
  return ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin'];
}

/** For the same reason what is asked for stands for `*`. */
function wished(
  allowed: readonly string[] | undefined,
  asked: string | undefined,
  credentials: boolean | undefined,
): readonly string[] | undefined {
  return credentials && allowed?.includes('*') && asked !== undefined ? [asked] : allowed;
}

function listed(name: string, values: readonly string[] | undefined): readonly string[] {
  return values?.length ? [name, values.join(',')] : [];
}
