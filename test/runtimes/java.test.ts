/** Functions in Java on Amazon's runtime interface client and the machine's JDKs, through the public API. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  type Runtime,
} from '@aws-sdk/client-lambda';
import { versionsOf } from '../../src/runtimes/description.ts';
import { machinePrograms, shippedFamily } from '../../src/runtimes/machine-programs.ts';
import { obtainRuntime } from '../../src/runtimes/obtained-runtime.ts';
import { inFullOnly } from '../proof/extent.ts';
import { createFunction, type Deployed, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { sharedCacheDir } from '../support/shared-cache.ts';
import { root } from '../support/source-tree.ts';
import { zipOf } from '../support/zip.ts';

/** Maven and its plugins come first on a machine that has never used them; later everything is there. */
const PREPARE_MS_MAX = 300_000;
const TEST_MS_MAX = 120_000;
/** Of a JDK, what Amazon's client needs. */
const JRE_MODULES = 'java.base,java.logging,java.management,java.sql,jdk.unsupported';
const CLASSES = ['Probe', 'Streams', 'Broken', 'Dependency'] as const;

const runs = (command: string) => spawnSync(command, ['-version'], { stdio: 'ignore' }).status === 0;
const skip = skipUnless(runs('javac') && runs('mvn'), 'needs a JDK and Maven');

type Seen = Record<string, unknown> & { readonly environment: Record<string, string> };

describe('java', { skip, timeout: PREPARE_MS_MAX }, () => {
  let server: TestServer;
  let client: LambdaClient;
  let versions: readonly string[];
  /** The runtime that the tests of behaviour run on: the oldest that is there. */
  let runtime: Runtime;
  const classes: Record<string, Buffer> = {};
  let dependencyJar: Buffer;

  before(
    async () => {
      versions = (await machinePrograms('java', process.env).known()).map(({ version }) => version);
      const [version = ''] = versions;
      runtime = `java${version}` as Runtime;
      const directory = await readied(version);
      await compile(join(directory, 'lib', 'core.jar'));
      for (const other of versions.slice(1)) await readied(other);
      server = await startTestServer({ args: ['--cache', sharedCacheDir, '--nearest-runtime'] });
      client = server.client();
    },
    { timeout: PREPARE_MS_MAX },
  );
  after(() => server?.stop());

  /** The runtime's folder, before a function waits for it. */
  async function readied(version: string): Promise<string> {
    const match = { family: shippedFamily('java'), version };
    const options = { cacheDir: sharedCacheDir, nearest: false, env: process.env, progress: () => undefined };
    return (await obtainRuntime(match, options)).directory;
  }

  /** For the oldest Java that there is a runtime for. */
  async function compile(core: string): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'lambdad-javac-'));
    try {
      const sources = CLASSES.map((name) => join(root, 'test', 'runtimes', 'java', `${name}.java`));
      const options = ['--release', '8', '-Xlint:-options', '-cp', core, '-d', directory];
      await promisify(execFile)('javac', [...options, ...sources]);
      for (const name of CLASSES) classes[name] = readFileSync(join(directory, `${name}.class`));
      dependencyJar = await zipOf({ 'Dependency.class': classes['Dependency'] ?? '' });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  const create = (name: string, more: Partial<Deployed> = {}) =>
    createFunction(client, name, {
      Runtime: runtime,
      Handler: 'Probe',
      MemorySize: 256,
      Timeout: 60,
      files: { 'Probe.class': classes['Probe'] ?? '', 'Streams.class': classes['Streams'] ?? '' },
      ...more,
    });

  test('each JDK of the machine runs the runtime of its version', { timeout: TEST_MS_MAX }, async () => {
    assert.ok(versions.length > 0);
    for (const version of versions) {
      await create(`on-${version}`, { Runtime: (version === '8' ? 'java8.al2' : `java${version}`) as Runtime });
      const { payload, error } = await invokeFunction(client, `on-${version}`);
      assert.equal(error, undefined, JSON.stringify(payload));
      assert.equal(String((payload as Seen)['version']).replace(/^1\./, ''), version);
    }
  });

  test('a zip of classes with jars in lib/, its context and its environment', { timeout: TEST_MS_MAX }, async () => {
    await create('zip', {
      files: { 'Probe.class': classes['Probe'] ?? '', 'lib/dependency.jar': dependencyJar },
      Environment: { Variables: { GREETING: 'grüß Gott', TZ: 'Europe/Vienna' } },
    });
    const { payload, error, requestId } = await invokeFunction(client, 'zip', { a: [1, 'ü'] });
    assert.equal(error, undefined, JSON.stringify(payload));
    const { environment, trace, heapBytes, remaining, version, ...seen } = payload as Seen;
    assert.deepEqual(seen, {
      event: { a: [1, 'ü'] },
      native: false,
      requestId,
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:zip',
      memory: 256,
      logGroup: '/aws/lambda/zip',
      dependency: 'the dependency',
    });
    assert.match(String(trace), /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};/);
    assert.ok(Number(remaining) > 0 && Number(remaining) <= 60_000);
    // The serial collector counts one of its survivor spaces out.
    const shareOfMemory = Number(heapBytes) / (256 * 1_048_576);
    assert.ok(shareOfMemory > 0.78 && shareOfMemory <= 0.85, `heap ${shareOfMemory}`);
    assert.equal(environment['AWS_EXECUTION_ENV'], `AWS_Lambda_${runtime}`);
    assert.equal(environment['GREETING'], 'grüß Gott');
    assert.equal(environment['TZ'], 'Europe/Vienna');
    assert.equal(environment['_HANDLER'], 'Probe');
    for (const absent of ['PWD', 'SHLVL', '_X_AMZN_TRACE_ID']) assert.equal(environment[absent], undefined, absent);
  });

  test('a jar is a package, and a handler may name a method', { timeout: TEST_MS_MAX }, async () => {
    await create('jar', {
      Handler: 'Probe::method',
      files: { 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0\r\n\r\n', 'Probe.class': classes['Probe'] ?? '' },
    });
    assert.equal((await invokeFunction(client, 'jar')).payload, 'method for jar');
  });

  test('a handler of streams, and one that returns null', { timeout: TEST_MS_MAX }, async () => {
    await create('streams', { Handler: 'Streams::handleRequest' });
    assert.deepEqual((await invokeFunction(client, 'streams', { a: 'ü' })).payload, { a: 'ü' });
    await create('null');
    assert.equal((await invokeFunction(client, 'null', { do: 'nothing' })).payload, null);
  });

  test('an exception: its payload, and one record in the log', { timeout: TEST_MS_MAX }, async () => {
    await create('fails');
    const { payload, error, log } = await invokeFunction(client, 'fails', { do: 'fail' });
    assert.equal(error, 'Unhandled');
    const { stackTrace, ...rest } = payload as { stackTrace: string[] };
    assert.deepEqual(rest, { errorMessage: 'bad value', errorType: 'java.lang.IllegalStateException' });
    assert.match(stackTrace[0] ?? '', /^Probe\.handleRequest\(Probe\.java:\d+\)$/);
    assert.match(
      log,
      /^bad value: java\.lang\.IllegalStateException\njava\.lang\.IllegalStateException: bad value\n\tat Probe/m,
    );
    assert.equal((await invokeFunction(client, 'fails')).error, undefined, 'the environment goes on');
  });

  test('classes that are not there, and one that fails while it is loaded', { timeout: TEST_MS_MAX }, async () => {
    await create('absent', { Handler: 'com.example.Absent::handle' });
    const absent = await invokeFunction(client, 'absent');
    assert.equal(absent.error, 'Unhandled');
    const { errorMessage, errorType } = absent.payload as Record<string, string>;
    assert.deepEqual(
      [errorMessage, errorType],
      ['Class not found: com.example.Absent', 'java.lang.ClassNotFoundException'],
    );
    await create('broken', { Handler: 'Broken::handle', files: { 'Broken.class': classes['Broken'] ?? '' } });
    const broken = await invokeFunction(client, 'broken');
    assert.equal(broken.error, 'Unhandled');
    assert.match(JSON.stringify(broken.payload), /Error loading class Broken/);
    assert.match(broken.log, /IllegalArgumentException: no configuration/);
  });

  test('System.exit ends the environment and the next invoke has another; a timeout ends one too', {
    timeout: TEST_MS_MAX,
  }, async () => {
    await create('ends');
    const exited = await invokeFunction(client, 'ends', { do: 'exit' });
    assert.deepEqual(exited.payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${exited.requestId} Error: Runtime exited with error: exit status 3`,
    });
    assert.equal((await invokeFunction(client, 'ends')).error, undefined);
    await create('late', { Timeout: 3 });
    const late = await invokeFunction(client, 'late', { do: 'sleep' });
    assert.deepEqual(late.payload, {
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${late.requestId} Error: Task timed out after 3.00 seconds`,
    });
  });

  test('jars of a layer in java/lib', { timeout: TEST_MS_MAX }, async () => {
    const { LayerVersionArn = '' } = await client.send(
      new PublishLayerVersionCommand({
        LayerName: 'jars',
        Content: { ZipFile: await zipOf({ 'java/lib/dependency.jar': dependencyJar }) },
      }),
    );
    await create('layered', { Layers: [LayerVersionArn] });
    assert.equal(((await invokeFunction(client, 'layered')).payload as Seen)['dependency'], 'the dependency');
    await create('bare');
    assert.equal(((await invokeFunction(client, 'bare')).payload as Seen)['dependency'], 'none');
  });

  test('log records in text and in JSON, filtered by level', { timeout: TEST_MS_MAX }, async () => {
    await create('text-log');
    const text = await invokeFunction(client, 'text-log', { do: 'log' });
    assert.match(text.log, /^printed\n\[WARN\] one\ntwo\n?\[DEBUG\] fine/m);
    await create('json-log', { LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'INFO' } });
    const json = await invokeFunction(client, 'json-log', { do: 'log' });
    const records = json.log.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    const { timestamp, ...record } = records.find(({ message }) => message === 'one\ntwo') ?? {};
    assert.deepEqual(record, { level: 'WARN', message: 'one\ntwo', AWSRequestId: json.requestId });
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT/);
    assert.ok(!records.some(({ message }) => message === 'fine'));
  });

  test('JAVA_TOOL_OPTIONS count, and the client comes from the shared archive', {
    timeout: TEST_MS_MAX,
  }, async (context) => {
    if (runtime === 'java8') return context.skip('JDK 8 shares its own classes only');
    const archived = 'AWSLambda source: shared objects file';
    const options = `-Dgiven=here -Xlog:class+load=info:stdout`;
    await create('options', { Environment: { Variables: { JAVA_TOOL_OPTIONS: options } } });
    const { log } = await invokeFunction(client, 'options');
    assert.match(log, /END RequestId/);
    const { stdout } = await promisify(execFile)(
      'node',
      ['bin/lambdad.mjs', 'logs', 'options', '--endpoint', server.url],
      {
        cwd: root,
        maxBuffer: 16 * 1_048_576,
      },
    );
    assert.match(stdout, /Picked up JAVA_TOOL_OPTIONS: -Dgiven=here/);
    assert.ok(stdout.includes(archived), 'the archive is in use');
    const read = stdout.split('\n').filter((line) => line.includes('source: file:/var/runtime/'));
    assert.deepEqual(read, [], 'all that a handler of a map needs of the client is in it');
  });

  test('a JRE without a compiler runs the client by itself', {
    timeout: TEST_MS_MAX,
    skip: inFullOnly,
  }, async (context) => {
    const home = mkdtempSync(join(tmpdir(), 'lambdad-jre-'));
    const jre = join(home, 'jre');
    const jlink = join(
      dirname((await machinePrograms('java', process.env).exact(versions.at(-1) ?? ''))?.path ?? ''),
      'jlink',
    );
    if (spawnSync(jlink, ['--add-modules', JRE_MODULES, '--output', jre]).status !== 0)
      return context.skip('no jlink, or nothing to link');
    const cacheDir = join(home, 'cache');
    cpSync(join(sharedCacheDir, 'artefacts'), join(cacheDir, 'artefacts'), {
      recursive: true,
      filter: (path) => !/artefacts\/(?!java-)/.test(path),
    });
    const env = { PATH: `${join(jre, 'bin')}:${process.env['PATH']}` };
    const server = await startTestServer({ args: ['--cache', cacheDir], env });
    try {
      await createFunction(server.client(), 'jre', {
        Runtime: `java${versions.at(-1)}` as Runtime,
        Handler: 'java.lang.System::getProperty',
        Timeout: 60,
        files: { 'nothing.txt': '' },
      });
      const { payload, error } = await invokeFunction(server.client(), 'jre', 'java.class.path');
      assert.equal(error, undefined, JSON.stringify(payload));
      assert.match(String(payload), /^\/var\/runtime\/lib\/core\.jar:.*utils-lite\.jar$/);
    } finally {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    }
  });

  test('without its JDK a function says what installs it', { timeout: TEST_MS_MAX }, async (context) => {
    const missing = versionsOf(shippedFamily('java')).find((version) => version !== '8' && !versions.includes(version));
    if (missing === undefined) return context.skip('this machine has every JDK');
    const strict = await startTestServer({ args: ['--cache', sharedCacheDir] });
    try {
      const strictClient = strict.client();
      await strictClient.send(
        new CreateFunctionCommand({
          FunctionName: 'missing',
          Runtime: `java${missing}` as Runtime,
          Handler: 'Probe',
          Role: 'arn:aws:iam::000000000000:role/test',
          Code: { ZipFile: await zipOf({ 'Probe.class': classes['Probe'] ?? '' }) },
        }),
      );
      let found = await strictClient.send(new GetFunctionConfigurationCommand({ FunctionName: 'missing' }));
      while (found.State === 'Pending')
        found = await strictClient.send(new GetFunctionConfigurationCommand({ FunctionName: 'missing' }));
      assert.deepEqual([found.State, found.StateReasonCode], ['Failed', 'InvalidRuntime']);
      assert.equal(
        found.StateReason,
        `Java ${missing} was not found on PATH, at JAVA_HOME, in /usr/lib/jvm, SDKMAN or /opt. ` +
          `Install it with "apt-get install openjdk-${missing}-jre-headless", or start lambdad with --nearest-runtime.`,
      );
    } finally {
      await strict.stop();
    }
  });
});
