/** What the client gets of a function's result, payload format 2.0 (lambda-facts 7.4), or of a stream's prelude. */
import { validateHeaderName, validateHeaderValue } from 'node:http';

export interface UrlResponseHead {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

export interface UrlResponse extends UrlResponseHead {
  readonly body: Uint8Array;
}

/** Ends the JSON of a prelude. */
export const DELIMITER = Buffer.alloc(8);

const STATUS_MIN = 200;
const STATUS_MAX = 599;
const HEADERS_MAX = 500;
const BASE64 = /^[A-Za-z0-9+/\-_\s]*={0,2}\s*$/;

/** Headers that say something of this connection, or that the server says itself: AWS gives them another name. */
const REMAPPED = new Set([
  'connection',
  'content-length',
  'date',
  'host',
  'keep-alive',
  'server',
  'te',
  'trailer',
  'upgrade',
  'www-authenticate',
  'x-amzn-requestid',
]);

/** Undefined for what is no response: status, headers or body of a wrong form. */
export function readUrlResponse(payload: Uint8Array): UrlResponse | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return readCollected(bytes);
  }
  if (!isObject(value) || value['statusCode'] === undefined || value['statusCode'] === null)
    return { status: 200, headers: ['Content-Type', 'application/json'], body: bytes };
  const head = readHead(value, 'application/json');
  const body = readBody(value);
  return head && body && { ...head, body };
}

/** The head in the JSON of a prelude; undefined when it is none. */
export function readPrelude(json: Buffer): UrlResponseHead | undefined {
  try {
    const value: unknown = JSON.parse(json.toString());
    return isObject(value) ? readHead({ statusCode: 200, ...value }, 'application/octet-stream') : undefined;
  } catch {
    return undefined;
  }
}

/** A stream that was collected: with a prelude, or as it is. */
function readCollected(bytes: Buffer): UrlResponse | undefined {
  const end = bytes.indexOf(DELIMITER);
  if (end < 0) return { status: 200, headers: ['Content-Type', 'application/octet-stream'], body: bytes };
  const head = readPrelude(bytes.subarray(0, end));
  return head && { ...head, body: bytes.subarray(end + DELIMITER.length) };
}

function readHead(value: Record<string, unknown>, defaultType: string): UrlResponseHead | undefined {
  const status = readStatus(value['statusCode']);
  const headers = readHeaders(value['headers'] ?? {}, value['cookies'] ?? []);
  if (status === undefined || headers === undefined) return undefined;
  const isTyped = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type');
  return { status, headers: isTyped ? headers : ['Content-Type', defaultType, ...headers] };
}

/** AWS takes a number or its text. What HTTP sends before an answer is none, so that 1xx is refused. */
function readStatus(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  if (typeof status !== 'number' || !Number.isInteger(status)) return undefined;
  return status >= STATUS_MIN && status <= STATUS_MAX ? status : undefined;
}

function readHeaders(given: unknown, cookies: unknown): string[] | undefined {
  if (!isObject(given) || !Array.isArray(cookies)) return undefined;
  const headers: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (value === null) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    if (name.toLowerCase() === 'transfer-encoding') continue;
    headers.push(REMAPPED.has(name.toLowerCase()) ? `x-amzn-Remapped-${name}` : name, String(value));
  }
  for (const cookie of cookies) {
    if (typeof cookie !== 'string') return undefined;
    headers.push('Set-Cookie', cookie);
  }
  return headers.length <= 2 * HEADERS_MAX && areValid(headers) ? headers : undefined;
}

/** Nothing of a value may end its line. */
function areValid(headers: readonly string[]): boolean {
  try {
    for (let at = 0; at < headers.length; at += 2) {
      validateHeaderName(headers[at] ?? '');
      validateHeaderValue(headers[at] ?? '', headers[at + 1] ?? '');
    }
    return true;
  } catch {
    return false;
  }
}

function readBody({ body, isBase64Encoded }: Record<string, unknown>): Buffer | undefined {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body !== 'string') return undefined;
  if (isBase64Encoded !== true) return Buffer.from(body);
  return BASE64.test(body) ? Buffer.from(body, 'base64') : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
