import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logging } from '../../src/functions/records.ts';
import { billedMs, type PlatformEvent } from '../../src/logs/platform-event.ts';
import { formatPlatform } from '../../src/logs/platform-lines.ts';

const TEXT: Logging = { format: 'Text', group: '/aws/lambda/f' };
const JSON_INFO: Logging = { format: 'JSON', group: '/aws/lambda/f' };
const JSON_DEBUG: Logging = { ...JSON_INFO, systemLevel: 'DEBUG' };
const JSON_WARN: Logging = { ...JSON_INFO, systemLevel: 'WARN' };
const TIME_MS = Date.UTC(2022, 9, 12, 0, 0, 15, 64);
const ID = '6d68ca91-49c9-448d-89b8-7ca3e6dc66aa';
const ARN = 'arn:aws:lambda:us-east-1::runtime:0123456789abcdef';

const START: PlatformEvent = { type: 'start', requestId: ID, version: '$LATEST' };
const REPORT = {
  type: 'report',
  requestId: ID,
  status: 'success',
  durationMs: 1.5649,
  billedMs: 2,
  memoryMb: 128,
  maxMemoryMb: 36,
} as const;
const INIT_START = {
  type: 'initStart',
  initializationType: 'on-demand',
  phase: 'init',
  runtimeVersion: 'python:3.13.v31',
  runtimeVersionArn: ARN,
  functionName: 'f',
  functionVersion: '$LATEST',
} as const;
const INIT_REPORT = {
  type: 'initReport',
  initializationType: 'on-demand',
  phase: 'init',
  status: 'error',
  errorType: 'Runtime.UserCodeSyntaxError',
  durationMs: 150.79,
} as const;

function text(event: PlatformEvent): string | undefined {
  return formatPlatform(event, TEXT, TIME_MS);
}

test('text lines are those of AWS, byte for byte', () => {
  assert.equal(text(INIT_START), `INIT_START Runtime Version: python:3.13.v31\tRuntime Version ARN: ${ARN}\n`);
  assert.equal(text(START), `START RequestId: ${ID} Version: $LATEST\n`);
  assert.equal(text({ type: 'end', requestId: ID }), `END RequestId: ${ID}\n`);
  const head = `REPORT RequestId: ${ID}\tDuration: 1.56 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB`;
  assert.equal(text(REPORT), `${head}\t\n`);
  assert.equal(text({ ...REPORT, initDurationMs: 80 }), `${head}\tInit Duration: 80.00 ms\t\n`);
  assert.equal(text({ ...REPORT, status: 'timeout', errorType: 'Sandbox.Timedout' }), `${head}\tStatus: timeout\n`);
  assert.equal(
    text({ ...REPORT, status: 'error', errorType: 'Runtime.ExitError', initDurationMs: 80 }),
    `${head}\tInit Duration: 80.00 ms\tStatus: error\tError Type: Runtime.ExitError\n`,
  );
  assert.equal(
    text({ ...REPORT, restoreDurationMs: 12.345, billedRestoreMs: 13 }),
    `${head}\tRestore Duration: 12.35 ms\tBilled Restore Duration: 13 ms\t\n`.replace('12.35', (12.345).toFixed(2)),
  );
});

test('a sampled trace is said in the same event as REPORT', () => {
  const tracing = { value: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1' };
  const line = text({ ...REPORT, tracing });
  const xray = 'XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t\n';
  assert.equal(line, `${text(REPORT)}${xray}`);
  assert.equal(text({ ...REPORT, tracing: { value: 'Root=1-2-3;Sampled=0' } }), text(REPORT));
});

test('INIT_REPORT is written on failure only, and code without a runtime version has no INIT_START', () => {
  const head = 'INIT_REPORT Init Duration: 150.79 ms\tPhase: init\tStatus: ';
  assert.equal(text(INIT_REPORT), `${head}error\tError Type: Runtime.UserCodeSyntaxError\n`);
  const { errorType: _, ...timeout } = { ...INIT_REPORT, status: 'timeout', phase: 'invoke' } as const;
  assert.equal(text(timeout), `${head.replace('Phase: init', 'Phase: invoke')}timeout\n`);
  assert.equal(text({ ...INIT_REPORT, status: 'success' }), undefined);
  const { runtimeVersion: __, ...own } = INIT_START;
  assert.equal(text(own), undefined);
});

test('extensions and subscriptions', () => {
  assert.equal(
    text({ type: 'extension', name: 'n', state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] }),
    'EXTENSION\tName: n\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n',
  );
  assert.equal(
    text({ type: 'telemetrySubscription', name: 'n', types: ['platform', 'function'] }),
    'TELEMETRY\tName: n\tState: Subscribed\tTypes: [Platform, Function]\n',
  );
});

test('a failed extension, the Logs API, restores', () => {
  assert.equal(
    text({ type: 'extension', name: 'n', state: 'LaunchError', events: [], errorType: 'PermissionDenied' }),
    'EXTENSION\tName: n\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n',
  );
  assert.equal(
    text({ type: 'logsSubscription', name: 'n', types: ['function', 'extension'] }),
    'LOGS\tName: n\tState: Subscribed\tTypes: [Function, Extension]\n',
  );
  const runtime = { runtimeVersion: 'java:21.v9', runtimeVersionArn: ARN };
  assert.equal(
    text({ type: 'restoreStart', ...runtime, functionName: 'f', functionVersion: '1' }),
    `RESTORE_START Runtime Version: java:21.v9\tRuntime Version ARN: ${ARN}\n`,
  );
  assert.equal(
    text({ type: 'restoreReport', status: 'success', durationMs: 15.19 }),
    'RESTORE_REPORT Restore Duration: 15.19 ms\n',
  );
  assert.equal(
    text({ type: 'restoreReport', status: 'error', errorType: 'Runtime.AfterRestoreError', durationMs: 15.19 }),
    'RESTORE_REPORT Restore Duration: 15.19 ms\tStatus: error\tError Type: Runtime.AfterRestoreError\n',
  );
});

test('every JSON record has its members in the order of the schema', () => {
  const json = (event: PlatformEvent) => formatPlatform(event, JSON_DEBUG, TIME_MS);
  const line = (type: string, record: string) =>
    `{"time":"2022-10-12T00:00:15.064Z","type":"platform.${type}","record":${record}}\n`;
  const kind = '"initializationType":"on-demand","phase":"init"';
  const runtime = `"runtimeVersion":"python:3.13.v31","runtimeVersionArn":"${ARN}"`;
  assert.equal(
    json(INIT_START),
    line('initStart', `{${kind},${runtime},"functionName":"f","functionVersion":"$LATEST"}`),
  );
  assert.equal(
    json({ type: 'initRuntimeDone', initializationType: 'on-demand', phase: 'init', status: 'success' }),
    line('initRuntimeDone', `{${kind},"status":"success"}`),
  );
  assert.equal(
    json(INIT_REPORT),
    line(
      'initReport',
      `{${kind},"status":"error","errorType":"Runtime.UserCodeSyntaxError","metrics":{"durationMs":150.79}}`,
    ),
  );
  assert.equal(
    json({ type: 'extension', events: ['INVOKE'], errorType: 'Extension.Crash', state: 'Exited', name: 'n' }),
    line('extension', '{"name":"n","state":"Exited","events":["INVOKE"],"errorType":"Extension.Crash"}'),
  );
  assert.equal(
    json({ type: 'telemetrySubscription', types: ['platform'], name: 'n' }),
    line('telemetrySubscription', '{"name":"n","state":"Subscribed","types":["platform"]}'),
  );
  assert.equal(
    json({ type: 'logsDropped', reason: 'r', droppedRecords: 123, droppedBytes: 12_345 }),
    line('logsDropped', '{"droppedBytes":12345,"droppedRecords":123,"reason":"r"}'),
  );
  const spans = [{ name: 'extensionOverhead', startMs: TIME_MS, durationMs: 0.5 }] as const;
  const tracing = { value: 'Root=1-2-3;Sampled=1', spanId: '4' };
  const metrics = '{"durationMs":1.565,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":36}';
  const span = '{"name":"extensionOverhead","start":"2022-10-12T00:00:15.064Z","durationMs":0.5}';
  const trace = '{"spanId":"4","type":"X-Amzn-Trace-Id","value":"Root=1-2-3;Sampled=1"}';
  assert.equal(
    json({ ...REPORT, status: 'timeout', tracing, spans }),
    line(
      'report',
      `{"requestId":"${ID}","status":"timeout","metrics":${metrics},"spans":[${span}],"tracing":${trace}}`,
    ),
  );
});

test('JSON records carry the telemetry schema', () => {
  assert.equal(
    formatPlatform({ ...START, tracing: { value: 'Root=1-2-3;Sampled=0' }, tenantId: 't' }, JSON_INFO, TIME_MS),
    `{"time":"2022-10-12T00:00:15.064Z","type":"platform.start","record":{"requestId":"${ID}","version":"$LATEST","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3;Sampled=0"},"tenantId":"t"}}\n`,
  );
  assert.equal(
    formatPlatform({ ...REPORT, initDurationMs: 80.12345 }, JSON_INFO, TIME_MS),
    `{"time":"2022-10-12T00:00:15.064Z","type":"platform.report","record":{"requestId":"${ID}","status":"success","metrics":{"durationMs":1.565,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":80.123}}}\n`,
  );
  const spans = [{ name: 'responseLatency', startMs: TIME_MS, durationMs: 1.2 }] as const;
  const done = {
    type: 'runtimeDone',
    requestId: ID,
    status: 'success',
    durationMs: 2,
    producedBytes: 5,
    spans,
  } as const;
  assert.equal(
    formatPlatform(done, JSON_DEBUG, TIME_MS),
    `{"time":"2022-10-12T00:00:15.064Z","type":"platform.runtimeDone","record":{"requestId":"${ID}","status":"success","metrics":{"durationMs":2,"producedBytes":5},"spans":[{"name":"responseLatency","start":"2022-10-12T00:00:15.064Z","durationMs":1.2}]}}\n`,
  );
});

test('the system level leaves records out, and the default is INFO', () => {
  const done: PlatformEvent = { ...REPORT, type: 'runtimeDone', producedBytes: 1 };
  const shown = (event: PlatformEvent, logging: Logging) => formatPlatform(event, logging, TIME_MS) !== undefined;
  assert.deepEqual([shown(done, JSON_DEBUG), shown(done, JSON_INFO)], [true, false]);
  assert.equal(shown({ ...done, status: 'error' }, JSON_WARN), true);
  assert.deepEqual([shown(REPORT, JSON_INFO), shown(REPORT, JSON_WARN)], [true, false]);
  assert.equal(shown({ ...REPORT, status: 'timeout' }, JSON_WARN), true);
  assert.deepEqual([shown(INIT_START, JSON_INFO), shown(INIT_START, JSON_WARN)], [true, false]);
  assert.equal(shown({ ...INIT_REPORT, status: 'success' }, JSON_INFO), false);
  assert.equal(
    shown({ ...INIT_REPORT, status: 'success', initializationType: 'provisioned-concurrency' }, JSON_INFO),
    true,
  );
  assert.equal(shown({ type: 'end', requestId: ID }, JSON_DEBUG), false);
  const extension = { type: 'extension', name: 'n', state: 'Ready', events: [] } as const;
  assert.deepEqual([shown(extension, JSON_INFO), shown(extension, JSON_WARN)], [true, false]);
  assert.equal(shown({ ...extension, errorType: 'Extension.Crash' }, JSON_WARN), true);
  const subscription = { type: 'telemetrySubscription', name: 'n', types: [] } as const;
  assert.deepEqual([shown(subscription, JSON_INFO), shown(subscription, JSON_WARN)], [true, false]);
  assert.equal(shown({ type: 'logsDropped', droppedBytes: 1, droppedRecords: 1, reason: '' }, JSON_WARN), true);
});

test('billing counts whole milliseconds, init included', () => {
  assert.deepEqual([billedMs(1.56), billedMs(133.61, 80), billedMs(0), billedMs(3)], [2, 214, 1, 3]);
});
