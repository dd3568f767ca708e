import type { IncomingMessage } from 'node:http';
import type { Principal } from '../access/identity.ts';
import type { RequestFacts } from '../access/request-keys.ts';

/** What a caller writes freely is compared with patterns that others wrote: beyond this it is cut. */
const HEADER_CHARACTERS_MAX = 1_024;

/** What policies may ask about a request beyond its operation. */
export function requestFacts(
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  caller: Principal,
  region: string,
  nowMs: number,
): RequestFacts {
  const { remoteAddress } = request.socket;
  const { 'user-agent': userAgent, referer } = request.headers;
  return {
    caller,
    region,
    nowMs,
    ...(remoteAddress === undefined ? {} : { sourceIp: remoteAddress }),
    ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, HEADER_CHARACTERS_MAX) }),
    ...(referer === undefined ? {} : { referer: referer.slice(0, HEADER_CHARACTERS_MAX) }),
    isSecure: 'encrypted' in request.socket && request.socket.encrypted === true,
  };
}
