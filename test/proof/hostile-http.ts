/**
 * HTTP/1.1 requests spoiled on purpose. Each is made from a request that would be valid, so that what is spoiled is reached
 * at all. Imports nothing but its draws, because it also runs inside a function.
 */
import type { Draw } from './draw.ts';

export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn; without Content-Length. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** What somebody who forges lines of a log would have there. */
export const FORGED = 'FORGED-LINE';

const CRLF = '\r\n';
const BREAKS = ['\r\n', '\n', '\r', '%0d%0a', '\\r\\n', '\u2028', '\x0b', '\x85', '\x1b[2K\r', '\0'];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'get', 'P\x00ST', ''];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/1.1 ', 'HTTP/', 'ICY/1.1', ''];
const LENGTHS = ['-1', '+1', '0x10', '1e3', ' 5', '5 5', '5,5', '99999999999999999999', '1', '0', '', 'NaN', '١', '07'];
const CODINGS = [
  'chunked',
  'Chunked',
  'identity',
  'gzip, chunked',
  'chunked, chunked',
  'xchunked',
  ' chunked',
  '\tchunked',
];
const SIZES = [
  'zz',
  '-1',
  '0x5',
  'fffffffffffffffff',
  '5;a="b\n',
  '5;ext=1',
  '5;',
  ' 5',
  '5 ',
  '',
  '00000000000000000005',
];
const GARBAGE = [
  '\x16\x03\x01\x02\x00',
  '\r\n\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\0\0\0\0',
  '{"a":1}',
  'PK\x03\x04',
];
const NAMES = ['Bad Name', 'X\0Y', '', ':', 'X:Y', 'Ünicode', '__proto__', 'constructor', 'Content-Length ', ' Host'];
/** Headers whose values come into a log or an event somewhere. */
const LOGGED = [
  'User-Agent',
  'X-Amzn-Trace-Id',
  'X-Amzn-RequestId',
  'X-Amz-Client-Context',
  'X-Amz-Tenant-Id',
  'X-Amz-Invocation-Type',
  'X-Amz-Log-Type',
  'X-Forwarded-For',
  'Referer',
  'Lambda-Runtime-Function-Error-Type',
  'Lambda-Extension-Name',
  'Lambda-Extension-Function-Error-Type',
];
const HEAD_BYTES_LONG = [200, 9_000, 66_000, 140_000];

/** The bytes of a request as an honest client sends it. */
export function plainBytes(request: PlainRequest, more: readonly string[] = []): Buffer {
  const { body } = request;
  return bytesOf(request, [...more, 'Content-Length', String(body.length)], body);
}

function bytesOf({ method, target, headers }: PlainRequest, more: readonly string[], body: Uint8Array): Buffer {
  let head = `${method} ${target} HTTP/1.1${CRLF}`;
  for (const fields of [headers, more])
    for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}${CRLF}`;
  return Buffer.concat([Buffer.from(`${head}${CRLF}`, 'latin1'), body]);
}

function chunked(draw: Draw, body: Uint8Array, size: (bytes: number) => string): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    const bytes = 1 + draw.below(Math.min(body.length - at, 4096));
    parts.push(Buffer.from(`${size(bytes)}${CRLF}`, 'latin1'), body.subarray(at, at + bytes), Buffer.from(CRLF));
    at += bytes;
  }
  parts.push(Buffer.from(`0${CRLF}${CRLF}`));
  return Buffer.concat(parts);
}

const hex = (bytes: number) => bytes.toString(16);
const CHUNKED = ['Transfer-Encoding', 'chunked'];

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(
    bytes.toString('latin1').replace(from, () => to),
    'latin1',
  );
}

function flipped(draw: Draw, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let count = 1 + draw.below(4); count > 0 && changed.length > 0; count--) {
    const at = draw.below(draw.chance(0.7) ? Math.min(changed.length, 600) : changed.length);
    changed[at] = draw.chance(0.5) ? draw.below(256) : (changed[at] ?? 0) ^ (1 << draw.below(8));
  }
  return changed;
}

/** Puts bytes in, takes some out, or says some twice. */
function spliced(draw: Draw, bytes: Buffer): Buffer {
  const from = draw.below(bytes.length);
  const to = Math.min(bytes.length, from + 1 + draw.below(64));
  const middle = draw.pick([
    Buffer.alloc(0),
    Buffer.concat([bytes.subarray(from, to), bytes.subarray(from, to)]),
    draw.bytes(to - from),
  ]);
  return Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
}

type Spoiler = (draw: Draw, request: PlainRequest) => Buffer;

/** Every way in which a request is spoiled, by its name. */
export const spoilers: Readonly<Record<string, Spoiler>> = {
  plain: (_, request) => plainBytes(request),
  chunked: (draw, request) => bytesOf(request, CHUNKED, chunked(draw, request.body, hex)),
  'length and chunks': (draw, request) => {
    const fields = draw.chance(0.5)
      ? ['Content-Length', String(draw.below(40)), ...CHUNKED]
      : [...CHUNKED, 'Content-Length', String(request.body.length)];
    return bytesOf(request, fields, draw.chance(0.5) ? request.body : chunked(draw, request.body, hex));
  },
  'two lengths': (draw, request) => {
    const own = String(request.body.length);
    return bytesOf(request, ['Content-Length', own, 'content-length', draw.pick([own, '0', '1', '9'])], request.body);
  },
  'odd length': (draw, request) => bytesOf(request, ['Content-Length', draw.pick(LENGTHS)], request.body),
  'odd coding': (draw, request) =>
    bytesOf(request, ['Transfer-Encoding', draw.pick(CODINGS)], chunked(draw, request.body, hex)),
  'odd chunk size': (draw, request) => {
    const odd = draw.pick(SIZES);
    const body = request.body.length > 0 ? request.body : Buffer.from('12345');
    return bytesOf(
      request,
      CHUNKED,
      chunked(draw, body, (bytes) => (draw.chance(0.5) ? odd : hex(bytes))),
    );
  },
  'long chunk extension': (draw, request) => {
    const extension = 'x'.repeat(draw.pick([10, 2_000, 20_000]));
    const body = request.body.length > 0 ? request.body : Buffer.from('{}');
    return bytesOf(
      request,
      CHUNKED,
      chunked(draw, body, (bytes) => `${hex(bytes)};${extension}`),
    );
  },
  'bare line feeds': (draw, request) => {
    const text = plainBytes(request).toString('latin1');
    return Buffer.from(
      text.replace(/\r\n/g, () => (draw.chance(0.6) ? draw.pick(['\n', '\r', '\n\n', '\r\r\n']) : CRLF)),
      'latin1',
    );
  },
  'folded header': (draw, request) => plainBytes(request, ['X-Folded', `a${CRLF}${draw.pick([' ', '\t'])}b`]),
  'broken line in a header': (draw, request) =>
    plainBytes(request, [draw.pick(LOGGED), `a${draw.pick(BREAKS)}${FORGED}${draw.pick(BREAKS)}`]),
  'broken line in the target': (draw, request) => {
    const target = `${request.target}${request.target.includes('?') ? '&' : '?'}x=${draw.pick(BREAKS)}${FORGED}`;
    return plainBytes({ ...request, target });
  },
  'escaped line in the target': (draw, request) => {
    const target = `/2015-03-31/functions/${draw.pick(['%0A', '%0D%0A', '%E2%80%A8'])}${FORGED}%0A/configuration`;
    return plainBytes({ ...request, target });
  },
  'odd header name': (draw, request) => plainBytes(request, [draw.pick(NAMES), 'x']),
  'long header': (draw, request) => plainBytes(request, ['X-Long', 'x'.repeat(draw.pick(HEAD_BYTES_LONG))]),
  'many headers': (draw, request) => {
    const count = draw.pick([90, 110, 600, 3_000]);
    return plainBytes(
      request,
      Array.from({ length: count * 2 }, (_, at) => (at % 2 === 0 ? `X-${at}` : 'x')),
    );
  },
  'long target': (draw, request) =>
    plainBytes({ ...request, target: request.target + 'y'.repeat(draw.pick(HEAD_BYTES_LONG)) }),
  'odd method': (draw, request) => plainBytes({ ...request, method: draw.pick(METHODS) }),
  'odd version': (draw, request) => replaced(plainBytes(request), 'HTTP/1.1', draw.pick(VERSIONS)),
  'no host': (_, request) => replaced(plainBytes(request), 'Host:', 'X-Host:'),
  'two hosts': (_, request) => plainBytes(request, ['Host', 'elsewhere.test']),
  upgrade: (draw, request) =>
    plainBytes(request, ['Connection', 'upgrade', 'Upgrade', draw.pick(['websocket', 'h2c', 'x'])]),
  'asks first': (draw, request) => plainBytes(request, ['Expect', draw.pick(['100-continue', '200-ok', ''])]),
  'cut off': (draw, request) => {
    const bytes = plainBytes(request);
    return bytes.subarray(0, draw.below(bytes.length));
  },
  'short body': (draw, request) =>
    bytesOf(request, ['Content-Length', String(request.body.length + 1 + draw.below(1_000))], request.body),
  'one behind the other': (draw, request) => {
    const one = plainBytes(request);
    return Buffer.concat(Array.from({ length: 2 + draw.below(20) }, () => one));
  },
  'garbage behind': (draw, request) =>
    Buffer.concat([plainBytes(request), Buffer.from(draw.pick(GARBAGE), 'latin1'), draw.bytes(draw.below(40))]),
  garbage: (draw) => Buffer.concat([Buffer.from(draw.pick(GARBAGE), 'latin1'), draw.bytes(draw.below(600))]),
  'flipped bits': (draw, request) => flipped(draw, plainBytes(request)),
  spliced: (draw, request) => spliced(draw, plainBytes(request)),
};

const NAMES_OF_SPOILERS = Object.keys(spoilers);
/** The form is right this often, so that what it holds is looked at. */
const PLAIN_SHARE = 0.4;

export interface SpoiledRequest {
  readonly how: string;
  /** Written one after the other, each as a piece of its own. */
  readonly pieces: readonly Buffer[];
}

export function spoil(draw: Draw, request: PlainRequest): SpoiledRequest {
  const how = draw.chance(PLAIN_SHARE) ? 'plain' : draw.pick(NAMES_OF_SPOILERS);
  const bytes = (spoilers[how] as Spoiler)(draw, request);
  if (bytes.length < 2 || draw.chance(0.8)) return { how, pieces: [bytes] };
  const at = 1 + draw.below(bytes.length - 1);
  return { how, pieces: [bytes.subarray(0, at), bytes.subarray(at)] };
}
