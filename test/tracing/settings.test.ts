/** Where segments go, as flags and variables say it; whom the sampling rule takes; and what people are told of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { FakeClock } from '../../src/base/clock.ts';
import { ConfigError, readConfig } from '../../src/config.ts';
import type { InvokeTarget } from '../../src/invoke/invoker.ts';
import { Tracing } from '../../src/invoke/tracing.ts';
import { FakeLambda } from '../cli/fake-lambda.ts';
import { runCommand } from '../cli/run-command.ts';
import { startFakeService } from '../neighbours/fake-service.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';

const INERT = 'TracingConfig is kept and has no effect: neither --xray-daemon nor --otlp-endpoint is set';

interface Finding {
  readonly section: string;
  readonly level: string;
  readonly name: string;
  readonly text: string;
}

describe('settings of tracing', () => {
  const tracing = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    readConfig(argv, env).tracing;

  it('are nothing unless somebody names a place', () => {
    assert.deepEqual(tracing([]), {});
    assert.deepEqual(tracing([], { AWS_XRAY_DAEMON_ADDRESS: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' }), {});
  });

  it('take a flag before its variables', () => {
    const env = { AWS_XRAY_DAEMON_ADDRESS: 'other:1', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other' };
    const argv = ['--xray-daemon', 'daemon.local:2000', '--otlp-endpoint', 'https://host:4318/'];
    assert.deepEqual(tracing(argv, env), {
      xrayDaemon: { host: 'daemon.local', port: 2000 },
      otlp: { url: 'https://host:4318/v1/traces', headers: {} },
    });
    const own = { LAMBDAD_XRAY_DAEMON: '[::1]:3000' };
    assert.deepEqual(tracing([], own), { xrayDaemon: { host: '::1', port: 3000 } });
  });

  it('read the variables in the forms that are usual', () => {
    const daemon = (text: string) => tracing([], { AWS_XRAY_DAEMON_ADDRESS: text }).xrayDaemon;
    assert.deepEqual(daemon('tcp:10.0.0.1:2001 udp:10.0.0.2:2002'), { host: '10.0.0.2', port: 2002 });
    assert.deepEqual(daemon('udp:10.0.0.2:2002 tcp:10.0.0.1:2001'), { host: '10.0.0.2', port: 2002 });
    const otlp = (env: Readonly<Record<string, string>>) => tracing([], env).otlp;
    const base = 'http://h:4318/x';
    assert.equal(otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: base })?.url, 'http://h:4318/x/v1/traces');
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/y', OTEL_EXPORTER_OTLP_ENDPOINT: base };
    assert.equal(otlp(whole)?.url, 'http://t/y');
    assert.equal(otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), undefined);
    assert.equal(otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_SDK_DISABLED: 'true' }), undefined);
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'a=1, B = x%20y', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2' };
    assert.deepEqual(otlp({ OTEL_EXPORTER_OTLP_ENDPOINT: base, ...headers })?.headers, { a: '2', b: 'x y' });
  });

  it('refuse what is no address, and repeat no secret', () => {
    for (const text of ['host', ':2000', 'host:0', 'host:65536', 'a b:1', 'tcp:h:1 tcp:h:2'])
      assert.throws(() => tracing(['--xray-daemon', text]), ConfigError, text);
    assert.throws(
      () => tracing(['--otlp-endpoint', 'ftp://user:secret@h']),
      (error: Error) => {
        return error instanceof ConfigError && !error.message.includes('secret');
      },
    );
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h', OTEL_EXPORTER_OTLP_HEADERS: 'a=1%0D%0Asecret' };
    assert.throws(
      () => tracing([], env),
      (error: Error) => !error.message.includes('secret'),
    );
  });
});

describe('the sampling rule', () => {
  it('takes the first of each second of each Active function, and 5 % of the others', () => {
    const clock = new FakeClock();
    let fraction = 0.05;
    const ids = { uuid: () => '', hex: (digits: number) => '0'.repeat(digits), fraction: () => fraction };
    const rule = new Tracing({ sink: { send: () => undefined }, clock, ids });
    const target = (functionName: string, tracingMode: 'Active' | 'PassThrough') =>
      ({
        account: 'a',
        region: 'r',
        invokedArn: '',
        version: { functionName, settings: { tracingMode } },
      }) as unknown as InvokeTarget;
    assert.deepEqual(
      [1, 2, 3].map(() => rule.decide(target('f', 'Active'))),
      [true, false, false],
    );
    assert.equal(rule.decide(target('g', 'Active')), true);
    clock.advance(999);
    assert.equal(rule.decide(target('f', 'Active')), false);
    clock.advance(1);
    assert.deepEqual(
      [1, 2].map(() => rule.decide(target('f', 'Active'))),
      [true, false],
    );
    fraction = 0.0499;
    assert.equal(rule.decide(target('f', 'Active')), true);
    assert.equal(rule.decide(target('h', 'PassThrough')), false);
  });
});

describe('what people are told of tracing', { timeout: 60_000 }, () => {
  it('is in the function’s log and the server’s output, once, where Active goes nowhere', async () => {
    const server = await startTestServer();
    try {
      const client = server.client();
      const files = { 'index.js': 'exports.handler = async () => process.exit();' };
      await createFunction(client, 'watched', { files, TracingConfig: { Mode: 'Active' } });
      for (let count = 0; count < 2; count++) await client.send(new InvokeCommand({ FunctionName: 'watched' }));
      const { stdout } = await runCommand(['logs', 'watched'], { endpoint: server.url });
      assert.equal(stdout.split(`lambdad: ${INERT}`).length - 1, 1, stdout);
      assert.equal(server.stderr().split(INERT).length - 1, 1, server.stderr());
      assert.ok(!(await (await fetch(`${server.url}/metrics`)).text()).includes('lambdad_trace_'));
    } finally {
      await server.stop();
    }
  });

  it('is said by the doctor, who believes a running server', async () => {
    const findings = async (endpoint: string, env: Readonly<Record<string, string>>) => {
      const run = await runCommand(['doctor', '--json'], { endpoint, env });
      return (JSON.parse(run.stdout) as { findings: Finding[] }).findings;
    };
    await using fake = await new FakeLambda().start();
    fake.functions.set('watched', { FunctionName: 'watched', TracingConfig: { Mode: 'Active' } });
    const none = await findings(fake.url, {});
    const told = none.find(({ section }) => section === 'tracing');
    assert.equal(told?.level, 'note');
    assert.match(told?.text ?? '', /^neither --xray-daemon nor --otlp-endpoint is set: /);
    assert.deepEqual(none.find(({ name }) => name === 'watched')?.text, INERT);
    const some = await findings(fake.url, { AWS_XRAY_DAEMON_ADDRESS: '127.0.0.1:2000' });
    assert.equal(some.find(({ section }) => section === 'tracing')?.text, 'X-Ray daemon at 127.0.0.1:2000');
    assert.equal(
      some.find(({ name }) => name === 'watched'),
      undefined,
    );
    const health = JSON.stringify({ status: 'ok', neighbours: [], tracing: ['OTLP'] });
    await using service = await startFakeService(({ path }) => ({ body: path === '/_lambdad/health' ? health : '{}' }));
    const running = await findings(service.url, {});
    assert.equal(running.find(({ section }) => section === 'tracing')?.text, 'OTLP, by the running server');
  });
});
