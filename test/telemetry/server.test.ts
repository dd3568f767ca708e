import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CreateFunctionCommandInput, type LambdaClient, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { logWith } from '../environments/scripted.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

interface Event {
  readonly time: string;
  readonly type: string;
  readonly record: Readonly<Record<string, unknown>>;
}

interface Kept {
  readonly answers: readonly string[];
  readonly events: readonly Event[];
  readonly shutdown: string;
}

const TELEMETRY = '/2022-07-01/telemetry';
const HTTP = { protocol: 'HTTP', URI: 'http://sandbox.localdomain:8080' };
const ALL = ['platform', 'function', 'extension'];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const source = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');

describe('telemetry of a real extension', { timeout: 180_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;
  let layer: string;
  before(async () => {
    server = await startTestServer();
    client = server.client();
    const Content = {
      ZipFile: await zipOf({ 'extensions/watcher': { content: source('extension.mjs'), mode: 0o755 } }),
    };
    const published = await client.send(new PublishLayerVersionCommand({ LayerName: 'watcher', Content }));
    layer = published.LayerVersionArn ?? '';
  });
  after(async () => void (await server.stop()));

  async function create(
    name: string,
    subscription: { readonly path: string; readonly body: unknown },
    more: Readonly<Record<string, string>> = {},
    LoggingConfig: CreateFunctionCommandInput['LoggingConfig'] = { LogFormat: 'Text' },
  ): Promise<void> {
    const isInside = more['INSIDE'] !== undefined;
    const Variables = { SUBSCRIPTION: JSON.stringify(subscription), ...more };
    await createFunction(client, name, {
      files: { 'index.mjs': source('handler.mjs'), 'extension.mjs': source('extension.mjs') },
      Layers: isInside ? [] : [layer],
      MemorySize: 512,
      Timeout: 30,
      Environment: { Variables },
      LoggingConfig,
    });
  }

  it('by HTTP: init from its beginning, every invoke, and what both write', async () => {
    await create('http', { path: TELEMETRY, body: { schemaVersion: '2022-12-13', types: ALL, destination: HTTP } });
    const first = await invokeFunction(client, 'http', { say: 'hello' });
    const lines = first.log.split('\n');
    for (const line of [
      'the extension speaks',
      'TELEMETRY\tName: watcher\tState: Subscribed\tTypes: [Platform, Function, Extension]',
      'EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]',
    ])
      assert.ok(lines.includes(line), first.log);

    const { requestId } = first;
    const until = [`"type":"platform.report","record":{"requestId":"${requestId}"`];
    const { answers, events } = (await invokeFunction(client, 'http', { until })).payload as Kept;
    assert.equal(answers[0], '200 "OK"');
    assert.match(
      answers[1] ?? '',
      /^403 .*"Telemetry API subscription is closed already".*Telemetry.SubscriptionClosed/,
    );
    for (const { time } of events) assert.match(time, TIME);
    const of = (type: string) => events.filter((event) => event.type === type).map(({ record }) => record);
    const init = { initializationType: 'on-demand', phase: 'init' };
    const begin = events
      .slice(0, 3)
      .map(({ type, record }) => [type, typeof record === 'string' ? record : record['functionName']]);
    assert.deepEqual(begin[0], ['platform.initStart', 'http']);
    // What it wrote and what it asked for come by ways of their own: either may be first.
    assert.deepEqual(begin.slice(1).sort(), [
      ['extension', 'the extension speaks\n'],
      ['platform.telemetrySubscription', undefined],
    ]);
    assert.deepEqual(of('platform.telemetrySubscription'), [{ name: 'watcher', state: 'Subscribed', types: ALL }]);
    assert.deepEqual(of('platform.extension'), [{ name: 'watcher', state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] }]);
    assert.deepEqual(of('platform.initRuntimeDone'), [{ ...init, status: 'success' }]);
    assert.equal(of('platform.initReport').length, 1);
    const [start] = of('platform.start');
    assert.equal(start?.['requestId'], requestId);
    assert.match(JSON.stringify(start?.['tracing']), /^\{"type":"X-Amzn-Trace-Id","value":"Root=1-/);
    assert.match(String(of('function')[0]), new RegExp(`\\t${requestId}\\tINFO\\thello\\n$`));
    const [done] = of('platform.runtimeDone');
    assert.equal(done?.['status'], 'success');
    const spans = done?.['spans'] as readonly { readonly name: string }[];
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['responseLatency', 'responseDuration', 'runtimeOverhead'],
    );
    const [report] = of('platform.report');
    const metrics = report?.['metrics'] as Record<string, number>;
    const members = ['durationMs', 'billedDurationMs', 'memorySizeMB', 'maxMemoryUsedMB', 'initDurationMs'];
    assert.deepEqual(Object.keys(metrics), members);
    assert.match(
      JSON.stringify(report?.['spans']),
      /^\[\{"name":"extensionOverhead","start":"[^"]+Z","durationMs":[\d.]+\}\]$/,
    );
  });

  it('by TCP, from the Logs API', async () => {
    const body = { types: ['platform', 'function'], destination: { protocol: 'TCP', port: 8081 } };
    await create('tcp', { path: '/2020-08-15/logs', body });
    const first = await invokeFunction(client, 'tcp', { say: 'hello' });
    assert.match(first.log, /^LOGS\tName: watcher\tState: Subscribed\tTypes: \[Platform, Function\]$/m);
    const until = [`"type":"platform.report","record":{"requestId":"${first.requestId}"`];
    const { answers, events } = (await invokeFunction(client, 'tcp', { until })).payload as Kept;
    assert.equal(answers[0], '200 "OK"');
    assert.deepEqual(
      events.slice(0, 6).map(({ type }) => type),
      [
        'platform.logsSubscription',
        'platform.extension',
        'platform.start',
        'function',
        'platform.end',
        'platform.report',
      ],
    );
    assert.deepEqual(events[4]?.record, { requestId: first.requestId });
  });

  it('by an extension within the runtime', async () => {
    const body = { schemaVersion: '2022-12-13', types: ['platform', 'function'], destination: HTTP };
    await create('inside', { path: TELEMETRY, body }, { INSIDE: '1' });
    const first = await invokeFunction(client, 'inside');
    assert.match(first.log, /^TELEMETRY\tName: inside\tState: Subscribed\tTypes: \[Platform, Function\]$/m);
    const until = [`"type":"platform.report","record":{"requestId":"${first.requestId}"`];
    const { events } = (await invokeFunction(client, 'inside', { until })).payload as Kept;
    assert.deepEqual(events[0]?.type, 'platform.initStart');
    assert.ok(
      events.some(({ type, record }) => type === 'function' && String(record).includes('the extension speaks')),
    );
  });

  it('records are objects where the log is JSON', async () => {
    const body = { schemaVersion: '2022-12-13', types: ['function'], destination: HTTP };
    await create('json', { path: TELEMETRY, body }, {}, { LogFormat: 'JSON' });
    const first = await invokeFunction(client, 'json', { say: 'hello' });
    const { events } = (await invokeFunction(client, 'json', { until: ['"hello"'] })).payload as Kept;
    const { requestId, level, message } = events[0]?.record ?? {};
    assert.deepEqual([requestId, level, message], [first.requestId, 'INFO', 'hello']);
  });

  it('a thousand records of one invoke arrive in order', async () => {
    const body = { schemaVersion: '2025-01-29', types: ['function'], destination: HTTP };
    await create('many', { path: TELEMETRY, body });
    await invokeFunction(client, 'many', { records: 1000 });
    const { events } = (await invokeFunction(client, 'many', { until: ['"record 999\\n"'] })).payload as Kept;
    assert.deepEqual(
      events.map(({ record }) => record),
      Array.from({ length: 1000 }, (_, n) => `record ${n}\n`),
    );
  });

  it('a subscriber that hangs harms neither invokes nor its log', async () => {
    const body = { schemaVersion: '2022-12-13', types: ALL, destination: HTTP };
    await create('hanging', { path: TELEMETRY, body }, { HANG: '1' });
    for (let n = 0; n < 5; n += 1) {
      const { payload, error, log } = await invokeFunction(client, 'hanging', { records: 1000 });
      assert.deepEqual([error, (payload as Kept).events], [undefined, []]);
      // What the subscriber loses may be said anywhere.
      assert.match(log.replaceAll(/^LOGS_DROPPED .*\n/gm, ''), /record 999\nEND /);
    }
  });

  it('what waits is handed over before the environment is frozen, whatever was asked for', async () => {
    const buffering = { timeoutMs: 30_000 };
    const body = { schemaVersion: '2022-12-13', types: ['platform'], destination: HTTP, buffering };
    await create('frozen', { path: TELEMETRY, body }, { ECHO: '1' });
    await invokeFunction(client, 'frozen');
    assert.match(await logWith(server, 'frozen', /^got platform.report$/m), /^got platform.initStart$/m);
  });

  it('an extension that logs what it is sent, its own log included, harms nobody', async () => {
    const body = { schemaVersion: '2022-12-13', types: ALL, destination: HTTP, buffering: { timeoutMs: 25 } };
    await create('echo', { path: TELEMETRY, body }, { ECHO: '1' });
    for (let n = 0; n < 5; n += 1) assert.equal((await invokeFunction(client, 'echo')).error, undefined);
    await logWith(server, 'echo', /(^got extension\n){3}/m);
  });

  it('a crash is told before the end, and how it ended to the next init', async () => {
    const body = { schemaVersion: '2022-12-13', types: ['platform'], destination: HTTP };
    await create('crash', { path: TELEMETRY, body });
    await invokeFunction(client, 'crash');
    const crashed = await invokeFunction(client, 'crash', { exit: 3 });
    assert.equal(crashed.error, 'Unhandled');
    const until = [`"type":"platform.report","record":{"requestId":"${crashed.requestId}"`];
    const { answers, events, shutdown } = (await invokeFunction(client, 'crash', { until })).payload as Kept;
    assert.equal(JSON.parse(shutdown).shutdownReason, 'failure');
    const about = events.filter(({ record }) => record['requestId'] === crashed.requestId);
    assert.deepEqual(
      about.map(({ type, record }) => [type, record['status'], record['errorType']]),
      [
        ['platform.start', undefined, undefined],
        ['platform.runtimeDone', 'error', 'Runtime.ExitError'],
        ['platform.report', 'error', 'Runtime.ExitError'],
      ],
    );
    const starts = events.filter(({ type }) => type === 'platform.initStart').map(({ record }) => record['phase']);
    assert.deepEqual(starts, ['init', 'invoke']);
    assert.equal(answers.filter((answer) => answer === '200 "OK"').length, 2);
  });
});
