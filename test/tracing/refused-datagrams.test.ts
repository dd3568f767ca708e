/** Datagrams for a daemon that is not there. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { XrayDaemon } from '../../src/tracing/xray-daemon.ts';

const OWNER = { account: '000000000000', region: 'us-east-1', functionName: 'f' };
const WAIT_MS_MAX = 10_000;

test('a datagram that nobody takes is counted once', { timeout: 30_000 }, async () => {
  const probe = createSocket('udp4');
  probe.bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(resolve));
  const said = Promise.withResolvers<string>();
  const daemon = new XrayDaemon({ host: '127.0.0.1', port }, systemClock, said.resolve);
  daemon.send({ id: 'one' }, OWNER);
  const timer = setTimeout(() => said.reject(new Error('nothing was said')), WAIT_MS_MAX);
  assert.match(await said.promise, /ECONNREFUSED/);
  clearTimeout(timer);
  await daemon.close(1000);
  assert.deepEqual(daemon.counts, { sent: 0, dropped: 1 });
});
