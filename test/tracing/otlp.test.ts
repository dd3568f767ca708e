/** Traces as an OpenTelemetry collector gets them, and what a destination that fails costs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Span, startCollector, startDaemon } from './trace-sink.ts';
import { withTrace } from './with-trace.ts';

const TRACE = '5759e988bd862e3fe1be46a994272793';
const SAMPLED = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';
const SENDING = `
const { createSocket } = require('node:dgram');
exports.handler = async (event) => {
  if (event.fail) throw new RangeError('too far');
  const [, parent] = /Parent=(\\w+)/.exec(process.env._X_AMZN_TRACE_ID);
  const [host, port] = process.env.AWS_XRAY_DAEMON_ADDRESS.split(':');
  const now = Date.now() / 1000;
  const subsegment = {
    type: 'subsegment', trace_id: '1-5759e988-bd862e3fe1be46a994272793', parent_id: parent, id: '00000000000000aa',
    name: 'database', start_time: now - 1, end_time: now, namespace: 'remote', annotations: { rows: 3, cached: false },
    subsegments: [{ id: '00000000000000ab', name: 'inner', start_time: now - 1, end_time: now, fault: true }],
  };
  const socket = createSocket('udp4');
  await new Promise((done) => socket.send('{"format":"json","version":1}\\n' + JSON.stringify(subsegment), Number(port), host, done));
  socket.close();
};`;

async function invoke(client: LambdaClient, event: object = {}) {
  const command = new InvokeCommand({ FunctionName: 'sends', Payload: JSON.stringify(event) });
  withTrace(command, SAMPLED);
  await client.send(command);
}

function attributes(span: Span): Record<string, unknown> {
  return Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

async function metric(server: TestServer, labels: string): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const line = metrics.split('\n').find((text) => text.includes(labels));
  return Number(line?.split(' ').at(-1));
}

test('segments and what functions send are spans of one trace', async () => {
  const collector = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base`, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20secret' };
  const server = await startTestServer({ env });
  try {
    assert.match(server.stdout(), new RegExp(`^ *traces: +OTLP to ${collector.url}$`, 'm'));
    const client = server.client();
    await createFunction(client, 'sends', { files: { 'index.js': SENDING } });
    await invoke(client);
    const spans = await collector.spans.some(({ traceId }) => traceId === TRACE, 7);
    const named = (name: string, kind?: number) =>
      spans.find(
        (span) => span.name === name && (kind === undefined || span.parentSpanId !== '53995c3f42cd8ad8'),
      ) as Span;
    const service = spans.find(({ parentSpanId }) => parentSpanId === '53995c3f42cd8ad8') as Span;
    const run = named('sends', 2);
    assert.deepEqual([service.name, service.kind, service.service], ['sends', 2, 'sends']);
    assert.equal(attributes(service)['aws.xray.origin'], 'AWS::Lambda');
    assert.equal(attributes(service)['http.response.status_code'], '200');
    assert.equal(run.parentSpanId, service.spanId);
    assert.equal(attributes(run)['cloud.resource_id'], 'arn:aws:lambda:us-east-1:000000000000:function:sends');
    for (const name of ['Initialization', 'Invocation', 'Overhead', 'database'])
      assert.equal(named(name).parentSpanId, run.spanId, name);
    assert.equal(attributes(named('Initialization'))['faas.coldstart'], true);
    const database = named('database');
    assert.deepEqual([database.kind, database.service], [3, 'sends']);
    assert.deepEqual([attributes(database)['rows'], attributes(database)['cached']], ['3', false]);
    assert.equal(named('inner').parentSpanId, database.spanId);
    assert.equal(named('inner').status?.code, 2);
    for (const { startTimeUnixNano: start, endTimeUnixNano: end } of spans) {
      assert.match(start, /^\d{19}$/);
      assert.ok(BigInt(start) <= BigInt(end));
    }
    for (const { url, headers } of collector.requests) {
      assert.equal(url, '/base/v1/traces');
      assert.equal(headers['x-key'], 'a secret');
      assert.equal(headers['content-type'], 'application/json');
    }

    await invoke(client, { fail: true });
    const [failed] = await collector.spans.some(
      ({ name, status }) => name === 'sends' && status?.message === 'too far',
    );
    assert.equal(failed?.events?.[0]?.name, 'exception');
  } finally {
    await server.stop();
    collector.close();
  }
});

test('what waits is sent when the server ends, to both places', async () => {
  const [collector, daemon] = [await startCollector(), await startDaemon()];
  const server = await startTestServer({
    args: ['--otlp-endpoint', collector.url],
    env: { AWS_XRAY_DAEMON_ADDRESS: `tcp:127.0.0.1:1 udp:${daemon.address}` },
  });
  try {
    const client = server.client();
    await createFunction(client, 'sends', { files: { 'index.js': 'exports.handler = async () => 1;' } });
    await invoke(client);
  } finally {
    await server.stop();
  }
  const spans = collector.spans.all.filter(({ traceId }) => traceId === TRACE);
  assert.deepEqual(spans.map(({ name }) => name).sort(), [
    'Initialization',
    'Invocation',
    'Overhead',
    'sends',
    'sends',
  ]);
  await daemon.segments.some(() => true, 2);
  collector.close();
  daemon.close();
});

test('a collector that refuses costs spans, one line, and nothing else', async () => {
  let status = 400;
  const collector = await startCollector(() => status);
  const server = await startTestServer({ args: ['--otlp-endpoint', collector.url] });
  try {
    const client = server.client();
    await createFunction(client, 'sends', { files: { 'index.js': 'exports.handler = async () => 1;' } });
    for (let count = 1; count <= 2; count++) {
      await invoke(client);
      while ((await metric(server, 'destination="otlp",result="dropped"')) < count * 4)
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(server.stderr().split('status 400').length - 1, 1, server.stderr());
    status = 200;
    await invoke(client);
    await collector.spans.some(({ name }) => name === 'Invocation');
  } finally {
    await server.stop();
    collector.close();
  }
});

test('a daemon that is not there costs datagrams and one line, and the server ends in time', async () => {
  const daemon = await startDaemon();
  daemon.close();
  const server = await startTestServer({ args: ['--xray-daemon', daemon.address, '--shutdown-seconds', '1'] });
  try {
    const client = server.client();
    await createFunction(client, 'sends', { files: { 'index.js': 'exports.handler = async () => 1;' } });
    while (!((await metric(server, 'destination="xray",result="dropped"')) > 1)) await invoke(client);
    assert.equal(server.stderr().split('ECONNREFUSED').length - 1, 1, server.stderr());
  } finally {
    assert.equal((await server.stop()).code, 0);
  }
});

test('a collector that never answers does not hold the end up', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const args = ['--otlp-endpoint', `http://127.0.0.1:${port}`, '--shutdown-seconds', '1'];
  const server = await startTestServer({ args });
  const client = server.client();
  await createFunction(client, 'sends', { files: { 'index.js': 'exports.handler = async () => 1;' } });
  const asked = once(silent, 'request');
  await invoke(client);
  await asked;
  assert.equal((await server.stop()).code, 0);
  silent.closeAllConnections();
  silent.close();
});
