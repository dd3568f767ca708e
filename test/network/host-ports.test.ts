/** Ports of the host that are opened for functions, and the way in which names are resolved inside. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { cover, type Internet, isInDisposableNetwork, openInternet, WEB } from './disposable-network.ts';
import { createProbe, type Language, probe } from './probe-function.ts';

const NAMES = ['127.0.0.1', 'localhost', 'host.lambdad.internal'];
const BIG_BYTES = 8 * 1_048_576;
const DNS_HEADER_BYTES = 12;
const TYPE_A = 1;

/** Answers with `text` at 127.0.0.1 alone. */
async function openLoopbackService(text: string): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, server };
}

/** Gives back what it gets. */
async function openEcho(): Promise<{ port: number; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, server };
}

/** A name server over TCP at the host's loopback address, for which every name is the web server's. */
async function openNameServer(): Promise<Server> {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const query = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + query.length);
        socket.write(nameAnswer(query));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(53, '127.0.0.1', resolve));
  return server;
}

function nameAnswer(query: Buffer): Buffer {
  let end = DNS_HEADER_BYTES;
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1;
  const question = query.subarray(DNS_HEADER_BYTES, end + 5);
  const isAddress = query.readUInt16BE(end + 1) === TYPE_A;
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
  const record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...WEB.split('.').map(Number)];
  const body = Buffer.concat([header, question, Buffer.from(isAddress ? record : [])]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([length, body]);
}

const BIG = `
import { connect } from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
// Reads nothing for a while, so that both ways have to wait.
export const handler = async ({ port }) => {
  const sent = randomBytes(${BIG_BYTES});
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.end(sent);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const got = [];
  for await (const part of socket) got.push(part);
  const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
  return { bytes: Buffer.concat(got).length, isSame: hash(Buffer.concat(got)) === hash(sent) };
};`;

if (isInDisposableNetwork(import.meta.filename)) {
  describe('the host, as far as it is opened for functions', () => {
    let internet: Internet;
    let allowed: Awaited<ReturnType<typeof openLoopbackService>>;
    let closed: Awaited<ReturnType<typeof openLoopbackService>>;
    let echo: Awaited<ReturnType<typeof openEcho>>;
    let names: Server;
    let servers: Record<'egress' | 'none', TestServer>;

    before(async () => {
      internet = await openInternet();
      cover('/etc/resolv.conf', 'nameserver 127.0.0.1\n');
      names = await openNameServer();
      allowed = await openLoopbackService('the allowed one');
      closed = await openLoopbackService('the closed one');
      echo = await openEcho();
      const args = ['--nearest-runtime', '--allow-host', `${allowed.port},${echo.port},1`];
      const [egress, none] = await Promise.all([
        startTestServer({ args }),
        startTestServer({ args: [...args, '--network', 'none'] }),
      ]);
      servers = { egress, none };
    });

    after(async () => {
      await Promise.all(Object.values(servers).map((server) => server.stop()));
      for (const server of [allowed.server, closed.server, echo.server, names]) server.close();
      internet.close();
    });

    for (const network of ['egress', 'none'] as const)
      for (const language of ['node', 'python'] as const satisfies readonly Language[])
        test(`${language} reaches the allowed port and no other (network ${network})`, async () => {
          const client = servers[network].client();
          await createProbe(client, language, language);
          const ports = [allowed.port, closed.port, 1];
          const found = await probe(
            client,
            language,
            NAMES.flatMap((host) => ports.map((port) => ({ host, port }))),
          );
          for (const host of NAMES) {
            assert.equal(found.get(`${host} ${allowed.port}`), 'the allowed one');
            assert.match(found.get(`${host} ${closed.port}`) ?? '', /REFUSED|RefusedError/);
            // Allowed, and nobody listens there.
            assert.match(found.get(`${host} 1`) ?? '', /ECONNRESET|ResetError/);
          }
        });

    test('large transfers wait for whichever side is slower, and arrive whole', async () => {
      const client = servers.egress.client();
      await createFunction(client, 'big', { files: { 'index.mjs': BIG }, Timeout: 20, MemorySize: 512 });
      const { payload } = await invokeFunction(client, 'big', { port: echo.port });
      assert.deepEqual(payload, { bytes: BIG_BYTES, isSame: true });
    });

    test("names are asked for at the host's own name server, by way of the server", async () => {
      const client = servers.egress.client();
      await createFunction(client, 'lookup', {
        files: {
          'index.mjs':
            "import { lookup } from 'node:dns/promises'; export const handler = () => lookup('web.example');",
        },
      });
      const { payload } = await invokeFunction(client, 'lookup');
      assert.deepEqual(payload, { address: WEB, family: 4 });
    });

    test('an endpoint at a port that is not open is named in the log, with the flag, once for each environment', async () => {
      const client = servers.egress.client();
      await createProbe(client, 'endpoints', 'node', {
        Environment: {
          Variables: {
            AWS_ENDPOINT_URL_DYNAMODB: `http://localhost:${closed.port}`,
            AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${allowed.port}`,
            AWS_ENDPOINT_URL: 'https://aws.example',
          },
        },
      });
      for (let i = 0; i < 2; i++) await probe(client, 'endpoints', []);
      const said = (await logMessages(servers.egress.url, 'endpoints')).filter((line) => line.startsWith('lambdad: '));
      const flag = `--allow-host ${allowed.port},${echo.port},1,${closed.port}`;
      assert.deepEqual(said, [
        `lambdad: AWS_ENDPOINT_URL_DYNAMODB is http://localhost:${closed.port}, which inside a function is the function itself; ` +
          `to reach port ${closed.port} of this machine start the server with ${flag}`,
      ]);
    });
  });
}

/** The lines of the function's log. */
async function logMessages(url: string, name: string): Promise<string[]> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Logs_20140328.FilterLogEvents',
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ logGroupName: `/aws/lambda/${name}` }),
  });
  const { events = [] } = (await answer.json()) as { events?: { message: string }[] };
  return events.map(({ message }) => message.trimEnd());
}
