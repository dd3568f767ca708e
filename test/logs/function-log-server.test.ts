import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CreateFunctionCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const HANDLER = `
const { writeSync } = require('node:fs');
exports.handler = async () => {
  console.log('one\\ntwo');
  console.debug('debug');
  console.warn('warn');
  writeSync(1, '{"timestamp":"2026-01-02T12:00:00Z","level":"DEBUG","own":1}\\n');
  writeSync(1, '{"timestamp":"2026-01-02T12:00:00Z","level":"ERROR","own":2}\\n');
  writeSync(1, '{"own":3}\\nplain\\n');
  const { AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME } = process.env;
  return { group: AWS_LAMBDA_LOG_GROUP_NAME, stream: AWS_LAMBDA_LOG_STREAM_NAME };
};`;
const LOOK_MS = 50;
const WAIT_MS = 20_000;

interface StoredEvent {
  readonly message: string;
  readonly logStreamName: string;
}

describe('the log of a function, by its LoggingConfig', { timeout: 120_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;
  before(async () => {
    server = await startTestServer();
    client = server.client();
  });
  after(async () => void (await server.stop()));

  /** Invokes a new function once; what its group holds when the last line of the invoke is there. */
  async function eventsOf(
    name: string,
    LoggingConfig: NonNullable<CreateFunctionCommandInput['LoggingConfig']>,
    isLast: (message: string) => boolean,
  ) {
    await createFunction(client, name, { files: { 'index.js': HANDLER }, LoggingConfig });
    const { payload } = await invokeFunction(client, name);
    const logGroupName = LoggingConfig.LogGroup ?? `/aws/lambda/${name}`;
    for (const until = Date.now() + WAIT_MS; ; await new Promise((resolve) => setTimeout(resolve, LOOK_MS))) {
      const events = await stored(logGroupName);
      if (events.some(({ message }) => isLast(message))) return { payload, events };
      if (Date.now() > until) assert.fail(JSON.stringify(events));
    }
  }

  async function stored(logGroupName: string): Promise<readonly StoredEvent[]> {
    const credential = 'Credential=test/20260101/us-east-1/logs/aws4_request';
    const headers = {
      'X-Amz-Target': 'Logs_20140328.FilterLogEvents',
      'Content-Type': 'application/x-amz-json-1.1',
      Authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`,
    };
    const response = await fetch(server.url, { method: 'POST', headers, body: JSON.stringify({ logGroupName }) });
    return ((await response.json()) as { events?: readonly StoredEvent[] }).events ?? [];
  }

  const isRecord = (message: string) => message.startsWith('{');
  const records = (events: readonly StoredEvent[]) =>
    events
      .map(({ message }) => message)
      .filter(isRecord)
      .map((message) => JSON.parse(message));

  it('as text goes to the group that was named, a record of several lines as one event', async () => {
    const config = { LogFormat: 'Text', LogGroup: 'my/own_group' } as const;
    const isLast = (message: string) => message.startsWith('REPORT ');
    const { payload, events } = await eventsOf('text', config, isLast);
    const streams = new Set(events.map(({ logStreamName }) => logStreamName));
    assert.equal(streams.size, 1);
    const [stream = ''] = streams;
    assert.match(stream, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
    assert.deepEqual(payload, { group: 'my/own_group', stream });
    const messages = events.map(({ message }) => message);
    assert.match(messages[0] ?? '', /^INIT_START Runtime Version: nodejs:24\.v1\tRuntime Version ARN: arn:aws:lambda:/);
    assert.ok(
      messages.some((message) => /\tINFO\tone\ntwo\n?$/.test(message)),
      JSON.stringify(messages),
    );
    assert.ok(messages.includes('{"timestamp":"2026-01-02T12:00:00Z","level":"DEBUG","own":1}\n'));
    assert.ok(messages.includes('{"own":3}\n'));
    assert.ok(messages.some((message) => message.includes('\tDEBUG\tdebug')));
  });

  it('as JSON leaves out what is below the application level, and shows system events from their level on', async () => {
    const config = { LogFormat: 'JSON', ApplicationLogLevel: 'WARN', SystemLogLevel: 'DEBUG' } as const;
    const isLast = (message: string) => message.includes('"platform.report"');
    const { events } = await eventsOf('debug', config, isLast);
    const all = records(events);
    assert.deepEqual(
      all.flatMap(({ type }) => (type === undefined ? [] : [type])),
      ['initStart', 'initRuntimeDone', 'initReport', 'start', 'runtimeDone', 'report'].map(
        (type) => `platform.${type}`,
      ),
    );
    const application = all
      .filter(({ type }) => type === undefined)
      .map(({ level, message, own }) => [level, message ?? own]);
    assert.deepEqual(application.toSorted(), [
      ['ERROR', 2],
      ['WARN', 'warn'],
    ]);
    assert.deepEqual(
      events.filter(({ message }) => !isRecord(message)),
      [],
    );
    const done = all.find(({ type }) => type === 'platform.runtimeDone');
    assert.deepEqual(
      done.record.spans.map(({ name }: { name: string }) => name),
      ['responseLatency', 'responseDuration', 'runtimeOverhead'],
    );
  });

  it('as JSON has INFO for both levels where none is set, and dates records that have no date', async () => {
    const isLast = (message: string) => message.includes('"platform.report"');
    const { events } = await eventsOf('info', { LogFormat: 'JSON' }, isLast);
    const all = records(events);
    assert.deepEqual(
      all.flatMap(({ type }) => (type === undefined ? [] : [type])),
      ['platform.initStart', 'platform.start', 'platform.report'],
    );
    const messages = all.filter(({ type }) => type === undefined).map(({ message, own }) => message ?? own);
    assert.deepEqual(messages.toSorted(), [2, 3, 'one\ntwo', 'warn']);
    assert.match(all.find(({ own }) => own === 3).timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(events.some(({ message }) => message === 'plain\n'));
  });

  it('as JSON from WARN on is silent about what goes well', async () => {
    const config = { LogFormat: 'JSON', ApplicationLogLevel: 'ERROR', SystemLogLevel: 'WARN' } as const;
    const { events } = await eventsOf('warn', config, (message) => message.includes('"own":2'));
    assert.deepEqual(
      records(events).map(({ own }) => own),
      [2],
    );
  });
});
