/** Each runtime identifier runs on an interpreter of its own version, in its sandbox, through the public API. */
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  type Runtime,
} from '@aws-sdk/client-lambda';
import { versionsOf } from '../../src/runtimes/description.ts';
import { machinePrograms, shippedFamily } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

/** Fetched once, here as for a user: the downloads outlive the tests. */
const cacheDir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'lambdad');
/** Every version is fetched on the build machine, one of them elsewhere. */
const nodeMajors = process.env['CI'] === 'true' ? [12, 14, 16, 18, 20, 22, 24, 26] : [22, 24];

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer({ args: ['--cache', cacheDir] });
  client = server.client();
});

after(() => server.stop());

for (const major of nodeMajors)
  test(`nodejs${major}.x`, { timeout: 300_000 }, async () => {
    const name = `node${major}`;
    await createFunction(client, name, {
      Runtime: `nodejs${major}.x` as Runtime,
      files: {
        'index.js': `
          console.log('as %s', 'module');
          exports.handler = async (event, context) => ({
            version: process.versions.node,
            execution: process.env.AWS_EXECUTION_ENV,
            name: context.functionName,
            event,
          });`,
      },
    });
    const { payload, error, log } = await invokeFunction(client, name, { a: [1, 'ü'] });
    assert.equal(error, undefined, JSON.stringify(payload));
    const { version, ...rest } = payload as { version: string };
    assert.equal(version.split('.')[0], String(major));
    assert.deepEqual(rest, { execution: `AWS_Lambda_nodejs${major}.x`, name, event: { a: [1, 'ü'] } });
    assert.match(log, /\tINFO\tas module\n/);
  });

test('python3.x, each version that this machine has', { timeout: 120_000 }, async (context) => {
  const pythons = await machinePrograms('python', process.env).known();
  if (pythons.length === 0 && process.env['CI'] !== 'true') return context.skip('no Python on this machine');
  assert.ok(pythons.length > 0, 'a Python must be there under CI=true');
  for (const { version, fullVersion } of pythons) {
    const name = `python${version.replace('.', '-')}`;
    await createFunction(client, name, {
      Runtime: `python${version}` as Runtime,
      Handler: 'app.handler',
      files: {
        'app.py': `
import os, platform
def handler(event, context):
    print('seen', event['a'][1])
    return {'version': platform.python_version(), 'execution': os.environ['AWS_EXECUTION_ENV'], 'name': context.function_name, 'event': event}
`,
      },
    });
    const { payload, error, log } = await invokeFunction(client, name, { a: [1, 'ü'] });
    assert.equal(error, undefined, JSON.stringify(payload));
    const execution = `AWS_Lambda_python${version}`;
    assert.deepEqual(payload, { version: fullVersion, execution, name, event: { a: [1, 'ü'] } });
    assert.match(log, /\nseen ü\n/);
  }
});

test('a runtime that is not there makes the function Failed, with the command that installs it', async (context) => {
  const missing = await missingPython();
  if (missing === undefined) return context.skip('this machine has every Python');
  const FunctionName = 'missing';
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: `python${missing}` as Runtime,
      Handler: 'app.handler',
      Role: 'arn:aws:iam::000000000000:role/test',
      Code: { ZipFile: await zipOf({ 'app.py': 'def handler(event, context): pass\n' }) },
    }),
  );
  let seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  while (seen.State === 'Pending') seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  assert.deepEqual([seen.State, seen.StateReasonCode], ['Failed', 'InvalidRuntime']);
  assert.match(
    seen.StateReason ?? '',
    new RegExp(`"uv python install ${missing}" or "apt-get install python${missing}"`),
  );
});

test('--nearest-runtime runs a function on the version next to its own, and says so in the log', async (context) => {
  const missing = await missingPython();
  const there = await machinePrograms('python', process.env).known();
  if (missing === undefined || there.length === 0)
    return context.skip('needs a Python that is there and one that is not');
  const lenient = await startTestServer({ args: ['--cache', cacheDir, '--nearest-runtime'] });
  try {
    const near = lenient.client();
    await createFunction(near, 'near', {
      Runtime: `python${missing}` as Runtime,
      Handler: 'app.handler',
      files: { 'app.py': 'import platform\ndef handler(event, context): return platform.python_version()\n' },
    });
    const { payload, log } = await invokeFunction(near, 'near');
    assert.ok(there.some(({ fullVersion }) => fullVersion === payload));
    assert.match(
      log,
      new RegExp(`^lambdad: Python ${missing} was not found: running on 3\\.\\d+ \\(--nearest-runtime\\)$`, 'm'),
    );
  } finally {
    await lenient.stop();
  }
});

test('a runtime that AWS has closed is refused unless --deprecated-runtimes opens it', async () => {
  const closed = new CreateFunctionCommand({
    FunctionName: 'closed',
    Runtime: 'nodejs12.x',
    Handler: 'index.handler',
    Role: 'arn:aws:iam::000000000000:role/test',
    Code: { ZipFile: await zipOf({ 'index.js': 'exports.handler = async () => {};' }) },
  });
  const strict = await startTestServer({ env: { LAMBDAD_DEPRECATED_RUNTIMES: undefined } });
  try {
    await assert.rejects(strict.client().send(closed), {
      name: 'InvalidParameterValueException',
      message:
        'The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.',
    });
  } finally {
    await strict.stop();
  }
  assert.equal((await client.send(closed)).Runtime, 'nodejs12.x');
});

/** A version from 3.10 on that this machine does not have. */
async function missingPython(): Promise<string | undefined> {
  const there = (await machinePrograms('python', process.env).known()).map(({ version }) => version);
  return versionsOf(shippedFamily('python')).find(
    (version) => Number(version.split('.')[1]) >= 10 && !there.includes(version),
  );
}
