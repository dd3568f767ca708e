import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { skipUnless } from '../../test/support/requirement.ts';
import { rubies, startRubyFunction } from './ruby-runtime.ts';

const skip = skipUnless(rubies.length > 0, 'needs Ruby');
const payload = (posted: { body: Buffer }) => JSON.parse(posted.body.toString());
const method = (body: string) => `def handler(event:, context:)\n${body}\nend\n`;

for (const ruby of rubies) {
  describe(`Ruby ${ruby.version}: results`, () => {
    it('answers one event after the other over a single connection', async (test) => {
      const { api } = await startRubyFunction(test, ruby, method('event'));
      for (const event of [{ n: 1 }, 'é€😀', null, [1, 'x']]) {
        const posted = await api.invoke(JSON.stringify(event));
        assert.equal(posted.kind, 'response');
        assert.deepEqual(payload(posted), event);
        assert.equal(posted.headers['content-type'], 'application/json');
      }
      assert.equal(api.connections(), 1);
    });

    it('sends a stream as it is', async (test) => {
      const { api } = await startRubyFunction(test, ruby, method('StringIO.new([0, 255, 10].pack("C*"))'));
      const posted = await api.invoke({});
      assert.deepEqual([...posted.body], [0, 255, 10]);
      assert.equal(posted.headers['content-type'], 'application/unknown');
    });

    it('gives an event that is not JSON as it came, and lets a function replace the marshaller', async (test) => {
      const own = `class AwsLambda::Marshaller
  def self.marshall_response(value)
    ["<#{value}>", 'text/html']
  end
end
`;
      const { api } = await startRubyFunction(test, ruby, own + method('event'));
      const posted = await api.invoke('plain ü', { 'Content-Type': 'text/plain' });
      assert.equal(posted.body.toString(), '<plain ü>');
      assert.equal(posted.headers['content-type'], 'text/html');
    });

    it('calls a method of a class, and finds the file in a folder', async (test) => {
      const files = {
        'lib/app.rb': 'module Deep\n  def self.run(event:, context:)\n    "#{event} deep"\n  end\nend\n',
      };
      const { api } = await startRubyFunction(test, ruby, files, { handler: 'lib/app.Deep.run' });
      assert.equal(payload(await api.invoke('"so"')), 'so deep');
    });

    it('gives the context', async (test) => {
      const source =
        method(`{ id: context.aws_request_id, arn: context.invoked_function_arn, name: context.function_name,
  version: context.function_version, memory: context.memory_limit_in_mb, group: context.log_group_name,
  stream: context.log_stream_name, identity: context.identity, client: context.client_context,
  tenant: context.tenant_id, deadline: context.deadline_ms, left: context.get_remaining_time_in_millis,
  trace: ENV['_X_AMZN_TRACE_ID'] }`);
      const { api } = await startRubyFunction(test, ruby, source);
      const deadline = Date.now() + 60_000;
      const posted = await api.invoke('{}', {
        'Lambda-Runtime-Deadline-Ms': String(deadline),
        'Lambda-Runtime-Invoked-Function-Arn': 'arn:x',
        'Lambda-Runtime-Trace-Id': 'Root=1',
        'Lambda-Runtime-Client-Context': '{"custom":{"k":"v"}}',
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i"}',
        'Lambda-Runtime-Aws-Tenant-Id': 'blue',
      });
      const { left, id, ...rest } = payload(posted);
      assert.equal(id, posted.id);
      assert.ok(left > 0 && left <= 60_000);
      assert.deepEqual(rest, {
        arn: 'arn:x',
        name: 'f',
        version: '$LATEST',
        memory: '128',
        group: '/aws/lambda/f',
        stream: '2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef',
        identity: { cognitoIdentityId: 'i' },
        client: { custom: { k: 'v' } },
        tenant: 'blue',
        deadline,
        trace: 'Root=1',
      });
    });
  });

  describe(`Ruby ${ruby.version}: failures`, () => {
    it('posts what a handler raises, and goes on', async (test) => {
      const run = await startRubyFunction(test, ruby, method("raise RuntimeError, 'bad ü' if event['bad']\n'good'"));
      const posted = await run.api.invoke({ bad: true });
      assert.equal(posted.kind, 'error');
      const { stackTrace, ...rest } = payload(posted);
      assert.deepEqual(rest, { errorMessage: 'bad ü', errorType: 'Function<RuntimeError>' });
      assert.equal(stackTrace.length, 1);
      assert.match(stackTrace[0], /app\.rb:2:in [`'](Object#)?handler'$/);
      assert.equal(posted.headers['lambda-runtime-function-error-type'], 'Function<UserException>');
      const cause = JSON.parse(String(posted.headers['lambda-runtime-function-xray-error-cause']));
      assert.equal(cause.exceptions[0].message, 'bad ü');
      assert.equal(cause.exceptions[0].stack[0].line, 2);
      assert.equal(payload(await run.api.invoke({})), 'good');
    });

    it('ends with 255 after what AWS does not go on after', async (test) => {
      for (const [body, type] of [
        ['nowhere', 'Function<NameError>'],
        ['exit 3', 'Function<SystemExit>'],
        ['def self.deep; deep; end; deep', 'Function<SystemStackError>'],
      ] as const) {
        const run = await startRubyFunction(test, ruby, method(body));
        const posted = await run.api.invoke({});
        assert.equal(payload(posted).errorType, type);
        assert.equal(posted.headers['lambda-runtime-function-error-type'], type);
        assert.equal(await run.ended, 255);
        assert.match(run.stdout(), /^Critical exception from handler\n\{\n {2}"errorMessage"/m);
      }
    });

    it('ends with 252 when the file cannot be loaded', async (test) => {
      for (const [source, type] of [
        ["require 'not_there'", 'Init<LoadError>'],
        ['def handler(', 'Init<SyntaxError>'],
        ["raise ArgumentError, 'no configuration'", 'Init<ArgumentError>'],
        ['exit 0', 'Init<SystemExit>'],
      ] as const) {
        const run = await startRubyFunction(test, ruby, source);
        const posted = await run.api.initError();
        assert.equal(payload(posted).errorType, type);
        assert.equal(await run.ended, 252);
        assert.match(run.stdout(), /^Init error when loading handler app\.handler\n\{/m);
      }
      const run = await startRubyFunction(test, ruby, method('1'), { handler: 'app' });
      assert.match(
        payload(await run.api.initError()).errorMessage,
        /^Invalid handler \["app"\], must be of form FILENAME\.METHOD/,
      );
    });

    it('ends with 1 when the result cannot be posted, and goes on when it is refused', async (test) => {
      const run = await startRubyFunction(test, ruby, method('event'));
      run.api.refuseNext({ status: 413, close: true });
      await run.api.invoke({ n: 1 });
      assert.deepEqual(payload(await run.api.invoke({ n: 2 })), { n: 2 });
      await run.api.close();
      assert.equal(await run.ended, 1);
      assert.match(run.stderr(), /^The Lambda Runtime API is gone: /m);
    });
  });

  describe(`Ruby ${ruby.version}: logs`, () => {
    const source = `require 'logger'\n${method('puts "one\\ntwo"\nputs\nLogger.new($stdout, progname: \'shop\').info("a\\nb")\nnil')}`;

    it('frames records where there is a descriptor', async (test) => {
      const run = await startRubyFunction(test, ruby, source, { logFrames: true });
      const { id } = await run.api.invoke({});
      await run.logged(/shop: a\nb$/);
      const [first, third, second] = run.frames();
      assert.deepEqual([first?.type, first?.message], ['a55a0003', 'one\ntwo']);
      assert.equal(second?.type, 'a55a000f');
      assert.match(second?.message ?? '', /^I, \[\d{4}-\d\d-\d\dT[\d:.]+ #\d+\] {2}INFO (\S+) -- shop: a\nb$/);
      assert.ok(second?.message.includes(id));
      assert.equal(third?.message, '');
      assert.ok(Math.abs((first?.timeMs ?? 0) - Date.now()) < 60_000);
    });

    it('prints them where there is none', async (test) => {
      const run = await startRubyFunction(test, ruby, source);
      await run.api.invoke({});
      await run.logged(/a\nb\n$/);
      assert.match(run.stdout(), /^one\ntwo\n\nI, \[.* -- shop: a\nb\n$/s);
    });

    it('writes JSON records from the level that is asked for', async (test) => {
      const body =
        "log = Logger.new($stdout)\nlog.info('low')\nlog.warn('high')\nbegin\n  raise 'x'\nrescue => e\n  log.error(e)\nend";
      const run = await startRubyFunction(test, ruby, `require 'logger'\n${method(body)}`, {
        logFrames: true,
        environment: { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'WARN' },
      });
      const { id } = await run.api.invoke({});
      await run.logged(/errorType/);
      const frames = run.frames();
      assert.deepEqual(
        frames.map(({ type }) => type),
        ['a55a0012', 'a55a0016'],
      );
      const [high, error] = frames.map(({ message }) => JSON.parse(message));
      assert.deepEqual({ ...high, timestamp: '' }, { timestamp: '', level: 'WARN', message: 'high', requestId: id });
      assert.match(high.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      assert.deepEqual([error.errorType, error.errorMessage, error.level], ['RuntimeError', 'x', 'ERROR']);
      assert.match(error.location, /app\.rb:(Object#)?handler:7$/);
    });
  });
}

it('has met a Ruby', { skip }, () => assert.ok(rubies.length > 0));
