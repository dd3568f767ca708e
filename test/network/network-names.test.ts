import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, test } from 'node:test';
import { foreignWallRemedy } from '../../src/base/foreign-walls.ts';
import { natRemedy } from '../../src/base/nat-remedy.ts';
import { translationFindings } from '../../src/cli/examine-network.ts';
import { unreachableEndpoints } from '../../src/environments/unreachable-endpoints.ts';
import { LinkAddresses } from '../../src/sandboxes/linux/link-addresses.ts';
import { nameService } from '../../src/sandboxes/linux/network-names.ts';

const address = (text: string) => [{ address: text }] as unknown as NetworkInterfaceInfo[];
const interfaces = () => ({ lo: address('127.0.0.1'), eth0: address('192.168.1.5') });
const resolvConf = (text: string, upstream = '') =>
  nameService(
    (path) => (path === '/etc/resolv.conf' ? text : path.startsWith('/run/systemd') ? upstream : ''),
    interfaces,
  );

describe('the name servers of a sandbox', () => {
  test("are the host's, with what else it says of names", () => {
    const text = '# a note\nsearch example.test\nnameserver 9.9.9.9\nnameserver 10.0.0.53\noptions ndots:2\n';
    assert.deepEqual(resolvConf(text), {
      resolvConf: 'nameserver 9.9.9.9\nnameserver 10.0.0.53\nsearch example.test\noptions ndots:2\n',
    });
  });

  test('are those behind the stub of systemd-resolved', () => {
    const found = resolvConf('nameserver 127.0.0.53\noptions edns0\n', 'nameserver 10.1.1.1\n');
    assert.deepEqual(found, { resolvConf: 'nameserver 10.1.1.1\noptions edns0\n' });
  });

  test('are those that a sandbox reaches: neither the host, nor link-local ones, nor IPv6', () => {
    const text = 'nameserver 192.168.1.5\nnameserver fd00::53\nnameserver 169.254.169.253\nnameserver 1.1.1.1\n';
    assert.deepEqual(resolvConf(text), { resolvConf: 'nameserver 1.1.1.1\n' });
  });

  test('are reached by way of the server where a sandbox reaches none', () => {
    const own = 'nameserver 127.0.0.1\noptions use-vc\n';
    for (const [text, addresses] of [
      ['nameserver 127.0.0.1\n', ['127.0.0.1']],
      ['nameserver 169.254.169.254\nnameserver ::1\n', ['169.254.169.254', '::1']],
      ['', ['127.0.0.1']],
    ] as const)
      assert.deepEqual(resolvConf(text), { resolvConf: own, relayed: { addresses, port: 53 } });
  });
});

test('addresses of links are taken in turn, and used again as late as possible', () => {
  const addresses = new LinkAddresses('198.18.16.0');
  assert.equal(addresses.gateway, '198.18.16.1');
  const first = addresses.take();
  assert.equal(first?.address, '198.18.16.2');
  first?.release();
  const seen = new Set<string>();
  for (let taken = addresses.take(); taken; taken = addresses.take()) {
    if (seen.size === 0) assert.equal(taken.address, '198.18.16.3');
    seen.add(taken.address);
  }
  assert.equal(seen.size, 4093);
  assert.ok(seen.has('198.18.16.2') && seen.has('198.18.31.254') && !seen.has('198.18.31.255'));
});

test('endpoints at ports of this machine that are not open are named', () => {
  const names = (variables: Record<string, string>, ports: 'all' | ReadonlySet<number> = new Set([8000])) =>
    unreachableEndpoints(variables, ports).map((text) => text.split(' ')[0]);
  const variables = {
    AWS_ENDPOINT_URL: 'http://localhost',
    AWS_ENDPOINT_URL_A: 'http://127.0.0.1:8000/',
    AWS_ENDPOINT_URL_B: 'https://[::1]:8443',
    AWS_ENDPOINT_URL_C: 'http://sqs.localhost:4566',
    AWS_ENDPOINT_URL_D: 'http://10.0.0.1:4566',
    AWS_ENDPOINT_URL_E: 'localhost:4566',
    AWS_ENDPOINT_URL_F: 'http://host.lambdad.internal:1',
    OTHER: 'http://localhost:1',
  };
  const [A, B, C, F] = ['', '_B', '_C', '_F'].map((end) => `AWS_ENDPOINT_URL${end}`);
  assert.deepEqual(names(variables), [A, B, C, F]);
  assert.deepEqual(names(variables, 'all'), []);
  assert.match(unreachableEndpoints(variables, new Set([8000]))[0] ?? '', /--allow-host 8000,80$/);
});

test('what holds functions back is told with commands', () => {
  const commands = (family: string, table: string, chain: string) =>
    foreignWallRemedy({ family, table, chain }).commands;
  assert.match(commands('ip', 'filter', 'FORWARD')[0] ?? '', /^sudo iptables -I FORWARD -i lmbd\+/);
  assert.match(commands('iptables', 'filter', 'FORWARD')[0] ?? '', /^sudo iptables-legacy -I FORWARD/);
  assert.match(commands('inet', 'firewalld', 'filter_FORWARD')[0] ?? '', /^sudo firewall-cmd .*lmbd\+$/);
  assert.match(commands('inet', 'mine', 'forward')[0] ?? '', /^sudo nft insert rule inet mine forward iifname/);
  const mend = (step: string, errno: number) => natRemedy({ message: 'no', step, errno }).commands[0] ?? '';
  assert.match(mend('forwarding', 30), /ip_forward=1/);
  assert.match(mend('rules', 1), /NET_ADMIN/);
  assert.match(mend('rules', 2), /^sudo modprobe -a nf_tables/);
});

test('the doctor says how functions get out, and what mends it', () => {
  const told = (lines: Parameters<typeof translationFindings>[0]) =>
    translationFindings(lines).map(({ level, mend }) => [level, mend.length]);
  const blocked = { family: 'inet', table: 'mine', chain: 'forward' };
  assert.deepEqual(told([{ ready: true, forwards: true }]), [['ok', 0]]);
  assert.deepEqual(told([{ blocked }, { ready: true, forwards: false }]), [
    ['ok', 0],
    ['note', 2],
  ]);
  assert.deepEqual(told([{ error: 'add a table', step: 'rules', errno: 2 }]), [['lack', 1]]);
  assert.deepEqual(told([]), [['lack', 0]]);
});
