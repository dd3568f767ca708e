/** AWS_LAMBDA_EXEC_WRAPPER: what starts a managed runtime, from the function's own files or a layer's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type CreateFunctionCommandInput,
  type LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';

type Runtime = NonNullable<CreateFunctionCommandInput['Runtime']>;
/** What a function tells of how it was started: as Node says, and as the kernel does. */
type Lists = Readonly<Record<'args' | 'line', string[]>>;

/** Hands on what it was given, and leaves a mark that only it can leave. */
const WRAPPER = `#!/bin/sh
export WRAPPED_COMMAND="$*"
exec "$@"
`;
const NODE = `
exports.handler = async () => ({
  command: process.env.WRAPPED_COMMAND,
  args: [...process.execArgv],
  binary: process.execPath,
  variable: process.env.AWS_LAMBDA_EXEC_WRAPPER,
  line: process.platform === 'linux' ? require('node:fs').readFileSync('/proc/self/cmdline', 'utf8').split('\\0') : [],
});`;

const executable = (content: string): ZipEntry => ({ content, mode: 0o755 });
const python = await machinePrograms('python', process.env).newest();

async function configure(client: LambdaClient, FunctionName: string, wrapper: string): Promise<void> {
  const Environment = { Variables: { AWS_LAMBDA_EXEC_WRAPPER: wrapper } };
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName });
}

for (const sandbox of ['auto', 'process'])
  describe(`a wrapper, --sandbox ${sandbox}`, { timeout: 120_000 }, () => {
    let server: TestServer;
    let client: LambdaClient;
    let layer: string;

    before(async () => {
      server = await startTestServer({ args: ['--sandbox', sandbox] });
      client = server.client();
      const Content = { ZipFile: await zipOf({ 'tools/wrap': executable(WRAPPER), 'tools/flat': WRAPPER }) };
      const published = await client.send(new PublishLayerVersionCommand({ LayerName: 'tools', Content }));
      layer = published.LayerVersionArn ?? '';
      await createFunction(client, 'node', {
        files: { 'index.js': NODE, wrap: executable(WRAPPER), 'folder/file': '' },
        Layers: [layer],
      });
    });
    after(() => server.stop());

    const skip = skipUnless(process.platform === 'linux', 'no /proc');
    it('alone makes Node begin with --expose-gc, which a function finds in execArgv without one too', {
      skip,
    }, async () => {
      const { payload } = await invokeFunction(client, 'node');
      const { args, line } = payload as Lists;
      const [first, ...others] = args;
      assert.equal(first, '--expose-gc');
      assert.ok(others.length > 0 && others.every((option) => line.includes(option)), line.join(' '));
      assert.ok(!line.includes('--expose-gc'), line.join(' '));
    });

    it('gets the binary and its arguments, from a layer and from the function', async () => {
      for (const wrapper of ['/opt/tools/wrap', '/var/task/wrap', './wrap']) {
        await configure(client, 'node', wrapper);
        const { payload, error } = await invokeFunction(client, 'node');
        assert.equal(error, undefined, JSON.stringify(payload));
        const { command, args, binary, variable } = payload as Record<string, string> & Lists;
        assert.equal(variable, wrapper);
        assert.ok(args.includes('--expose-gc'));
        assert.ok(command?.startsWith(`${binary} ${args.join(' ')} `), command);
        assert.match(command ?? '', /\/index\.mjs$/);
      }
    });

    it('that is missing ends the runtime with 127, one that may not be executed with 126', async () => {
      const cases = [
        ['/opt/tools/none', 127, 'does not exist'],
        ['/var/task/folder', 127, 'does not exist'],
        ['/opt/tools/flat', 126, 'is not an executable'],
      ] as const;
      for (const [wrapper, status, text] of cases) {
        await configure(client, 'node', wrapper);
        const { payload, error, log, requestId } = await invokeFunction(client, 'node');
        assert.equal(error, 'Unhandled');
        assert.deepEqual(payload, {
          errorType: 'Runtime.ExitError',
          errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: exit status ${status}`,
        });
        assert.ok(log.includes(`\n${wrapper}: ${text}\n`), log);
      }
    });

    it('does nothing for a runtime that the function brings along', async () => {
      await createFunction(client, 'provided', {
        Runtime: 'provided.al2023',
        Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/tools/wrap' } },
        Layers: [layer],
        files: { bootstrap: executable('#!/bin/sh\necho "wrapped: $(env | grep -c WRAPPED_COMMAND)"\nexit 3\n') },
      });
      const { payload, log } = await invokeFunction(client, 'provided');
      assert.match((payload as { errorMessage: string }).errorMessage, /exit status 3$/);
      assert.match(log, /^wrapped: 0$/m);
    });

    it('starts Python too', { skip: skipUnless(python !== undefined, 'needs a Python') }, async () => {
      await createFunction(client, 'python', {
        Runtime: `python${python?.version}` as Runtime,
        Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/tools/wrap' } },
        Layers: [layer],
        files: {
          'index.py':
            'import os, sys\ndef handler(event, context): return [os.environ["WRAPPED_COMMAND"].split(" ")[0], sys.executable]\n',
        },
      });
      const { payload } = await invokeFunction(client, 'python');
      const [command, binary] = payload as [string, string];
      assert.equal(command, binary);
    });
  });
