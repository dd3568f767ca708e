import type { IncomingMessage } from 'node:http';
import type { Principal } from '../access/identity.ts';
import type { RequestFacts } from '../access/request-keys.ts';

/** What policies may ask about a request beyond its operation. */
export function requestFacts(request: IncomingMessage, caller: Principal, region: string, nowMs: number): RequestFacts {
  const { remoteAddress } = request.socket;
  const { 'user-agent': userAgent, referer } = request.headers;
  return {
    caller,
    region,
    nowMs,
    ...(remoteAddress === undefined ? {} : { sourceIp: remoteAddress }),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(referer === undefined ? {} : { referer }),
    isSecure: 'encrypted' in request.socket && request.socket.encrypted === true,
  };
}
