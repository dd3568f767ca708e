import { timingSafeEqual } from 'node:crypto';
import type { ApiRequest } from './runtime-api/request-parser.ts';

/**
 * The metadata endpoint of an execution environment (2026-01-15): in which Availability Zone it runs. A machine of one's
 * own is one place, which stands for the first zone of whatever region a function is in.
 *
 * Source: runtime-facts 1. Refusals have the bodies of Go's net/http, with which AWS answers.
 */
export const METADATA_PATH = '/2026-01-15/metadata/execution-environment';

const BEARER = 'Bearer ';
/** As long as an environment lives nothing of it changes. */
const CACHE_CONTROL = 'private, max-age=43200, immutable';

export class MetadataApi {
  readonly #token: Buffer;
  readonly #answer: Buffer;

  constructor(token: string, region: string) {
    this.#token = Buffer.from(token);
    const body = JSON.stringify({ AvailabilityZoneID: firstZoneOf(region) });
    this.#answer = Buffer.from(
      `HTTP/1.1 200 OK\r\nCache-Control: ${CACHE_CONTROL}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  /** The bytes of the whole HTTP answer to a request of METADATA_PATH. */
  answer({ method, headers }: ApiRequest): Buffer {
    if (method !== 'GET') return methodNotAllowed;
    const authorization = headers.get('authorization') ?? '';
    return authorization.startsWith(BEARER) && this.#isToken(authorization.slice(BEARER.length))
      ? this.#answer
      : unauthorized;
  }

  #isToken(text: string): boolean {
    const given = Buffer.from(text);
    return given.length === this.#token.length && timingSafeEqual(given, this.#token);
  }
}

function refusal(status: string): Buffer {
  const body = `${status.slice(4)}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

const methodNotAllowed = refusal('405 Method Not Allowed');
const unauthorized = refusal('401 Unauthorized');

const DIRECTIONS: Readonly<Record<string, string>> = {
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
};

/** `use1-az1` for us-east-1, `apne2-az1` for ap-northeast-2, `usgw1-az1` for us-gov-west-1. */
export function firstZoneOf(region: string): string {
  const [area = '', ...rest] = region.split('-');
  const short = rest.map((part) => DIRECTIONS[part] ?? (/^\d+$/.test(part) ? part : part.slice(0, 1)));
  return `${area}${short.join('')}-az1`;
}
