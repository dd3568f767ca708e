/** Valid requests to the local APIs of an environment, for spoiling. Runs inside a function too. */
import type { Draw } from './draw.ts';
import { FORGED, type PlainRequest } from './hostile-http.ts';

/** What the one who sends may know of the environment. */
export interface LocalNames {
  /** The running invocation, or one that there never was. */
  readonly requestId: string;
  readonly extensionId: string;
}

const RUNTIME = '/2018-06-01/runtime/';
const EXTENSION = '/2020-01-01/extension/';
const ERROR_TYPES = ['Runtime.Unknown', 'Function.Mine', 'x'.repeat(2_000), `Runtime.A\t${FORGED}`, 'Ünicode', ''];
const ERROR_BODIES = [
  '{"errorMessage":"m","errorType":"T","stackTrace":[]}',
  `{"errorMessage":"a\\n${FORGED}","errorType":"\\r\\n${FORGED}","stackTrace":["\\n${FORGED}"]}`,
  '{"errorMessage":1}',
  '[',
  '',
  `{"__proto__":{"errorType":"x"},"constructor":1}`,
  '['.repeat(50_000),
  '"'.repeat(9_999),
];
const BODIES = ['"ok"', '', '{', 'x'.repeat(70_000), '\0', '\ud800', `${FORGED}\n`, '[1,2]'];
const EVENTS = [
  '{"events":["INVOKE","SHUTDOWN"]}',
  '{"events":[]}',
  '{"events":["X"]}',
  '{"events":"INVOKE"}',
  '{"events":[null,1,{}]}',
  '[]',
  '',
  'null',
  `{"events":${'['.repeat(5_000)}`,
];
const EXTENSION_NAMES = ['alpha', 'mine', '', '../../etc/passwd', 'x'.repeat(3_000), '__proto__', `a\t${FORGED}`];
const PORTS = [0, 1, 80, 9001, 65_535, 65_536, -1, 1.5, '80', null];
const HOSTS = ['sandbox.localdomain', 'sandbox', '127.0.0.1', '[::1]', '169.254.169.254', 'x'.repeat(300), 'a b'];
const BUFFERINGS = [
  { maxItems: 1000, maxBytes: 262_144, timeoutMs: 100 },
  { maxItems: -1, maxBytes: 1e308, timeoutMs: 0 },
  { maxItems: '1', maxBytes: null },
  [],
  'x',
];

function subscription(draw: Draw): string {
  const protocol = draw.pick(['HTTP', 'TCP', 'http', 'UDP', 1]);
  const whole: Record<string, unknown> = {
    schemaVersion: draw.pick(['2022-12-13', '2022-07-01', '2025-01-29', '1', 1, null]),
    types: draw.pick([['platform', 'function'], ['extension'], [], ['x'], 'platform', [['platform']], null]),
    buffering: draw.pick(BUFFERINGS),
    destination: draw.pick<unknown>([
      { protocol, URI: `http://${draw.pick(HOSTS)}:${draw.pick(PORTS)}/${draw.pick(['', 'x', '\r\n', '%0d%0a'])}` },
      { protocol, port: draw.pick(PORTS) },
      { protocol, URI: draw.pick(['', 'x', 'file:///etc/passwd', 'http://', 'http://a:b@sandbox:1/']) },
      'x',
      null,
    ]),
  };
  if (draw.chance(0.2)) delete whole[draw.pick(Object.keys(whole))];
  const text = JSON.stringify(whole);
  return draw.chance(0.1) ? text.slice(0, draw.below(text.length)) : text;
}

type Target = readonly [string, string, (draw: Draw, names: LocalNames) => { headers?: string[]; body?: string }];

const error = (draw: Draw) => ({
  headers: ['Lambda-Runtime-Function-Error-Type', draw.pick(ERROR_TYPES)].concat(
    draw.chance(0.3) ? ['Content-Type', 'application/vnd.aws.lambda.error.cause+json'] : [],
  ),
  body: draw.pick(ERROR_BODIES),
});
const nothing = () => ({});
const identified = (draw: Draw, { extensionId }: LocalNames) => ({
  headers: draw.chance(0.8) ? ['Lambda-Extension-Identifier', draw.chance(0.7) ? extensionId : 'x'] : [],
});

const TARGETS: readonly Target[] = [
  ['GET', '/2018-06-01/ping', nothing],
  ['GET', `${RUNTIME}invocation/next`, nothing],
  [
    'POST',
    `${RUNTIME}invocation/ID/response`,
    (draw) => ({
      headers: draw.chance(0.4)
        ? ['Lambda-Runtime-Function-Response-Mode', draw.pick(['streaming', 'Streaming', '', 'x'])]
        : ['Content-Type', draw.pick(['application/json', '', 'x'.repeat(4_000)])],
      body: draw.pick(BODIES),
    }),
  ],
  ['POST', `${RUNTIME}invocation/ID/error`, error],
  ['POST', `${RUNTIME}init/error`, error],
  ['POST', `${RUNTIME}restore/error`, error],
  ['GET', `${RUNTIME}restore/next`, nothing],
  [
    'POST',
    `${EXTENSION}register`,
    (draw) => ({ headers: ['Lambda-Extension-Name', draw.pick(EXTENSION_NAMES)], body: draw.pick(EVENTS) }),
  ],
  ['GET', `${EXTENSION}event/next`, identified],
  ['POST', `${EXTENSION}init/error`, identified],
  ['POST', `${EXTENSION}exit/error`, identified],
  ['GET', '/2026-01-15/metadata/execution-environment', nothing],
  ...['/2022-07-01/telemetry', '/2020-08-15/logs'].map(
    (path): Target => ['PUT', path, (draw, names) => ({ ...identified(draw, names), body: subscription(draw) })],
  ),
];

export function localRequest(draw: Draw, names: LocalNames): PlainRequest {
  const [method, path, rest] = draw.pick(TARGETS);
  const { headers = [], body = '' } = rest(draw, names);
  return {
    method: draw.chance(0.05) ? draw.pick(['GET', 'POST', 'PUT', 'DELETE']) : method,
    target: path.replace('ID', () => (draw.chance(0.7) ? names.requestId : draw.pick(['x', '..', '%00', '']))),
    headers: ['Host', '127.0.0.1:9001', ...headers],
    body: Buffer.from(body),
  };
}
