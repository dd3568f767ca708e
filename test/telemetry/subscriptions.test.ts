import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALPHA, BETA, httpTo, requestOf, telemetryWorld } from './telemetry-world.ts';

const LOGS = { path: '/2020-08-15/logs' };
const PORT = 8080;

test('a subscription is answered, and said in the log', () => {
  const { subscribe, messages, telemetry } = telemetryWorld();
  assert.deepEqual(subscribe(httpTo(PORT, { types: ['platform', 'function'] })), { status: '200 OK', body: '"OK"' });
  assert.deepEqual(subscribe(httpTo(PORT, { schemaVersion: '2020-08-15' }), { ...LOGS, id: BETA }), {
    status: '200 OK',
    body: '"OK"',
  });
  assert.deepEqual(messages(), [
    'TELEMETRY\tName: alpha\tState: Subscribed\tTypes: [Platform, Function]\n',
    'LOGS\tName: beta\tState: Subscribed\tTypes: [Platform, Function, Extension]\n',
  ]);
  telemetry.reset();
});

test('the whole answer, byte for byte', () => {
  const { telemetry } = telemetryWorld();
  const path = '/2022-07-01/telemetry';
  const body = Buffer.from(JSON.stringify(httpTo(PORT)));
  assert.equal(
    telemetry.answer(requestOf('PUT', path, ALPHA, body)).toString(),
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"OK"',
  );
  const refusal = '{"errorMessage":"Unknown extension 0-","errorType":"Extension.UnknownExtensionIdentifier"}\n';
  const unknown = ALPHA.replaceAll('1', '0');
  assert.equal(
    telemetry.answer(requestOf('PUT', path, unknown, body)).toString(),
    `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${refusal.length + unknown.length - 2}\r\n\r\n${refusal.replace('0-', unknown)}`,
  );
  telemetry.reset();
});

test('only PUT by an extension that is known, of a body that is not too long', () => {
  const { subscribe, telemetry } = telemetryWorld();
  const missing =
    '{"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}\n';
  assert.deepEqual(subscribe(httpTo(PORT), { id: '' }), { status: '403 Forbidden', body: missing });
  const invalid =
    '{"errorMessage":"Invalid Lambda-Extension-Identifier","errorType":"Extension.InvalidExtensionIdentifier"}\n';
  assert.deepEqual(subscribe(httpTo(PORT), { id: 'alpha' }), { status: '403 Forbidden', body: invalid });
  assert.equal(subscribe(httpTo(PORT), { method: 'POST' }).status, '405 Method Not Allowed');
  assert.equal(subscribe(httpTo(PORT), { path: '/2022-07-01/telemetry/more' }).status, '404 Not Found');
  assert.equal(subscribe(httpTo(PORT, { x: 'x'.repeat(1_048_577) })).status, '413 Request Entity Too Large');
  const tooLarge = { ...requestOf('PUT', '/2022-07-01/telemetry', ALPHA, Buffer.alloc(0)), tooLarge: true };
  assert.match(telemetry.answer(tooLarge).toString(), /^HTTP\/1.1 413 /);
});

test('after init subscriptions are closed, until the processes start anew', () => {
  const { subscribe, telemetry } = telemetryWorld();
  telemetry.closeSubscriptions();
  assert.deepEqual(subscribe(httpTo(PORT)), {
    status: '403 Forbidden',
    body: '{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}\n',
  });
  assert.deepEqual(subscribe(httpTo(PORT), LOGS), {
    status: '403 Forbidden',
    body: '{"errorMessage":"Logs API subscription is closed already","errorType":"Logs.SubscriptionClosed"}\n',
  });
  telemetry.reset();
  assert.equal(subscribe(httpTo(PORT)).status, '200 OK');
  telemetry.reset();
});

const HTTP = (URI: unknown, more = {}) => ({ destination: { protocol: 'HTTP', URI, ...more } });
const TCP = (port: unknown) => ({ destination: { protocol: 'TCP', port } });

const accepted: Record<string, unknown>[] = [
  { schemaVersion: '2022-07-01' },
  { schemaVersion: '2025-01-29' },
  HTTP('http://sandbox:1/path?query'),
  HTTP('HTTP://Sandbox.LocalDomain:80'),
  HTTP('http://sandbox.localdomain:65535#fragment', { method: 'PUT', encoding: 'JSON' }),
  TCP(1),
  TCP(65_535),
  { buffering: {} },
  { buffering: { maxItems: 1000, maxBytes: 262_144, timeoutMs: 25 } },
  { buffering: { maxItems: 10_000, maxBytes: 1_048_576, timeoutMs: 30_000 } },
  { types: ['extension'] },
];

test('what AWS documents is accepted', () => {
  for (const changes of accepted) {
    const { subscribe, telemetry } = telemetryWorld();
    assert.deepEqual(subscribe(httpTo(PORT, changes)), { status: '200 OK', body: '"OK"' }, JSON.stringify(changes));
    telemetry.reset();
  }
});

const PORTS = 'port should be between 1 and 65535';
const refused: [changes: Record<string, unknown>, message: string][] = [
  [{ ...HTTP('http://sandbox.localdomain'), types: [] }, 'URI port is not provided; types should not be empty'],
  [{ types: undefined }, 'types should not be empty'],
  [{ types: 'platform' }, 'types should not be empty'],
  [{ types: ['platform', 'x'] }, 'unknown variant `x`, expected one of `platform`, `function`, `extension`'],
  [{ types: [null] }, 'unknown variant `null`, expected one of `platform`, `function`, `extension`'],
  [
    { schemaVersion: undefined },
    'TelemetryAPI only supports the following SchemaVersion: 2022-07-01, 2022-12-13, 2025-01-29',
  ],
  [
    { schemaVersion: '2021-03-18' },
    'TelemetryAPI only supports the following SchemaVersion: 2022-07-01, 2022-12-13, 2025-01-29',
  ],
  [{ destination: undefined }, 'missing field `destination`'],
  [{ destination: 'x' }, 'missing field `destination`'],
  [{ destination: {} }, 'missing field `protocol`'],
  [{ destination: { protocol: 'UDP' } }, 'unknown variant `UDP`, expected `HTTP` or `TCP`'],
  [{ destination: { protocol: 'HTTP' } }, 'missing field `URI`'],
  [{ destination: { protocol: 'TCP' } }, 'missing field `port`'],
  [TCP('80'), 'missing field `port`'],
  [TCP(0), PORTS],
  [TCP(65_536), PORTS],
  [TCP(1.5), PORTS],
  [TCP(9001), 'port 9001 is reserved'],
  [HTTP('http://sandbox.localdomain:9001/x'), 'port 9001 is reserved'],
  [HTTP('http://sandbox.localdomain:65536'), PORTS],
  [HTTP('http://sandbox.localdomain:/'), 'URI port is not provided'],
  [HTTP('http://user@sandbox.localdomain:80'), 'invalid destination URI'],
  [HTTP('http://sandbox.localdomain:80@example.com/'), 'invalid destination URI'],
  [HTTP('http://sandbox.localdomain:80/a b'), 'invalid destination URI'],
  [HTTP('http://sandbox.localdomain:80/\r\nX-Y: z'), 'invalid destination URI'],
  [HTTP('sandbox.localdomain:80'), 'invalid destination URI'],
  [HTTP('http://sandbox:80', { method: 'GET' }), 'unknown variant `GET`, expected `POST` or `PUT`'],
  [HTTP('http://sandbox:80', { encoding: 'XML' }), 'unknown variant `XML`, expected `JSON`'],
  [{ buffering: 3 }, 'buffering should be an object'],
  [{ buffering: { maxItems: 999 } }, 'maxItems should be between 1000 and 10000'],
  [{ buffering: { maxItems: 10_001 } }, 'maxItems should be between 1000 and 10000'],
  [{ buffering: { maxItems: '1000' } }, 'maxItems should be between 1000 and 10000'],
  [
    { buffering: { maxBytes: 262_143, timeoutMs: 24 } },
    'maxBytes should be between 262144 and 1048576; timeoutMs should be between 25 and 30000',
  ],
  [
    { buffering: { maxBytes: 1_048_577, timeoutMs: 30_001 } },
    'maxBytes should be between 262144 and 1048576; timeoutMs should be between 25 and 30000',
  ],
];

test('what is wrong is said, all of it at once, and nothing is subscribed', () => {
  const { subscribe, messages } = telemetryWorld();
  for (const [changes, errorMessage] of refused) {
    const body = JSON.stringify({ errorType: 'ValidationError', errorMessage });
    assert.deepEqual(subscribe(httpTo(PORT, changes)), { status: '400 Bad Request', body }, JSON.stringify(changes));
  }
  for (const text of ['', 'x', '[]', 'null', '"x"', '{"types":']) {
    const body = '{"errorType":"ValidationError","errorMessage":"The request body is not a JSON object"}';
    assert.deepEqual(subscribe(text), { status: '400 Bad Request', body }, text);
  }
  assert.deepEqual(messages(), []);
});

test('only the environment itself is a destination', () => {
  const { subscribe, dialled, messages } = telemetryWorld();
  const hosts = ['localhost', '127.0.0.1', '169.254.169.254', 'example.com', 'sandbox.localdomain.example.com'];
  for (const host of hosts) {
    const errorMessage = "Only 'sandbox.localdomain' hostname is supported.";
    const body = JSON.stringify({ errorType: 'Telemetry.AccessDenied', errorMessage });
    assert.deepEqual(subscribe(httpTo(PORT, HTTP(`http://${host}:80`))), { status: '403 Forbidden', body });
  }
  const errorMessage = "Only 'http' scheme is supported.";
  const body = JSON.stringify({ errorType: 'Logs.AccessDenied', errorMessage });
  const https = httpTo(PORT, { ...HTTP('https://sandbox:80'), schemaVersion: '2020-08-15' });
  assert.deepEqual(subscribe(https, LOGS), { status: '403 Forbidden', body });
  assert.deepEqual([dialled, messages()], [[], []]);
});

test('the Logs API has its own versions, defaults and name of its error', () => {
  const { subscribe, telemetry } = telemetryWorld();
  const errorMessage = 'LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18';
  const body = JSON.stringify({ errorType: 'Logs.ValidationError', errorMessage });
  assert.deepEqual(subscribe(httpTo(PORT), LOGS), { status: '400 Bad Request', body });
  assert.equal(subscribe(httpTo(PORT, { schemaVersion: '2021-03-18' }), LOGS).status, '200 OK');
  assert.equal(subscribe(httpTo(PORT, { schemaVersion: undefined }), { ...LOGS, id: BETA }).status, '200 OK');
  telemetry.reset();
});

test('an extension has one subscription, to one of the two APIs', () => {
  const { subscribe, messages, telemetry } = telemetryWorld();
  assert.equal(subscribe(httpTo(PORT)).body, '"OK"');
  assert.deepEqual(subscribe(httpTo(PORT)), { status: '200 OK', body: '"AlreadySubscribed"' });
  assert.deepEqual(subscribe(httpTo(PORT, { schemaVersion: '2020-08-15' }), LOGS), {
    status: '400 Bad Request',
    body: '{"errorType":"Logs.AccessDenied","errorMessage":"The extension alpha is already subscribed to the TelemetryAPI. You must either subscribe to the LogsAPI or the TelemetryAPI"}',
  });
  assert.equal(messages().length, 1);
  assert.equal(subscribe(httpTo(PORT + 1)).body, '"OK"');
  assert.equal(messages().length, 2);
  telemetry.reset();
});
