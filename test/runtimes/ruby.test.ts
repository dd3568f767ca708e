/** Functions in Ruby on the machine's interpreter, through the public API. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  type Runtime,
} from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, type Deployed, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const TEST_MS_MAX = 60_000;
const rubies = machinePrograms('ruby', process.env);
const newest = (await rubies.all()).at(-1);
const known = (await rubies.known()).at(-1);
const skip = skipUnless(newest !== undefined, 'needs Ruby');
/** Where the machine has none of the versions with a runtime, the nearest stands in. */
const version = known?.version ?? '3.4';
const runtime = `ruby${version}` as Runtime;

const HANDLER = `
def handler(event:, context:)
  puts "one\\ntwo" if event['do'] == 'log'
  raise ArgumentError, 'bad value' if event['do'] == 'fail'
  exit! 3 if event['do'] == 'exit'
  sleep 60 if event['do'] == 'sleep'
  { event: event, environment: ENV.to_h, version: RUBY_VERSION, requestId: context.aws_request_id,
    arn: context.invoked_function_arn, text: 'grüß'.encoding.to_s, external: Encoding.default_external.to_s,
    bundledGems: Gem.path.include?(Gem.default_dir) }
end
`;

type Seen = Record<string, unknown> & { readonly environment: Record<string, string> };

describe('ruby', { skip, timeout: 300_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;
  before(async () => {
    server = await startTestServer({ args: ['--nearest-runtime'] });
    client = server.client();
  });
  after(() => server?.stop());

  const create = (name: string, more: Partial<Deployed> = {}) =>
    createFunction(client, name, {
      Runtime: runtime,
      Handler: 'app.handler',
      Timeout: 30,
      files: { 'app.rb': HANDLER },
      ...more,
    });

  test('a function, its context and its environment', { timeout: TEST_MS_MAX }, async () => {
    await create('hello', { Environment: { Variables: { GREETING: 'grüß Gott', LC_ALL: 'C.UTF-8' } } });
    const { payload, error, requestId, log } = await invokeFunction(client, 'hello', { a: [1, 'ü'] });
    assert.equal(error, undefined, JSON.stringify(payload));
    const { environment, ...seen } = payload as Seen;
    assert.deepEqual(seen, {
      event: { a: [1, 'ü'] },
      version: newest?.fullVersion,
      requestId,
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:hello',
      text: 'UTF-8',
      external: 'UTF-8',
      bundledGems: true,
    });
    assert.equal(environment['GREETING'], 'grüß Gott');
    assert.equal(environment['AWS_EXECUTION_ENV'], `AWS_Lambda_${runtime}`);
    assert.equal(environment['GEM_HOME'], '/var/runtime');
    assert.equal(
      environment['GEM_PATH'],
      `/var/task/vendor/bundle/ruby/${version}.0:/opt/ruby/gems/${version}.0:/var/runtime:/var/runtime/ruby/${version}.0`,
    );
    assert.match(environment['_X_AMZN_TRACE_ID'] ?? '', /^Root=1-/);
    for (const absent of ['LC_CTYPE', '_LAMBDA_TELEMETRY_LOG_FD']) assert.equal(environment[absent], undefined, absent);
    assert.equal(log.includes('(--nearest-runtime)'), known === undefined, log);
  });

  test('an error: its payload, and its records in the log', { timeout: TEST_MS_MAX }, async () => {
    await create('fails');
    const { payload, error, log } = await invokeFunction(client, 'fails', { do: 'fail' });
    assert.equal(error, 'Unhandled');
    const { stackTrace, ...rest } = payload as { stackTrace: string[] };
    assert.deepEqual(rest, { errorMessage: 'bad value', errorType: 'Function<ArgumentError>' });
    assert.match(stackTrace[0] ?? '', /^\/var\/task\/app\.rb:4:in /);
    assert.match(log, /^Error raised from handler method\n\{\n {2}"errorMessage": "bad value",\n/m);
    const again = await invokeFunction(client, 'fails', { do: 'log' });
    assert.equal(again.error, undefined, 'the environment goes on');
    assert.match(again.log, /\none\ntwo\n?END /);
  });

  test('a file that cannot be loaded', { timeout: TEST_MS_MAX }, async () => {
    await create('broken', { files: { 'app.rb': "require 'not_there'\n" } });
    const { payload, error, log } = await invokeFunction(client, 'broken');
    assert.equal(error, 'Unhandled');
    const { errorType, errorMessage } = payload as Record<string, string>;
    assert.deepEqual([errorType, errorMessage], ['Init<LoadError>', 'cannot load such file -- not_there']);
    assert.match(log, /^INIT_REPORT .*Status: error/m);
    assert.match(log, /^Init error when loading handler app\.handler\n\{/m);
  });

  test('exit ends the environment and the next invoke has another; a timeout ends one too', {
    timeout: TEST_MS_MAX,
  }, async () => {
    await create('ends');
    const exited = await invokeFunction(client, 'ends', { do: 'exit' });
    assert.deepEqual(exited.payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${exited.requestId} Error: Runtime exited with error: exit status 3`,
    });
    assert.equal((await invokeFunction(client, 'ends')).error, undefined);
    await create('late', { Timeout: 2 });
    const late = await invokeFunction(client, 'late', { do: 'sleep' });
    assert.deepEqual(late.payload, {
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${late.requestId} Error: Task timed out after 2.00 seconds`,
    });
  });

  test('gems and libraries of layers and of the package', { timeout: TEST_MS_MAX }, async () => {
    const specification = (name: string) =>
      `Gem::Specification.new { |s| s.name = '${name}'; s.version = '1.0'; s.summary = s.name; s.authors = ['me']; s.files = [] }`;
    const gem = (home: string, name: string) => ({
      [`${home}/specifications/${name}-1.0.gemspec`]: specification(name),
      [`${home}/gems/${name}-1.0/lib/${name}.rb`]: `def ${name}_says = '${name}'`,
    });
    const { LayerVersionArn = '' } = await client.send(
      new PublishLayerVersionCommand({
        LayerName: 'gems',
        Content: {
          ZipFile: await zipOf({
            ...gem(`ruby/gems/${version}.0`, 'layered'),
            'ruby/lib/plain.rb': "def plain_says = 'plain'",
          }),
        },
      }),
    );
    const source = `
require 'layered'
require 'plain'
require 'bundled'
def handler(event:, context:) = [layered_says, plain_says, bundled_says]
`;
    await create('gems', {
      Layers: [LayerVersionArn],
      files: { 'app.rb': source, ...gem(`vendor/bundle/ruby/${version}.0`, 'bundled') },
    });
    assert.deepEqual((await invokeFunction(client, 'gems')).payload, ['layered', 'plain', 'bundled']);
  });

  test('without its Ruby a function says what installs it', { timeout: TEST_MS_MAX }, async (context) => {
    const there = (await rubies.known()).map((program) => program.version);
    const missing = ['3.3', '3.4'].find((each) => !there.includes(each));
    if (missing === undefined) return context.skip('this machine has both Rubies');
    const strict = await startTestServer();
    try {
      const strictClient = strict.client();
      const name = { FunctionName: 'missing' };
      await strictClient.send(
        new CreateFunctionCommand({
          ...name,
          Runtime: `ruby${missing}` as Runtime,
          Handler: 'app.handler',
          Role: 'arn:aws:iam::000000000000:role/test',
          Code: { ZipFile: await zipOf({ 'app.rb': HANDLER }) },
        }),
      );
      let found = await strictClient.send(new GetFunctionConfigurationCommand(name));
      while (found.State === 'Pending') found = await strictClient.send(new GetFunctionConfigurationCommand(name));
      assert.deepEqual([found.State, found.StateReasonCode], ['Failed', 'InvalidRuntime']);
      assert.equal(
        found.StateReason,
        `Ruby ${missing} was not found on PATH, in rbenv, RVM, ~/.rubies or /opt. Install it with ` +
          `"rbenv install ${missing}" or "apt-get install ruby${missing}", or start lambdad with --nearest-runtime.`,
      );
    } finally {
      await strict.stop();
    }
  });
});
