import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FunctionOptions, FunctionProcess } from './function-process.ts';
import { nodes, startNodeFunction } from './nodejs/node-runtime.ts';
import { pythons, startPythonFunction } from './python/python-runtime.ts';
import { rubies, startRubyFunction } from './ruby/ruby-runtime.ts';

/** Each bootstrap has a parser of its own, so each is tried: one Node, one Python and one Ruby. */
const [node] = nodes;
const python = pythons.at(-1);
type Start = (test: TestContext, options: Partial<FunctionOptions>) => Promise<FunctionProcess>;
const bootstraps: [name: string, start: Start][] = [
  ['Node', (test, options) => startNodeFunction(test, node!, 'exports.handler = async (event) => event;', options)],
];
if (python !== undefined) {
  const echo = 'def handler(event, context):\n    return event\n';
  bootstraps.push(['Python', (test, options) => startPythonFunction(test, python, echo, options)]);
}
const ruby = rubies.at(-1);
if (ruby !== undefined) {
  const echo = 'def handler(event:, context:) = event\n';
  bootstraps.push(['Ruby', (test, options) => startRubyFunction(test, ruby, echo, options)]);
}

const head = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}\r\n`;
const hostile: [name: string, bytes: string][] = [
  ['something else than HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['an older HTTP', 'HTTP/1.0 200 OK\r\n\r\n'],
  ['a header line without a colon', head('Content-Length\r\n')],
  ['a length that is no number', head('Content-Length: -1\r\n')],
  ['a body without bounds', head('Content-Length: 9999999999\r\n')],
  ['an unknown transfer coding', head('Transfer-Encoding: gzip\r\n')],
  ['a chunk size that is no number', `${head('Transfer-Encoding: chunked\r\n')}zz\r\n`],
  ['a chunk longer than it says', `${head('Transfer-Encoding: chunked\r\n')}1\r\nabc\r\n`],
  ['a head without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(100_000)}`],
  ['a refusal instead of an event', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'],
];

/** Answers the runtime's first request with `respond`. Resolves with its address and the connection. */
async function rawServer(test: TestContext, respond: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => respond(socket));
  });
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const [name, start] of bootstraps) {
  describe(`the ${name} bootstrap`, () => {
    for (const [what, bytes] of hostile) {
      it(`ends at ${what}`, async (test) => {
        const address = await rawServer(test, (socket) => socket.write(bytes));
        const run = await start(test, { environment: { AWS_LAMBDA_RUNTIME_API: address } });
        assert.equal(await run.ended, 1);
        assert.match(run.stderr(), /^The Lambda Runtime API is gone: [^\n]+\.\n$/);
      });
    }

    it('puts an event together that comes byte by byte', async (test) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const chunked = `Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nT: t\r\n\r\n`;
      const address = await rawServer(test, async (socket) => {
        let posted = '';
        socket.on('data', (data) => {
          posted += data;
          if (posted.includes('/next')) resolve(posted);
        });
        socket.setNoDelay(true);
        for (const byte of `HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\n${chunked}`) {
          socket.write(byte);
          await nextTurn();
        }
      });
      await start(test, { environment: { AWS_LAMBDA_RUNTIME_API: address } });
      const [request, body] = (await promise).split('\r\n\r\n');
      assert.match(request!, /^POST \/2018-06-01\/runtime\/invocation\/r\/response HTTP\/1\.1\r\n/);
      assert.match(body!, /^\{"a": ?1\}GET \/2018-06-01\/runtime\/invocation\/next HTTP\/1\.1/);
    });
  });
}
