/** Valid requests for every operation of the API, and what comes of them when members are changed. */

import { inputs, OWNER } from '../access/every-operation.ts';
import { model, type RawShape, shapeOf } from '../api/generated-validation-model.ts';
import { inputOf, requestOf } from '../api/request-of.ts';
import type { Draw } from './draw.ts';
import { FORGED, type PlainRequest } from './hostile-http.ts';

export const ACCOUNT = '000000000000';
const CREDENTIAL = `Credential=${ACCOUNT}/20260101/us-east-1/lambda/aws4_request`;
export const SIGNED = [
  'X-Amz-Date',
  '20260101T000000Z',
  'Authorization',
  `AWS4-HMAC-SHA256 ${CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
];

const OPERATIONS = Object.keys(inputs) as (keyof typeof inputs)[];
const DEPTH_MAX = 6;

const TEXTS = [
  '',
  ' ',
  'f',
  'f:1',
  'f:live',
  'f:$LATEST',
  `arn:aws:lambda:us-east-1:${ACCOUNT}:function:f`,
  'arn:aws:lambda:us-east-1:999999999999:function:f',
  `a\r\n${FORGED}\r\n`,
  `\n${FORGED}`,
  '../../../../etc/passwd',
  '%2e%2e%2f',
  '__proto__',
  'constructor',
  '\0',
  '\ud800',
  '\u{1f411}',
  'a'.repeat(300),
  'é'.repeat(5_000),
  '(a+)+$',
  '*',
  '?',
  '$' + '{aws:username}',
  "'; drop table records; --",
  'null',
  'true',
  '1e999',
  '{"a":1}',
  '[]',
  'http://127.0.0.1:1/',
  's3://b/k',
];
const NUMBERS = [0, -0, -1, 1, 2, 1.5, 900, 901, 10_240, 2 ** 31, 2 ** 53, 1e308, -1e308, 1e-308];
const DEEP = JSON.parse(`${'['.repeat(400)}${']'.repeat(400)}`) as unknown;
const ODD: readonly unknown[] = [null, true, [], {}, [null], { a: null }, [[]], { ['__proto__x']: 1 }, DEEP, 'x', 7];
const POLICIES = [
  '{"Version":"2012-10-17","Statement":[]}',
  '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
  '{"pattern":1}',
  `{"a":${'['.repeat(3_000)}`,
];

/** Blobs travel in base64; the inputs are about another account. */
function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'string') return value.replaceAll(OWNER, ACCOUNT).replaceAll(':1:1', ':1');
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainValue(each)]));
}

const valid = new Map(OPERATIONS.map((name) => [name, plainValue(inputs[name]) as Record<string, unknown>]));

/** A value of the shape, within its bounds or a little beyond, and now and then of quite another kind. */
function madeOf(draw: Draw, name: string, depth = 0): unknown {
  const shape = shapeOf(name) as RawShape | undefined;
  if (shape === undefined || depth > DEPTH_MAX || draw.chance(0.08)) return draw.pick(ODD);
  switch (shape.type) {
    case 'structure':
      return Object.fromEntries(
        Object.entries(shape.members ?? {})
          .filter(([member]) => draw.chance(shape.required?.includes(member) ? 0.9 : 0.3))
          .map(([member, own]) => [member, madeOf(draw, own.shape, depth + 1)]),
      );
    case 'list':
      return Array.from({ length: draw.pick([0, 1, 1, 2, 5, (shape.max ?? 5) < 500 ? (shape.max ?? 5) + 1 : 5]) }, () =>
        madeOf(draw, shape.member?.shape ?? '', depth + 1),
      );
    case 'map':
      return Object.fromEntries(
        Array.from({ length: draw.below(4) }, () => [
          draw.pick(TEXTS),
          madeOf(draw, shape.value?.shape ?? '', depth + 1),
        ]),
      );
    case 'boolean':
      return draw.chance(0.5);
    case 'blob':
      return draw.bytes(draw.pick([0, 1, 40, 3_000])).toString('base64');
    case 'string':
      return textOf(draw, shape);
    default:
      return draw.pick([...NUMBERS, shape.min ?? 0, shape.max ?? 1, (shape.max ?? 1) + 1]);
  }
}

function textOf(draw: Draw, { enum: values, max = 40 }: RawShape): string {
  if (values && draw.chance(0.8)) return draw.pick(values);
  if (draw.chance(0.1)) return draw.pick(POLICIES);
  if (draw.chance(0.1)) return 'a'.repeat(Math.min(max, 20_000) + draw.below(2));
  return draw.pick(TEXTS);
}

function mutated(draw: Draw, name: (typeof OPERATIONS)[number]): Record<string, unknown> {
  const input = { ...valid.get(name) };
  const members = Object.entries(inputOf(name).members ?? {});
  for (let count = draw.pick([0, 0, 0, 1, 1, 2, 3, 8]); count > 0 && members.length > 0; count--) {
    const [member, { shape }] = draw.pick(members);
    if (draw.chance(0.15)) delete input[member];
    else input[member] = madeOf(draw, shape);
  }
  return input;
}

/** Most connections end with their answer, which nobody has to wait for. */
function closing(draw: Draw): readonly string[] {
  return draw.chance(0.75) ? ['Connection', 'close'] : [];
}

/** A request for one of the operations that the test's own account may make, valid or nearly so. */
export function apiRequest(draw: Draw, host: string): PlainRequest {
  for (;;) {
    const name = draw.pick(OPERATIONS);
    // What is deleted stays away until it is made again.
    if (name.startsWith('Delete') && draw.chance(0.9)) continue;
    try {
      const encoded = requestOf(name, mutated(draw, name));
      if (!encoded || model.operations[name] === undefined) continue;
      const body = Buffer.from(encoded.body ?? '');
      const headers = ['Host', host, ...closing(draw), ...SIGNED, ...Object.entries(encoded.headers).flat()];
      return { method: encoded.method, target: encoded.path, headers, body };
    } catch (error) {
      // Half a character cannot stand in a path.
      if (!(error instanceof URIError)) throw error;
    }
  }
}

const URL_PATHS = ['', 'a/b', '?a=1&a=2', '?=&&=%ff', '%2e%2e/%00', '../../x', '?x=%0d%0a', '//x', 'a b', '%', '#x'];
const URL_HEADERS = ['Cookie', 'Origin', 'Access-Control-Request-Method', 'Content-Type', 'X-Forwarded-For', 'Accept'];
const URL_VALUES = ['a=b; c=d', 'http://x.test', 'GET', 'application/json', 'text/html; charset=x', '', '\xff\xfe'];

/** A request to a function URL whose listener is at `host`. */
export function urlRequest(draw: Draw, host: string, path: string): PlainRequest {
  return {
    method: draw.pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']),
    target: (draw.chance(0.9) ? path : '/nonesuch/') + draw.pick(URL_PATHS).replaceAll(' ', '+').replaceAll('#', '%23'),
    headers: [
      'Host',
      host,
      ...closing(draw),
      ...Array.from({ length: draw.below(4) }, () => [draw.pick(URL_HEADERS), draw.pick(URL_VALUES)]).flat(),
      ...(draw.chance(0.2) ? SIGNED : []),
    ],
    body: draw.pick([Buffer.alloc(0), Buffer.from('{"a":1}'), draw.bytes(60), Buffer.alloc(20_000, 'x')]),
  };
}
