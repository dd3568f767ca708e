/** The host's own network for functions: who they are is checked, and the Runtime API of each is hidden and guarded. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config.ts';
import { peerUid } from '../../src/sandboxes/linux/peer-gate.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

test('functions on the host are told from its owner by their signatures', () => {
  const settings = (...args: string[]) => readConfig(args, {});
  assert.equal(settings().auth, 'open');
  assert.equal(settings('--network', 'host').auth, 'sigv4');
  assert.throws(
    () => settings('--network', 'host', '--auth', 'open'),
    new ConfigError('--auth open cannot stand with --network host: functions would have the rights of everybody'),
  );
});

test('ports of the host are numbers, and not that of the Runtime API', () => {
  const ports = (text: string) => readConfig(['--allow-host', text], {}).allowHost;
  assert.deepEqual(readConfig([], {}).allowHost, []);
  assert.deepEqual(ports('8000, 5432,8000'), [8000, 5432]);
  assert.throws(() => ports('80,9001'), new ConfigError('--allow-host: 9001 is the Runtime API inside a function'));
  for (const wrong of ['0', '65536', 'http', '1.5']) assert.throws(() => ports(wrong), ConfigError);
  assert.throws(() => ports(Array.from({ length: 33 }, (_, at) => at + 1).join(',')), /more than 32 ports/);
});

test("the kernel's table says whose a connection is", () => {
  const line = (from: string, to: string, uid: number) =>
    `   1: ${from} ${to} 01 00000000:00000000 00:00000000 00000000 ${uid}        0 4711 1 0 20 4 30 10 -1`;
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const v4 = [head, line('0100007F:1F90', '0203047F:2329', 1000), line('0100007F:1F91', '0203047F:2329', 2000)].join(
    '\n',
  );
  assert.equal(peerUid(v4, '0100007F:1F91', '0203047F:2329'), 2000);
  assert.equal(peerUid(v4, '0100007F:1F92', '0203047F:2329'), undefined);
  const mapped = '0000000000000000FFFF0000';
  assert.equal(
    peerUid(line(`${mapped}0100007F:1F90`, `${mapped}0203047F:2329`, 3000), '0100007F:1F90', '0203047F:2329'),
    3000,
  );
});

const skip = skipUnless(process.platform === 'linux', 'sandboxes of namespaces are a feature of Linux');

describe("on the host's network", { skip }, () => {
  let server: TestServer;
  let folder: string;
  const credentials = { accessKeyId: 'AKIDOWNER', secretAccessKey: 'a secret of the owner' };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lambdad-host-network-'));
    const file = join(folder, 'credentials.json');
    writeFileSync(file, JSON.stringify({ keys: [{ ...credentials, account: '000000000000' }] }), { mode: 0o600 });
    server = await startTestServer({ args: ['--network', 'host', '--credentials', file] });
  });

  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the start line warns, and callers without a key are turned away', async () => {
    assert.match(server.stdout(), /^warning: {2}functions share this machine's network.*\(--network host\)/m);
    await assert.rejects(createFunction(server.client(), 'stranger', { files: { 'index.mjs': '' } }), {
      name: 'UnrecognizedClientException',
    });
  });

  test('each environment has a Runtime API of its own, at an address that nobody guesses', async () => {
    const client = server.client({ credentials });
    await createFunction(client, 'api', { files: { 'index.mjs': SAY_ADDRESS }, Timeout: 10 });
    const answers = await Promise.all([invokeFunction(client, 'api'), invokeFunction(client, 'api')]);
    const addresses = answers.map(({ payload }) => payload as string);
    assert.equal(new Set(addresses).size, 2);
    for (const address of addresses) assert.match(address, /^127\.[1-9]\d*\.\d+\.[1-9]\d*:\d+$/);
    assert.ok(addresses.every((address) => !address.startsWith('127.0.0.1:')));
  });

  test("nobody else speaks with it, not even the host's root", {
    skip: skipUnless(process.getuid?.() === 0, 'only sandboxes that root makes have users of their own'),
  }, async () => {
    const client = server.client({ credentials });
    await createFunction(client, 'guarded', { files: { 'index.mjs': SAY_ADDRESS }, Timeout: 10 });
    const { payload } = await invokeFunction(client, 'guarded');
    const [host = '', port = ''] = (payload as string).split(':');
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(port), host);
      socket.write('GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.on('data', (part) => {
        text += part;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    assert.equal(answer, '');
    assert.deepEqual((await invokeFunction(client, 'guarded')).payload, payload, 'and it was not disturbed');
  });
});

const SAY_ADDRESS = `export const handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return process.env.AWS_LAMBDA_RUNTIME_API;
};`;
