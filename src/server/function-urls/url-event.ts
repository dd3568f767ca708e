/** The event that a function gets of a request to its URL: payload format 2.0 (lambda-facts 7.4). */
import type { IncomingMessage } from 'node:http';
import type { Principal } from '../../access/identity.ts';
import { principalArn, principalKeys } from '../../access/identity.ts';
import type { Namespace } from '../../store/namespace.ts';
import type { UrlTarget } from './url-target.ts';

export interface UrlRequest {
  readonly request: IncomingMessage;
  readonly target: UrlTarget;
  readonly namespace: Namespace;
  readonly body: Buffer;
  readonly requestId: string;
  readonly traceHeader: string;
  /** Who signed; undefined for AuthType NONE. */
  readonly caller: Principal | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** Of one connection alone, or none of the function's business once the signature has been judged. */
const NOT_HANDED_ON = new Set([
  'connection',
  'cookie',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const OF_SIGNATURE = new Set(['authorization', 'x-amz-security-token']);

/** Bodies of these types are text, if they are UTF-8 at all; all others, forms among them, come in Base64. */
const TEXT_MEDIA = /^(text\/|application\/(json|javascript|xml|[\w.+-]+\+(json|xml))\s*(;|$))/i;

const QUERY_PARAMETERS_MAX = 1000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The event as JSON. */
export function urlEvent(asked: UrlRequest): string {
  const { request, target, body } = asked;
  const cookies = request.headers.cookie?.split(/;\s*/).filter((cookie) => cookie !== '');
  return JSON.stringify({
    version: '2.0',
    routeKey: '$default',
    rawPath: target.rawPath,
    rawQueryString: target.rawQuery,
    cookies: cookies?.length ? cookies : undefined,
    headers: headersOf(asked),
    queryStringParameters: queryOf(target.rawQuery),
    requestContext: contextOf(asked),
    ...bodyOf(request.headers['content-type'], body),
  });
}

function headersOf({ request, traceHeader, caller }: UrlRequest): Record<string, string> {
  const { headersDistinct, socket } = request;
  const given = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    NOT_HANDED_ON.has(name) || (caller !== undefined && OF_SIGNATURE.has(name)) ? [] : [[name, values.join(',')]],
  );
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    'x-amzn-trace-id': traceHeader,
    'x-forwarded-for': sourceIp(request),
    'x-forwarded-port': String(socket.localPort ?? ''),
    'x-forwarded-proto': 'http',
  };
}

function sourceIp({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** Values of one name are joined with commas; a plus sign is a space, as in a form. */
function queryOf(rawQuery: string): Record<string, string> | undefined {
  if (rawQuery === '') return undefined;
  const values = new Map<string, string>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    if (++count > QUERY_PARAMETERS_MAX) break;
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return values.size === 0 ? undefined : Object.fromEntries(values);
}

function contextOf({ request, target, namespace, requestId, caller, nowMs }: UrlRequest) {
  const { urlId, rawPath } = target;
  return {
    accountId: caller?.account ?? 'anonymous',
    apiId: urlId,
    ...(caller === undefined ? {} : { authorizer: { iam: iamOf(caller, namespace.region) } }),
    domainName: target.domainName ?? `${urlId}.lambda-url.${namespace.region}.on.aws`,
    domainPrefix: urlId,
    http: {
      method: request.method,
      path: rawPath,
      protocol: `HTTP/${request.httpVersion}`,
      sourceIp: sourceIp(request),
      userAgent: request.headers['user-agent'],
    },
    requestId,
    routeKey: '$default',
    stage: '$default',
    time: timeOf(new Date(nowMs)),
    timeEpoch: nowMs,
  };
}

function iamOf(caller: Principal, region: string) {
  const userId = principalKeys(caller, region)('aws:userid')?.[0];
  return {
    accessKey: caller.accessKeyId,
    accountId: caller.account,
    callerId: userId,
    cognitoIdentity: null,
    principalOrgId: caller.identity?.organization ?? null,
    userArn: principalArn(caller, region),
    userId,
  };
}

/** `12/Mar/2020:19:03:58 +0000` */
function timeOf(time: Date): string {
  const day = String(time.getUTCDate()).padStart(2, '0');
  return `${day}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}:${time.toISOString().slice(11, 19)} +0000`;
}

function bodyOf(contentType: string | undefined, body: Buffer) {
  if (body.length === 0) return { isBase64Encoded: false };
  if (contentType !== undefined && TEXT_MEDIA.test(contentType)) {
    const text = body.toString();
    // What is no UTF-8 would not come back from text.
    if (!text.includes('�') || Buffer.from(text).equals(body)) return { body: text, isBase64Encoded: false };
  }
  return { body: body.toString('base64'), isBase64Encoded: true };
}
