/** Plain Invokes, which are answered without node:http: nobody can tell, and what is not plain goes the other way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { ApiError } from '../../src/model/api-error.ts';
import type { InvocationRequest } from '../../src/model/types.gen.ts';
import { authorization, sendRaw, startTestServer, type TestServer } from './protocol-server.ts';

const PATH = '/2015-03-31/functions/f/invocations';
/** With it a request says nothing that matters, and is not plain. */
const NOT_PLAIN = 'TE: trailers\r\n';

function invokeBytes(body: string, more = '', path = PATH): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nX-Amz-Date: 20260101T000000Z\r\n`;
  return `${head}${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** What is answered on one connection until it has been quiet: its last request asks for the end. */
function answersTo(server: TestServer, ...requests: readonly string[]): Promise<string> {
  const last = `GET /_lambdad/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  return sendRaw(server.http.port, [...requests, last].join(''));
}

function withoutIds(answer: string): string {
  return answer.replace(/[0-9a-f-]{36}/g, 'ID').replace(/^Date: .*$/gm, 'Date: D');
}

function echoing(): Promise<TestServer> {
  return startTestServer({
    stubs: {
      Invoke: async (_context, input) => {
        const { Payload = Buffer.alloc(0), Qualifier } = input as InvocationRequest;
        const text = Buffer.from(Payload).toString();
        if (text === '"refused"')
          throw new ApiError('TooManyRequestsException', 'Rate Exceeded.', { headers: { 'Retry-After': '1' } });
        if (text === '"broken"') throw new Error('secret detail');
        if (text === '"none"') return { output: { StatusCode: 204 }, status: 204 };
        const headers = { 'X-Amzn-Trace-Id': 'Root=1' };
        return { output: { StatusCode: 200, Payload, ExecutedVersion: Qualifier ?? '$LATEST' }, headers };
      },
    },
  });
}

test('the answers of both ways are the same, byte for byte', async () => {
  await using server = await echoing();
  const cases = ['{}', '', '"ä"', '"refused"', '"broken"', '"none"', JSON.stringify('x'.repeat(16_000))];
  for (const body of cases)
    for (const path of [PATH, `${PATH}?Qualifier=7`, '/2015-03-31/functions/a/b/invocations', `${PATH}?Qualifier=%ff`])
      for (const more of [
        '',
        'X-Amz-Invocation-Type: Nonsense\r\n',
        'x-unknown:   spaced  \r\nConnection: keep-alive\r\n',
      ]) {
        const plain = await answersTo(server, invokeBytes(body, more, path));
        const other = await answersTo(server, invokeBytes(body, more + NOT_PLAIN, path));
        assert.ok(plain.startsWith('HTTP/1.1 '), plain);
        assert.equal(withoutIds(plain), withoutIds(other), `${path} ${more} ${body.slice(0, 20)}`);
      }
});

test('requests that come in one piece are answered in their order, whatever they are', async () => {
  await using server = await echoing();
  const list = `GET /2015-03-31/functions HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`;
  const seen = await answersTo(
    server,
    invokeBytes('1'),
    invokeBytes('2'),
    invokeBytes('"broken"'),
    list,
    invokeBytes('3'),
  );
  const bodies = seen
    .split(/HTTP\/1\.1 /)
    .slice(1)
    .map((answer) => `${answer.slice(0, 3)} ${answer.split('\r\n\r\n')[1]}`);
  assert.deepEqual(
    bodies.map((body) => body.slice(0, 12)),
    ['200 1', '200 2', '500 {"Type":', '200 {}', '200 3', '200 {"status'].map((body) => body.slice(0, 12)),
  );
  assert.deepEqual(
    server.calls.map(({ operation }) => operation),
    ['Invoke', 'Invoke', 'Invoke', 'ListFunctions', 'Invoke'],
  );
});

test('a request is answered wherever it is cut', async () => {
  await using server = await echoing();
  const bytes = invokeBytes('{"a":1}');
  for (let at = 1; at < bytes.length; at += 7) {
    const socket = await connected(server);
    socket.write(bytes.slice(0, at));
    // The rest is another piece: the first one has been read.
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.slice(at));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{"a":1\}$/, `cut at ${at}`);
    socket.destroy();
  }
});

test('what is malformed is refused as node refuses it', async () => {
  await using server = await echoing();
  const plain = invokeBytes('{}');
  const wrong: readonly [what: string, bytes: string][] = [
    ['bare line feeds', plain.replaceAll('\r\n', '\n')],
    ['a line feed within a value', plain.replace('Host: a', 'Host: a\nX-B: c')],
    ['two lengths', plain.replace('Content-Length: 2', 'Content-Length: 2\r\nContent-Length: 3')],
    ['a length and chunks', plain.replace('Content-Length: 2', 'Content-Length: 2\r\nTransfer-Encoding: chunked')],
    ['a length that is none', plain.replace('Content-Length: 2', 'Content-Length: +2')],
    ['a space before the colon', plain.replace('Host: a', 'Host: a\r\nX-B : c')],
    ['a folded line', plain.replace('Host: a', 'Host: a\r\nX-B: c\r\n d')],
    ['no host', plain.replace('Host: a\r\n', '')],
    ['another version', plain.replace('HTTP/1.1', 'HTTP/1.7')],
  ];
  for (const [what, bytes] of wrong) {
    const answer = await sendRaw(server.http.port, bytes);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, what);
  }
  assert.deepEqual(server.calls, []);
});

test('an answer that is longer than the kernel takes arrives whole', async () => {
  const body = Buffer.alloc(6_000_000, 'x');
  await using server = await startTestServer({
    stubs: { Invoke: async () => ({ output: { StatusCode: 200, Payload: body } }) },
  });
  const seen = await answersTo(server, invokeBytes('{}'), invokeBytes('{}'));
  const [, first = '', second = ''] = seen.split(/HTTP\/1\.1 200 OK\r\n/);
  for (const answer of [first, second]) assert.equal(answer.split('\r\n\r\n')[1]?.length, body.length);
});

test('a client that reads late gets every answer, and is not read further meanwhile', async () => {
  const body = Buffer.alloc(16_000, 'x');
  // As many as come in one piece: one that is cut within a head would go the other way.
  const [BATCH, BATCHES] = [150, 4];
  const CALLS = BATCH * BATCHES;
  await using server = await startTestServer({
    stubs: { Invoke: async () => ({ output: { StatusCode: 200, Payload: body } }) },
  });
  const socket = await connected(server);
  socket.pause();
  let before = -1;
  for (let batch = 0; batch < BATCHES; batch++) {
    socket.write(invokeBytes('{}').repeat(BATCH));
    while (server.calls.length !== before) {
      before = server.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert.ok(before < CALLS, 'it is called for more than is taken');
  let bytes = 0;
  let answers = 0;
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length;
    answers += piece.toString('latin1').split('HTTP/1.1 200').length - 1;
    if (bytes >= CALLS * body.length && server.calls.length === CALLS) socket.end();
  });
  socket.resume();
  await once(socket, 'close');
  assert.equal(server.calls.length, CALLS);
  assert.ok(answers >= CALLS - 1, `${answers} answers`);
});

test('a client that goes while it is waited for ends its connection and nothing else', async () => {
  let go = () => {};
  const isAsked = new Promise<void>((resolve) => {
    go = resolve;
  });
  const release = Promise.withResolvers<void>();
  await using server = await startTestServer({
    stubs: {
      Invoke: async () => {
        go();
        await release.promise;
        return { output: { StatusCode: 200, Payload: Buffer.from('1') } };
      },
    },
  });
  const socket = await connected(server);
  socket.write(invokeBytes('{}'));
  await isAsked;
  socket.destroy();
  release.resolve();
  assert.match(await answersTo(server, invokeBytes('{}')), /^HTTP\/1\.1 200 OK/);
  assert.deepEqual(server.log, []);
});

test('a server that closes lets a plain request finish, and ends its connection', async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await startTestServer({
    stubs: {
      Invoke: async () => {
        asked.resolve();
        await release.promise;
        return { output: { StatusCode: 200, Payload: Buffer.from('1') } };
      },
    },
    pipeline: { closing: () => true },
  });
  const answer = sendRaw(server.http.port, invokeBytes('{}'));
  await asked.promise;
  const closed = server.http.close(10_000);
  release.resolve();
  assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nConnection: close\r\n[\s\S]*\r\n\r\n1$/);
  await closed;
});

async function connected(server: TestServer): Promise<Socket> {
  const socket = connect(server.http.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
