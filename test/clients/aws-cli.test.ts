// The life of a function as typed into the AWS command line.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runClient } from '../support/client-process.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { greeterZip, ROLE, servers } from './story.ts';

const there = spawnSync('aws', ['--version'], { stdio: 'ignore' }).status === 0;
const skip = skipUnless(there, 'needs aws on the PATH');

/** `aws logs tail` came with version 2; version 1 has the call beneath it. */
const hasLogsTail = there && /^aws-cli\/(?!1\.)/.test(spawnSync('aws', ['--version'], { encoding: 'utf8' }).stdout);

const named = ['--function-name', 'greeter'];

for (const { title, asUser } of servers)
  describe(`aws with ${title}`, { skip }, () => {
    let server: TestServer;
    let dir: string;
    before(async () => {
      dir = mkdtempSync(join(tmpdir(), 'lambdad-aws-'));
      writeFileSync(join(dir, 'greeter.zip'), await greeterZip('Hello'));
      server = await startTestServer(asUser ? { asUser } : {});
    });
    after(async () => {
      await server?.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    /** Runs `aws lambda …` and reads the JSON that it prints. */
    const lambda = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { stdout } = await runClient('aws', ['lambda', ...args], server);
      return stdout === '' ? {} : JSON.parse(stdout);
    };

    test('create-function, wait function-active-v2', async () => {
      const zip = ['--zip-file', `fileb://${join(dir, 'greeter.zip')}`];
      const settings = ['--runtime', 'nodejs24.x', '--handler', 'index.handler', '--role', ROLE];
      const created = await lambda(
        'create-function',
        ...named,
        ...settings,
        ...zip,
        '--environment',
        'Variables={MOOD=fine}',
      );
      assert.equal(created['State'], 'Pending');
      await lambda('wait', 'function-active-v2', ...named);
    });

    test('invoke', async () => {
      const out = join(dir, 'out.json');
      const payload = ['--cli-binary-format', 'raw-in-base64-out', '--payload', '{"name":"Ada"}'];
      const payloadOfV1 = hasLogsTail ? payload : payload.slice(2);
      const answer = await lambda('invoke', ...named, ...payloadOfV1, '--log-type', 'Tail', out);
      assert.equal(answer['StatusCode'], 200);
      assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), {
        message: 'Hello, Ada!',
        version: '$LATEST',
        mood: 'fine',
      });
      assert.match(Buffer.from(String(answer['LogResult']), 'base64').toString(), /greeting Ada/);
    });

    test('publish-version, create-alias, list-functions', async () => {
      assert.equal((await lambda('publish-version', ...named))['Version'], '1');
      await lambda('wait', 'published-version-active', ...named, '--qualifier', '1');
      const alias = await lambda('create-alias', ...named, '--name', 'live', '--function-version', '1');
      assert.equal(alias['AliasArn'], 'arn:aws:lambda:us-east-1:000000000000:function:greeter:live');
      const listed = (await lambda('list-functions')) as { Functions: { FunctionName: string }[] };
      assert.deepEqual(
        listed.Functions.map((it) => it.FunctionName),
        ['greeter'],
      );
    });

    test('logs', async () => {
      const group = '/aws/lambda/greeter';
      const args = hasLogsTail
        ? ['logs', 'tail', group, '--format', 'short']
        : ['logs', 'filter-log-events', '--log-group-name', group, '--query', 'events[].message', '--output', 'text'];
      const { stdout } = await runClient('aws', args, server);
      assert.match(stdout, /INIT_START Runtime Version: nodejs:24/);
      assert.match(stdout, /greeting Ada/);
      assert.match(stdout, /REPORT RequestId: /);
    });

    test('errors name themselves', async () => {
      const missing = lambda('get-function', '--function-name', 'nobody-made-this');
      await assert.rejects(
        missing,
        /\(ResourceNotFoundException\) when calling the GetFunction operation: Function not found/,
      );
    });

    test('delete-function', async () => {
      await lambda('delete-function', ...named);
      assert.deepEqual(await lambda('list-functions'), { Functions: [] });
    });
  });
