/** What functions send to the X-Ray daemon beside them: it reaches the one that the server is configured with. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { canSwitchUser, nobody } from '../support/readable-checkout.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServerOptions } from '../support/server.ts';
import { startDaemon } from './trace-sink.ts';
import { withTrace } from './with-trace.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';
const SAMPLED = `Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`;

/** Sends as X-Ray's SDKs do: a subsegment below the parent of the trace header, and a few things that are none. */
const SENDING = `
const { createSocket } = require('node:dgram');
exports.handler = async () => {
  const trace = Object.fromEntries(process.env._X_AMZN_TRACE_ID.split(';').map((part) => part.split('=')));
  const [host, port] = process.env.AWS_XRAY_DAEMON_ADDRESS.split(':');
  const now = Date.now() / 1000;
  const subsegment = {
    type: 'subsegment', trace_id: trace.Root, parent_id: trace.Parent, id: '00000000000000aa', name: 'database',
    start_time: now - 1, end_time: now, namespace: 'remote', annotations: { rows: 3 }, metadata: { default: { a: [1] } },
    subsegments: [{ id: '00000000000000ab', name: 'inner', start_time: now - 1, end_time: now, fault: true }],
  };
  const socket = createSocket('udp4');
  const send = (text) => new Promise((resolve, reject) =>
    socket.send(text, Number(port), host, (error) => error ? reject(error) : resolve()));
  await send('nonsense');
  await send('{"format":"json","version":1}\\n' + '['.repeat(30000));
  await send('{"format":"json","version":1}\\n{"trace_id":1}');
  await send('{"format":"json","version":1}\\n' + JSON.stringify(subsegment));
  socket.close();
  return [host, port, process.env._AWS_XRAY_DAEMON_ADDRESS, process.env._AWS_XRAY_DAEMON_PORT];
};`;

async function call(client: LambdaClient) {
  const command = new InvokeCommand({ FunctionName: 'sends' });
  withTrace(command, SAMPLED);
  const { Payload, $metadata, FunctionError } = await client.send(command);
  const text = Buffer.from(Payload ?? []).toString();
  assert.equal(FunctionError, undefined, text);
  return { address: JSON.parse(text) as string[], requestId: $metadata.requestId ?? '' };
}

const asNobody = skipUnless(process.platform === 'linux' && canSwitchUser, 'Linux, as root, to become somebody else');
const onLinux = skipUnless(process.platform === 'linux', 'sandboxes of namespaces are a feature of Linux');
const places: readonly (TestServerOptions & { readonly title: string; readonly skip?: string | false })[] = [
  { title: 'in a sandbox' },
  { title: 'in a sandbox of an ordinary user', asUser: nobody, skip: asNobody },
  { title: 'in a sandbox on the network of the host', args: ['--network', 'host'], skip: onLinux },
  { title: 'in a plain process', args: ['--sandbox', 'process'] },
];

const folder = mkdtempSync(join(tmpdir(), 'lambdad-own-segments-'));
const keys = join(folder, 'credentials.json');
const credentials = { accessKeyId: 'AKIDOWNER', secretAccessKey: 'a secret of the owner' };
before(() =>
  writeFileSync(keys, JSON.stringify({ keys: [{ ...credentials, account: '000000000000' }] }), { mode: 0o600 }),
);
after(() => rmSync(folder, { recursive: true, force: true }));

for (const { title, skip = false, args = [], ...options } of places)
  test(`a subsegment of a function ${title} is below its segment`, { skip }, async () => {
    const daemon = await startDaemon();
    const server = await startTestServer({
      ...options,
      args: [...args, '--xray-daemon', daemon.address, '--credentials', keys],
    });
    try {
      const client = server.client({ credentials });
      await createFunction(client, 'sends', { files: { 'index.js': SENDING } });
      const { requestId, address } = await call(client);
      const { run } = await daemon.pair(requestId);
      const [own] = await daemon.segments.some(({ name }) => name === 'database');
      assert.equal(own?.trace_id, ROOT);
      assert.equal(own?.parent_id, run.id);
      assert.equal(own?.subsegments?.[0]?.name, 'inner');
      assert.deepEqual(address.slice(2), address.slice(0, 2));
      // Two of our own and the function's: what was no segment has gone nowhere.
      assert.equal(daemon.segments.all.length, 3);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(metrics, /lambdad_trace_documents_total\{destination="xray",result="sent"\} 3\n/);
      assert.match(metrics, /lambdad_trace_documents_total\{destination="none",result="refused"\} 3\n/);
    } finally {
      await server.stop();
      daemon.close();
    }
  });
