/**
 * Functions in .NET as far as they can be tried without one: how a handler is started, by a program that stands in for
 * `dotnet`, and what a function says when there is none.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateFunctionCommand, GetFunctionConfigurationCommand, type Runtime } from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { root } from '../support/source-tree.ts';
import { zipOf } from '../support/zip.ts';

const TEST_MS_MAX = 60_000;
const BOOTSTRAP = join(root, 'runtimes', 'dotnet', 'bootstrap.sh');
const DOTNET = `#!/bin/sh
case $1 in
  --list-runtimes)
    echo 'Microsoft.AspNetCore.App 8.0.11 [/x]'
    echo 'Microsoft.NETCore.App 8.0.11 [/x]'
    echo 'Microsoft.NETCore.App 10.0.0-rc.1 [/x]' ;;
  exec) echo "$@" ;;
  *) exit 1 ;;
esac
`;

describe('dotnet', () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'lambdad-dotnet-'));
    put('.dotnet/dotnet', DOTNET);
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  function put(name: string, content: string): void {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), content);
    chmodSync(join(home, name), 0o755);
  }

  function start(handler: string, more: Record<string, string> = {}) {
    const environment = { PATH: process.env['PATH'], LAMBDA_TASK_ROOT: join(home, 'task'), LAMBDA_RUNTIME_DIR: home };
    const env = { ...environment, LAMBDA_RUNTIME_NAME: 'dotnet8', ...more };
    const args = [BOOTSTRAP, join(home, '.dotnet', 'dotnet'), handler];
    const { status, stdout, stderr } = spawnSync('/bin/sh', args, { env, encoding: 'utf8' });
    return { status, stdout: stdout.replaceAll(home, '~'), stderr: stderr.replaceAll(home, '~') };
  }

  test('each version of one installation is found', async () => {
    const programs = machinePrograms('dotnet', { HOME: home, PATH: '/nowhere' });
    const path = join(home, '.dotnet', 'dotnet');
    assert.deepEqual(await programs.exact('8'), { version: '8', fullVersion: '8.0.11', path });
    assert.deepEqual(await programs.exact('10'), { version: '10', fullVersion: '10.0.0-rc.1', path });
  });

  test('an executable assembly, a program, and a method of an assembly are started each in its way', () => {
    put('task/App.dll', '');
    assert.equal(start('App').stdout, 'exec --roll-forward Major ~/task/App.dll\n');
    assert.equal(start('App.dll').stdout, 'exec --roll-forward Major ~/task/App.dll\n');
    put('task/native', '#!/bin/sh\necho native');
    assert.equal(start('native').stdout, 'native\n');
    assert.deepEqual([start('Absent').status, start('').status], [104, 103]);
    assert.equal(start('My::My.Function::Handle').status, 105);
    put('task/My.deps.json', '{}');
    assert.equal(start('My::My.Function::Handle').status, 106);
    put('task/My.runtimeconfig.json', '{}');
    const hostless = start('My::My.Function::Handle');
    assert.equal(hostless.status, 107);
    assert.match(hostless.stderr, /^Error: handlers of the form ASSEMBLY::TYPE::METHOD need the \.NET SDK/);
    put('lib/host.dll', '');
    const expected =
      'exec --roll-forward Major --depsfile ~/task/My.deps.json --runtimeconfig ~/task/My.runtimeconfig.json ' +
      '~/lib/host.dll My::My.Function::Handle\n';
    assert.equal(start('My::My.Function::Handle').stdout, expected);
    const other = start('Other::F::H', { LAMBDA_DOTNET_MAIN_ASSEMBLY: 'My.dll' });
    assert.equal(other.stdout, expected.replace('My::My.Function::Handle', 'Other::F::H'));
  });

  test('a function runs on the installation that is found, with its environment', {
    timeout: TEST_MS_MAX,
  }, async () => {
    const server = await startTestServer({ env: { HOME: home, DOTNET_ROOT: undefined } });
    try {
      const client = server.client();
      const content =
        '#!/bin/sh\necho "$AWS_EXECUTION_ENV $LAMBDA_RUNTIME_NAME"\n"$DOTNET_ROOT/dotnet" --list-runtimes\nexit 9\n';
      await createFunction(client, 'native', {
        Runtime: 'dotnet10' as Runtime,
        Handler: 'native',
        files: { native: { content, mode: 0o755 } },
      });
      const { payload, log } = await invokeFunction(client, 'native');
      assert.match(JSON.stringify(payload), /exit status 9/);
      assert.match(log, /^AWS_Lambda_dotnet10 dotnet10\nMicrosoft\.AspNetCore\.App/m);
    } finally {
      await server.stop();
    }
  });

  test('without .NET a function says what installs it', { timeout: TEST_MS_MAX }, async (context) => {
    const there = await machinePrograms('dotnet', process.env).exact('10');
    if (there) return context.skip('this machine has .NET 10');
    const server = await startTestServer();
    try {
      const client = server.client();
      const name = { FunctionName: 'missing' };
      await client.send(
        new CreateFunctionCommand({
          ...name,
          Runtime: 'dotnet10' as Runtime,
          Handler: 'A::B::C',
          Role: 'arn:aws:iam::000000000000:role/test',
          Code: { ZipFile: await zipOf({ 'A.dll': '' }) },
        }),
      );
      let found = await client.send(new GetFunctionConfigurationCommand(name));
      while (found.State === 'Pending') found = await client.send(new GetFunctionConfigurationCommand(name));
      assert.deepEqual([found.State, found.StateReasonCode], ['Failed', 'InvalidRuntime']);
      assert.equal(
        found.StateReason,
        '.NET 10 was not found on PATH, at DOTNET_ROOT, in ~/.dotnet, /usr/share/dotnet or /opt. Install it with ' +
          '"apt-get install dotnet-runtime-10.0" or "apt-get install dotnet-sdk-10.0", or start lambdad with --nearest-runtime.',
      );
    } finally {
      await server.stop();
    }
  });
});
