import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { ApiError } from '../../src/model/api-error.ts';
import { startHttpServer } from '../../src/server/http.ts';
import { ListenError } from '../../src/server/listener.ts';
import { requestLimit } from '../../src/server/request-limit.ts';
import { authorization, sendRaw, startTestServer } from './protocol-server.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const functions = '/2015-03-31/functions';

test('a request reaches its operation with account and region of its signature, and is answered with its id', async () => {
  await using server = await startTestServer({
    stubs: { GetFunctionConfiguration: async () => ({ output: { FunctionName: 'f', CodeSize: 1 } }) },
  });
  const answer = await server.send('GET', `${functions}/f/configuration?Qualifier=1`);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json(), { FunctionName: 'f', CodeSize: 1 });
  assert.match(String(answer.headers['x-amzn-requestid']), UUID);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.ok(answer.headers['date']);
  assert.deepEqual(server.calls, [
    {
      operation: 'GetFunctionConfiguration',
      input: { FunctionName: 'f', Qualifier: '1' },
      account: '123456789012',
      region: 'eu-central-1',
    },
  ]);
});

test('errors carry name, type and message; our own faults show the request id and nothing else', async () => {
  await using server = await startTestServer({
    stubs: {
      GetFunction: async () => {
        throw new ApiError('ResourceNotFoundException', 'Function not found: arn');
      },
      GetPolicy: async () => {
        throw new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
          body: { Reason: 'CallerRateLimitExceeded' },
          headers: { 'Retry-After': '1' },
        });
      },
      GetAlias: async () => {
        throw new Error('secret detail');
      },
      ListTags: async () => {
        throw new ApiError('NotImplementedException', 'ListTags is not implemented.');
      },
    },
  });
  const missing = await server.send('GET', `${functions}/f`);
  assert.deepEqual(
    [missing.status, missing.headers['x-amzn-errortype'], missing.json()],
    [404, 'ResourceNotFoundException', { Type: 'User', Message: 'Function not found: arn' }],
  );
  const throttled = await server.send('GET', `${functions}/f/policy`);
  assert.deepEqual(
    [throttled.status, throttled.headers['retry-after'], throttled.json()],
    [429, '1', { Reason: 'CallerRateLimitExceeded', Type: 'User', message: 'Rate Exceeded.' }],
  );
  assert.equal(
    (await server.send('GET', '/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af')).status,
    501,
  );
  const broken = await server.send('GET', `${functions}/f/aliases/a`);
  assert.deepEqual(
    [broken.status, broken.headers['x-amzn-errortype'], broken.json()['Type']],
    [500, 'ServiceException', 'Service'],
  );
  const id = String(broken.headers['x-amzn-requestid']);
  assert.ok(broken.text.includes(id) && !broken.text.includes('secret'));
  assert.ok(server.log.some((line) => line.includes(id) && line.includes('secret detail')));
  assert.equal(server.log.length, 1);
});

test('without Authorization nothing else is looked at', async () => {
  await using server = await startTestServer();
  for (const path of [functions, '/nowhere', `${functions}/f/invocations`]) {
    const answer = await server.send('POST', path, { anonymous: true, body: '{' });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['x-amzn-errortype'], 'MissingAuthenticationTokenException');
    assert.equal(answer.json()['message'], 'Missing Authentication Token');
  }
  const other = { Authorization: authorization.replace('/lambda/', '/s3/') };
  assert.equal(
    (await server.send('GET', functions, { headers: other })).headers['x-amzn-errortype'],
    'InvalidSignatureException',
  );
  assert.equal((await server.send('GET', '/nowhere')).headers['x-amzn-errortype'], 'UnknownOperationException');
  assert.equal((await server.send('PATCH', functions)).status, 404);
});

test('limits are those of AWS, and a body at the limit passes', async () => {
  await using server = await startTestServer();
  const invoke = `${functions}/f/invocations`;
  const big = await server.send('POST', invoke, { body: Buffer.alloc(6_291_457, 0x20) });
  assert.deepEqual(
    [big.status, big.json()['message']],
    [413, 'Request must be smaller than 6291456 bytes for the InvokeFunction operation'],
  );
  assert.equal((await server.send('POST', invoke, { body: Buffer.alloc(6_291_456, 0x20) })).status, 200);
  const event = { 'X-Amz-Invocation-Type': 'Event' };
  assert.equal((await server.send('POST', invoke, { headers: event, body: Buffer.alloc(1_048_577) })).status, 413);
  assert.equal((await server.send('POST', invoke, { headers: event, body: Buffer.alloc(1_048_576) })).status, 200);
  assert.equal(
    requestLimit('CreateFunction', {}).refuse().message,
    'Request must be smaller than 70167211 bytes for the CreateFunction operation',
  );
  const unannounced = await sendRaw(
    server.port,
    `POST ${invoke} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nX-Amz-Invocation-Type: Event\r\nTransfer-Encoding: chunked\r\n\r\n`,
    (socket) => {
      socket.once('data', () => socket.end());
      socket.write(`110000\r\n${' '.repeat(0x110000)}\r\n`);
    },
  );
  assert.match(unannounced, /^HTTP\/1\.1 413 [\s\S]*Connection: close/);
});

test('a client that asks before it sends is told to go on, or refused', async () => {
  await using server = await startTestServer();
  const head = (path: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
  const accepted = await sendRaw(server.port, head(`${functions}/f/invocations`, 2), (socket) => {
    socket.once('data', () => socket.write('{}'));
  });
  assert.match(accepted, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  const refused = await sendRaw(server.port, head(`${functions}/f/invocations`, 7_000_000), (socket) => {
    socket.once('data', () => socket.end());
  });
  assert.match(refused, /^HTTP\/1\.1 413 /);
});

test('what is not HTTP is refused and the server lives on', async () => {
  await using server = await startTestServer();
  const get = `GET ${functions} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\n`;
  const hostile: [string, RegExp][] = [
    ['\x16\x03\x01\x02\x00\x01\x00', /^HTTP\/1\.1 400 /],
    ['GET\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET ${functions} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}Content-Length: -1\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}Bad Header: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}Folded: a\r\n b\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}X: \0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`GET ${functions} HTTP/9.9\r\nHost: h\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [`${get}X: ${'x'.repeat(200_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [`GET /${'x'.repeat(200_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [`CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n`, /^$/],
    [
      `GET //evil/../..${functions} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 404 /,
    ],
    [
      `GET /%00%ff HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 4\d\d /,
    ],
    [
      `GET ${functions}/%ff HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      `POST ${functions}/f/invocations HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      /^HTTP\/1\.1 400 |^$/,
    ],
    [
      `GET ${functions} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
      /^HTTP\/1\.1 200 /,
    ],
  ];
  for (const [bytes, expected] of hostile) {
    const answer = await sendRaw(server.port, Buffer.from(bytes, 'latin1'), (socket) =>
      setImmediate(() => socket.end()),
    );
    assert.match(answer, expected, JSON.stringify(bytes.slice(0, 120)));
  }
  assert.equal((await server.send('GET', functions)).status, 200);
  assert.deepEqual(server.log, []);
});

test('several requests in one write are answered in their order', async () => {
  await using server = await startTestServer({
    stubs: {
      GetFunction: async (_, input) => ({
        output: { Tags: { name: (input as { FunctionName: string }).FunctionName } },
      }),
    },
  });
  const one = (name: string, rest = '') =>
    `GET ${functions}/${name} HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\n${rest}\r\n`;
  const answer = await sendRaw(server.port, one('a') + one('b') + one('c', 'Connection: close\r\n'));
  assert.deepEqual(answer.match(/"name":"\w"/g), ['"name":"a"', '"name":"b"', '"name":"c"']);
});

test('clients that send their head or body too slowly are cut off', async () => {
  await using server = await startTestServer({ limits: { headMs: 200 }, pipeline: { bodyIdleMs: 200 } });
  assert.match(await sendRaw(server.port, `GET ${functions} HTTP/1.1\r\nHost:`), /^HTTP\/1\.1 408 /);
  const body = await sendRaw(
    server.port,
    `POST ${functions}/f/invocations HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nContent-Length: 100\r\n\r\n{`,
    (socket) => {
      socket.once('data', () => socket.end());
    },
  );
  assert.match(body, /^HTTP\/1\.1 408 [\s\S]*x-amzn-ErrorType: RequestTimeoutException/);
  assert.equal((await server.send('GET', functions)).status, 200);
});

test('a client that goes away in mid-body leaves nothing behind; one that goes away in an operation aborts it', async () => {
  const aborted = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await using server = await startTestServer({
    stubs: {
      Invoke: async ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve());
        started.resolve();
        await aborted.promise;
        return { output: {} };
      },
    },
  });
  const head = `POST ${functions}/f/invocations HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\n`;
  await sendRaw(server.port, `${head}Content-Length: 100\r\n\r\n{`, (socket) => setImmediate(() => socket.destroy()));
  assert.equal(server.calls.length, 0);
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`${head}\r\n`);
  await started.promise;
  socket.destroy();
  await aborted.promise;
  assert.deepEqual(server.log, []);
});

test('what a browser sends from a foreign or rebound origin is refused; SDKs may use any host name', async () => {
  await using server = await startTestServer();
  const own = `127.0.0.1:${server.port}`;
  const refused: Record<string, string>[] = [
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `http://localhost:${server.port}` },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', 'User-Agent': 'Mozilla/5.0' },
    { Host: 'evil.example', 'User-Agent': 'Mozilla/5.0' },
    { Host: 'evil.example', Origin: 'http://evil.example' },
    { Host: 'evil.example', Referer: 'http://evil.example/' },
    { Host: 'evil.example', 'Accept-Language': 'en' },
    { Host: 'localhost.evil.example', 'Sec-Fetch-Mode': 'cors' },
    { Host: 'a b', Origin: 'http://a b' },
  ];
  for (const headers of refused) {
    const answer = await server.send('GET', functions, { headers });
    assert.deepEqual(
      [answer.status, answer.headers['x-amzn-errortype']],
      [403, 'AccessDeniedException'],
      JSON.stringify(headers),
    );
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
  assert.equal(
    (await server.send('GET', '/_lambdad/health', { headers: { Origin: 'http://evil.example' } })).status,
    403,
  );
  assert.equal(server.calls.length, 0);
  const accepted: Record<string, string>[] = [
    { Host: 'lambda.eu-central-1.amazonaws.com', 'User-Agent': 'Boto3/1.43' },
    { Host: 'my-machine', 'User-Agent': 'aws-sdk-js/3.1' },
    {
      Origin: `http://${own}`,
      'Sec-Fetch-Site': 'same-origin',
      'User-Agent': 'Mozilla/5.0',
      Referer: `http://${own}/`,
    },
    { Host: `localhost:${server.port}`, 'Sec-Fetch-Site': 'none', 'User-Agent': 'Mozilla/5.0' },
    { Host: `[::1]:${server.port}`, 'User-Agent': 'Mozilla/5.0' },
  ];
  for (const headers of accepted)
    assert.equal((await server.send('GET', functions, { headers })).status, 200, JSON.stringify(headers));
});

test('the server answers its own paths without a signature', async () => {
  await using server = await startTestServer({
    openLink: async (path, query) =>
      path === '/_lambdad/code/x' && query.get('key') === '1' ? Buffer.from('PK') : undefined,
  });
  const health = await server.send('GET', '/_lambdad/health', { anonymous: true });
  assert.deepEqual([health.status, health.json()], [200, { status: 'ok', neighbours: [], mounts: [], tracing: [] }]);
  const code = await server.send('GET', '/_lambdad/code/x?key=1', { anonymous: true });
  assert.deepEqual([code.status, code.text, code.headers['content-type']], [200, 'PK', 'application/zip']);
  assert.equal((await server.send('GET', '/_lambdad/code/x?key=2', { anonymous: true })).status, 403);
  assert.equal((await server.send('GET', '/_lambdad/other', { anonymous: true })).status, 404);
  assert.equal((await server.send('POST', '/_lambdad/health', { anonymous: true, body: 'x' })).status, 404);
});

test('requests for CloudWatch Logs go to their handler, signed for their own service', async () => {
  await using server = await startTestServer({
    pipeline: {
      logsApi: async (target, body, who) => ({
        status: 200,
        body: JSON.stringify({ target, body: Buffer.from(body).toString(), ...who }),
      }),
    },
  });
  const headers = {
    'X-Amz-Target': 'Logs_20140328.GetLogEvents',
    Authorization: authorization.replace('/lambda/', '/logs/'),
  };
  const answer = await server.send('POST', '/', { headers, body: '{"a":1}' });
  assert.deepEqual(answer.json(), {
    target: 'Logs_20140328.GetLogEvents',
    body: '{"a":1}',
    account: '123456789012',
    region: 'eu-central-1',
  });
  assert.equal(answer.headers['content-type'], 'application/x-amz-json-1.1');
  assert.equal(
    (await server.send('POST', '/', { headers: { ...headers, Authorization: authorization }, body: '{}' })).status,
    403,
  );
});

test('bodies share one budget of bytes: who finds no room in time is throttled', async () => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  await using server = await startTestServer({
    pipeline: { bodyBytesTotalMax: 100_000, roomWaitMs: 100 },
    stubs: {
      Invoke: async () => {
        entered.resolve();
        await gate.promise;
        return { output: {} };
      },
    },
  });
  const invoke = `${functions}/f/invocations`;
  const first = server.send('POST', invoke, { body: Buffer.alloc(60_000) });
  await entered.promise;
  const waiting = server.send('POST', invoke, { body: Buffer.alloc(50_000) });
  const hopeless = await server.send('POST', `${functions}/f/invocations`, { body: Buffer.alloc(200_000) });
  assert.deepEqual(
    [hopeless.status, hopeless.headers['x-amzn-errortype'], hopeless.json()['Reason']],
    [429, 'TooManyRequestsException', 'CallerRateLimitExceeded'],
  );
  assert.equal((await waiting).status, 429);
  gate.resolve();
  assert.equal((await first).status, 200);
  assert.equal((await server.send('POST', invoke, { body: Buffer.alloc(90_000) })).status, 200);
});

test('a port in use is said in one line', async () => {
  await using server = await startTestServer();
  const { clock, ids } = {
    clock: { now: () => 0, monotonic: () => 0, after: () => ({ cancel() {} }) },
    ids: { uuid: () => '', hex: () => '', fraction: () => 0 },
  };
  const second = startHttpServer({
    host: '127.0.0.1',
    port: server.port,
    clock,
    ids,
    log: () => {},
    pipeline: { serve: async () => {}, answerPlain: () => Promise.reject(new Error('nobody asks')) },
    neighbours: [],
    packages: { openLink: async () => undefined },
  });
  await assert.rejects(
    second,
    (error: unknown) =>
      error instanceof ListenError && error.message.includes(`port ${server.port}`) && !error.message.includes('\n'),
  );
});

test('closing lets running requests finish, and cuts off those that outlast the budget', async () => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const stubs = {
    Invoke: async () => {
      entered.resolve();
      await gate.promise;
      return { output: { Payload: Buffer.from('"done"') } };
    },
  };
  const server = await startTestServer({ stubs });
  const idle = connect(server.port, '127.0.0.1');
  const running = server.send('POST', `${functions}/f/invocations`, { body: '{}' });
  await entered.promise;
  const closed = server.http.close(5000);
  gate.resolve();
  assert.equal((await running).text, '"done"');
  await closed;
  idle.destroy();

  const stuck = await startTestServer({ stubs: { Invoke: () => new Promise(() => {}) } });
  const cut = assert.rejects(stuck.send('POST', `${functions}/f/invocations`, { body: '{}' }));
  await stuck.send('GET', functions);
  await stuck.http.close(50);
  await cut;
});
