/** What functions of a server that root runs reach on the network: the world outside, and nothing of the host. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  HOST,
  HOST_LAN,
  HOST_V6,
  type Internet,
  isInDisposableNetwork,
  METADATA,
  METADATA_V6,
  NEIGHBOUR,
  openHostService,
  openInternet,
  WEB,
} from './disposable-network.ts';
import { createProbe, type Language, probe, type Target } from './probe-function.ts';
import { reachFromHere } from './reach-from-here.ts';

/** What a probe answers that got no connection: the names of errors of Node and Python. */
const REFUSED = /^(E[A-Z]+|silence|[A-Za-z]*[eE]rror)$/;

/** Listens for everybody, and says its address. */
const LISTENER = `
import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
const server = createServer((socket) => socket.end('another environment'));
await new Promise((resolve) => server.listen(8080, '0.0.0.0', resolve));
export const handler = async () => networkInterfaces().eth0[0].address;`;

const FLOOD_PORTS = 6000;
/** Each port is a connection to the host's firewall, whether anybody listens there or not. */
const FLOOD = `
import { createSocket } from 'node:dgram';
export const handler = async () => {
  const socket = createSocket('udp4').on('error', () => {});
  for (let port = 1; port <= ${FLOOD_PORTS}; port++)
    await new Promise((resolve) => socket.send('x', 10_000 + port, '${WEB}', resolve));
  socket.close();
};`;

const connectionCount = () => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'));

/** 203.0.113.2 in the other ways in which programs take it. */
const SPELLINGS = [String(0xcb007102), '0xcb007102', '0313.0.0161.02', '203.0.28930', `::ffff:${HOST}`];

const linkLocal = () => networkInterfaces()['wan0']?.find(({ scopeid }) => (scopeid ?? 0) > 0)?.address ?? '';

/** Every form of an address of this machine under which a service that listens everywhere answers. */
const hostAddresses = () => [
  ...['127.0.0.1', '127.8.8.8', '0.0.0.0', 'localhost', '::1', '::', '::ffff:127.0.0.1', '2130706433', '0x7f.1'],
  ...[HOST, HOST_LAN, HOST_V6, `${linkLocal()}%wan0`],
  ...SPELLINGS,
];

if (isInDisposableNetwork(import.meta.filename)) {
  describe('a function of a server that root runs', () => {
    let internet: Internet;
    let service: Awaited<ReturnType<typeof openHostService>>;
    let server: TestServer;

    before(async () => {
      internet = await openInternet();
      service = await openHostService();
      server = await startTestServer({ args: ['--nearest-runtime', '--host', '127.0.0.1'] });
      for (const language of ['node', 'python'] as const) await createProbe(server.client(), language, language);
    });

    after(async () => {
      await server.stop();
      service.server.close();
      internet.close();
    });

    test('the start line says which network there is', () => {
      assert.match(server.stdout(), /^sandbox: .*outbound network by address translation/m);
      assert.doesNotMatch(server.stdout(), /^warning:/m);
    });

    for (const language of ['node', 'python'] as const satisfies readonly Language[]) {
      test(`${language} reaches the outside, under the host's address`, async () => {
        const found = await probe(server.client(), language, [{ host: WEB, port: 80 }]);
        assert.equal(found.get(`${WEB} 80`), `::ffff:${HOST}`);
      });

      test(`${language} reaches no address of the host, in any form`, async () => {
        const apiPort = Number(new URL(server.url).port);
        const ports = [service.port, apiPort];
        const targets = hostAddresses().flatMap((host) => ports.map((port): Target => ({ host, port })));
        // From the host itself they answer, each form at least at the service that listens on all of them.
        const [first] = ports;
        const reachable = await reachFromHere(hostAddresses().map((host) => ({ host, port: first ?? 0 })));
        assert.deepEqual(reachable, hostAddresses());
        const found = await probe(server.client(), language, targets);
        assert.equal(found.size, targets.length);
        for (const [target, answer] of found) assert.match(answer, REFUSED, target);
      });

      test(`${language} reaches no metadata service, and no gateway`, async () => {
        const metadata = [METADATA, METADATA_V6, '2852039166', '0xa9fea9fe', `::ffff:${METADATA}`];
        assert.deepEqual(await reachFromHere(metadata.map((host) => ({ host, port: 80 }))), metadata);
        const gateways = ['198.18.0.1', '198.18.15.254', 'fe80::1'];
        const targets = [
          ...metadata.map((host) => ({ host, port: 80 })),
          ...gateways.map((host) => ({ host, port: service.port })),
        ];
        const found = await probe(server.client(), language, targets);
        for (const [target, answer] of found) assert.match(answer, REFUSED, target);
      });
    }

    test('an environment reaches no other', async () => {
      const client = server.client();
      await createFunction(client, 'open', { files: { 'index.mjs': LISTENER } });
      const { payload: address } = (await invokeFunction(client, 'open')) as { payload: string };
      assert.match(address, /^198\.18\./);
      const found = await probe(client, 'node', [
        { host: address, port: 8080 },
        { host: address, port: 9001 },
        { host: `::ffff:${address}`, port: 8080 },
      ]);
      for (const [target, answer] of found) assert.match(answer, REFUSED, target);
      // The host may send to it, and is not answered.
      assert.deepEqual(await reachFromHere([{ host: address, port: 8080 }]), []);
    });

    test("one function cannot fill the host's table of connections", async () => {
      const client = server.client();
      await createFunction(client, 'flood', { files: { 'index.mjs': FLOOD }, Timeout: 20 });
      const before = connectionCount();
      const { error } = await invokeFunction(client, 'flood');
      assert.equal(error, undefined);
      const added = connectionCount() - before;
      assert.ok(added > 500 && added < 1200, `${added} of ${FLOOD_PORTS}`);
      // The next one still gets out.
      const found = await probe(client, 'node', [{ host: WEB, port: 80 }]);
      assert.equal(found.get(`${WEB} 80`), `::ffff:${HOST}`);
    });

    test('addresses of its own network that are not the host are no secret', async () => {
      const found = await probe(server.client(), 'node', [{ host: NEIGHBOUR, port: 80 }]);
      assert.equal(found.get(`${NEIGHBOUR} 80`), 'ECONNREFUSED', 'the neighbour itself says no');
    });
  });
}
