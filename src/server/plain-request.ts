import type { IncomingHttpHeaders } from 'node:http';

/**
 * Reads the one kind of request that comes by the thousand: a plain Invoke with its small body, whole. Everything that is not
 * that to the letter is left to node:http, whose parser decides what it is: nothing is refused here, and nothing is taken
 * that node would read in another way.
 */

/** The parts of a request that the way of an Invoke looks at; node's own requests have them too. */
export interface PlainRequest {
  readonly url: string;
  /** By lower-case name; none comes twice. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** What the bytes begin with: a request, one whose body is not whole, or something for node:http. */
export type Reading = { readonly request: PlainRequest; readonly bytes: number } | 'incomplete' | undefined;

const HEAD_BYTES_MAX = 8192;
const BODY_BYTES_MAX = 16_384;
/** Any more, and a client makes names up. */
const NAMES_KNOWN_MAX = 500;

const START = 'POST /2015-03-31/functions/';
const PATH_END = '/invocations';
const VERSION = ' HTTP/1.1';
const HEAD_END = '\r\n\r\n';

/** Lines of what can be seen, and spaces, each with its own end. */
const LINES = /^(?:[\x20-\x7e]+\r\n)+$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LENGTH = /^\d{1,5}$/;

/** Headers that change how a request is read or who is asked, and those that browsers send. */
const OTHERS = new Set([
  'content-encoding',
  'cookie',
  'accept-language',
  'expect',
  'forwarded',
  'http2-settings',
  'keep-alive',
  'origin',
  'proxy-connection',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-amz-decoded-content-length',
  'x-amz-target',
]);
const OTHER_PREFIXES = ['sec-', 'proxy-'];
const BROWSER = 'Mozilla/';
/** A digest that stands for chunks which are signed as they come. */
const CHUNKED = 'STREAMING-';

/** By the name as it was written: the name in lower case, or '' of a header that is not for here. */
const names = new Map<string, string>();

function nameOf(written: string): string {
  const known = names.get(written);
  if (known !== undefined) return known;
  const lower = written.toLowerCase();
  const isOther =
    !TOKEN.test(written) || OTHERS.has(lower) || OTHER_PREFIXES.some((prefix) => lower.startsWith(prefix));
  const name = isOther ? '' : lower;
  if (names.size < NAMES_KNOWN_MAX) names.set(written, name);
  return name;
}

export function readPlain(data: Buffer): Reading {
  const headEnd = data.indexOf(HEAD_END, 0, 'latin1');
  if (headEnd < 0 || headEnd > HEAD_BYTES_MAX) return undefined;
  const head = data.toString('latin1', 0, headEnd + 2);
  if (!head.startsWith(START) || !LINES.test(head)) return undefined;
  const lineEnd = head.indexOf('\r\n');
  const url = head.slice(START.indexOf('/'), lineEnd - VERSION.length);
  const isInvoke = head.startsWith(VERSION, lineEnd - VERSION.length) && !url.includes(' ');
  const question = url.indexOf('?');
  if (!isInvoke || !url.endsWith(PATH_END, question < 0 ? url.length : question)) return undefined;
  const rawHeaders: string[] = [];
  const headers = readHeaders(head, lineEnd + 2, rawHeaders);
  if (headers?.host === undefined || isOther(headers)) return undefined;
  const length = headers['content-length'] ?? '0';
  if (!LENGTH.test(length)) return undefined;
  const bodyFrom = headEnd + HEAD_END.length;
  const bytes = bodyFrom + Number(length);
  if (bytes - bodyFrom > BODY_BYTES_MAX) return undefined;
  if (bytes > data.length) return 'incomplete';
  return { request: { url, headers, rawHeaders, body: data.subarray(bodyFrom, bytes) }, bytes };
}

function isOther({ 'user-agent': agent, 'x-amz-content-sha256': digest }: IncomingHttpHeaders): boolean {
  return agent?.startsWith(BROWSER) === true || (typeof digest === 'string' && digest.startsWith(CHUNKED));
}

/** Undefined when one of them is not for here. */
function readHeaders(head: string, from: number, raw: string[]): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = Object.create(null);
  for (let at = from; at < head.length; ) {
    const end = head.indexOf('\r\n', at);
    const colon = head.indexOf(':', at);
    if (colon < 0 || colon > end) return undefined;
    const written = head.slice(at, colon);
    const value = head.slice(colon + 1, end).trim();
    const name = nameOf(written);
    if (name === '' || headers[name] !== undefined) return undefined;
    // What HTTP/1.1 means without it: some clients say so.
    if (name === 'connection' && value.toLowerCase() !== 'keep-alive') return undefined;
    headers[name] = value;
    raw.push(written, value);
    at = end + 2;
  }
  return headers;
}
