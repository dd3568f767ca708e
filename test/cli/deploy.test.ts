import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fromBufferPromise } from 'yauzl';
import { zipOf } from '../support/zip.ts';
import { FakeLambda } from './fake-lambda.ts';
import { folderOf, runCommand } from './run-command.ts';

type Files = Readonly<Record<string, string>>;

/** Deploys a folder with these files to a fresh server; gives what was sent and printed. */
async function deployed(files: Files, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const fake = await new FakeLambda().start();
  await using _server = fake;
  await using folder = await folderOf('hello', files);
  const run = await runCommand(['deploy', folder.path, ...args], { endpoint: fake.url, env });
  return { fake, run, created: () => fake.sent('POST /functions') };
}

async function namesIn(base64: unknown): Promise<string[]> {
  const zip = await fromBufferPromise(Buffer.from(String(base64), 'base64'), { lazyEntries: true });
  const names: string[] = [];
  for await (const entry of zip.eachEntry()) names.push(entry.fileName);
  return names;
}

const NODE = 'export const handler = async () => 1;';

describe('deploy', () => {
  it('guesses the runtime and handler of the usual folders', async () => {
    const folders: [Files, string, string][] = [
      [{ 'index.mjs': NODE }, 'nodejs24.x', 'index.handler'],
      [{ 'index.js': 'exports.handler = async () => 1' }, 'nodejs24.x', 'index.handler'],
      [{ 'app.cjs': 'module.exports = { handler: () => 1 }' }, 'nodejs24.x', 'app.handler'],
      [
        { 'package.json': '{"main":"./dist/server.js"}', 'dist/server.js': 'exports.handler = 1', 'index.js': '' },
        'nodejs24.x',
        'dist/server.handler',
      ],
      [{ 'app.mjs': 'export const lambdaHandler = 1' }, 'nodejs24.x', 'app.lambdaHandler'],
      [{ 'bootstrap*': '#!/bin/sh' }, 'provided.al2023', 'bootstrap'],
      [
        { 'lambda_function.py': 'def lambda_handler(e, c):\n  pass', '.python-version': '3.11.4\n' },
        'python3.11',
        'lambda_function.lambda_handler',
      ],
    ];
    for (const [files, runtime, handler] of folders) {
      const { run, created } = await deployed(files);
      assert.equal(run.code, 0, run.stderr);
      assert.equal(created()['Runtime'], runtime);
      assert.equal(created()['Handler'], handler);
      assert.match(run.stderr, new RegExp(`^guessed from .*: --runtime ${runtime} --handler ${handler}$`, 'm'));
    }
  });

  it('takes the newest Python that is found for a Python folder', async () => {
    await using tools = await folderOf('bin', {
      'python3.15*': '#!/bin/sh\nprintf "3.15.0\\n/bin/sh\\n"',
      'python3.14*': '#!/bin/sh\nprintf "3.14.1\\n/bin/sh\\n"',
    });
    const { run, created } = await deployed({ 'app.py': 'def handler(e, c):\n  pass' }, [], { PATH: tools.path });
    assert.equal(run.code, 0, run.stderr);
    assert.equal(created()['Runtime'], 'python3.15');
    assert.equal(created()['Handler'], 'app.handler');
  });

  it('prints the ARN alone on stdout and the rest on stderr', async () => {
    const { run, fake } = await deployed({ 'index.mjs': NODE });
    assert.equal(run.stdout, 'arn:aws:lambda:us-east-1:000000000000:function:hello\n');
    assert.match(run.stderr, /deployed hello: nodejs24\.x index\.handler, \d+ bytes zipped/);
    assert.match(run.stderr, /try it: lambdad invoke hello/);
    assert.deepEqual(fake.story, ['POST /functions']);
    const { authorization } = fake.requests[0]!.headers;
    assert.match(authorization ?? '', /^AWS4-HMAC-SHA256 Credential=test\/\d{8}\/us-east-1\/lambda\/aws4_request, /);
  });

  it('asks for the options when the folder does not tell, and sends nothing', async () => {
    const { run, fake } = await deployed({ 'index.js': 'console.log(1)', 'readme.md': '', bootstrap: '' });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /cannot tell how .*hello is run/);
    assert.match(run.stderr, /index\.js: no exported function named handler/);
    assert.match(run.stderr, /chmod \+x bootstrap/);
    assert.match(run.stderr, /--runtime nodejs24\.x --handler index\.handler/);
    assert.deepEqual(fake.story, []);
  });

  it('sends every setting that an option names', async () => {
    await using folder = await folderOf('x', { 'my.env': 'A=from file\n# no\nB="two words"\n' });
    const options = ['--name', 'other', '--memory', '256', '--timeout', '7', '--description', 'd', '--env', 'A=1=2'];
    const more = [
      '--env-file',
      join(folder.path, 'my.env'),
      '--architecture',
      'arm64',
      '--role',
      'arn:aws:iam::1:role/r',
    ];
    const { created } = await deployed({ 'index.mjs': NODE }, [...options, ...more]);
    const { Code, ...sent } = created();
    assert.deepEqual(sent, {
      FunctionName: 'other',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::1:role/r',
      Description: 'd',
      MemorySize: 256,
      Timeout: 7,
      Environment: { Variables: { A: '1=2', B: 'two words' } },
      Architectures: ['arm64'],
    });
    assert.deepEqual(await namesIn((Code as { ZipFile: string }).ZipFile), ['index.mjs']);
  });

  it('names the function after package.json, without scope', async () => {
    const { created } = await deployed({ 'package.json': '{"name":"@me/the.app"}', 'index.mjs': NODE });
    assert.equal(created()['FunctionName'], 'the-app');
  });

  it('updates a function that is there: code, then what options name, keeping the rest', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    const at = { endpoint: fake.url };
    await runCommand(['deploy', folder.path, '--runtime', 'nodejs22.x'], at);
    fake.requests.length = 0;
    const codeOnly = await runCommand(['deploy', folder.path], at);
    assert.equal(codeOnly.code, 0, codeOnly.stderr);
    assert.deepEqual(fake.story, ['PUT /functions/hello/code']);
    assert.equal(fake.functions.get('hello')?.['Runtime'], 'nodejs22.x');
    fake.requests.length = 0;
    const both = await runCommand(['deploy', folder.path, '--timeout', '9'], at);
    assert.equal(both.code, 0, both.stderr);
    assert.deepEqual(fake.story, ['PUT /functions/hello/code', 'PUT /functions/hello/configuration']);
    assert.deepEqual(fake.sent('PUT /functions/hello/configuration'), { Timeout: 9 });
  });

  it('says so when the new files look like another kind of function', async () => {
    await using fake = await new FakeLambda().start();
    await using node = await folderOf('hello', { 'index.mjs': NODE });
    await using python = await folderOf('hello', { 'app.py': 'def handler(e, c): pass' });
    await runCommand(['deploy', node.path], { endpoint: fake.url });
    const { stderr } = await runCommand(['deploy', python.path], { endpoint: fake.url });
    assert.match(stderr, /keeps nodejs24\.x index\.handler, but app\.py looks like a python function/);
  });

  it('waits until the function is Active', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    await runCommand(['deploy', folder.path], { endpoint: fake.url });
    const wait = { FunctionName: 'hello', State: 'Active', LastUpdateStatus: 'InProgress' };
    fake.pending.push({ ...wait, LastUpdateStatus: 'Successful' }, wait, wait);
    const { code } = await runCommand(['deploy', folder.path], { endpoint: fake.url });
    assert.equal(code, 0);
    assert.equal(fake.pending.length, 0, 'it asked until it was done');
  });

  it('fails with the reason when the function or its update is Failed', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    const at = { endpoint: fake.url };
    await runCommand(['deploy', folder.path], at);
    const is = { FunctionName: 'hello', State: 'Active' };
    fake.pending.push(is, {
      ...is,
      State: 'Failed',
      StateReason: 'no python3.9 here',
      StateReasonCode: 'InvalidRuntime',
    });
    const failed = await runCommand(['deploy', folder.path], at);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /hello is Failed: no python3\.9 here \(InvalidRuntime\)/);
    fake.pending.push(is, { ...is, LastUpdateStatus: 'Failed', LastUpdateStatusReason: 'bad zip' });
    const notUpdated = await runCommand(['deploy', folder.path], at);
    assert.equal(notUpdated.code, 1);
    assert.match(notUpdated.stderr, /hello is not updated: bad zip/);
  });

  it('publishes and points an alias, made on the first time', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    const args = ['deploy', folder.path, '--alias', 'live'];
    const first = await runCommand(args, { endpoint: fake.url });
    assert.equal(first.stdout, 'arn:aws:lambda:us-east-1:000000000000:function:hello:live\n', first.stderr);
    assert.deepEqual(fake.story.slice(1), [
      'POST /functions/hello/versions',
      'PUT /functions/hello/aliases/live',
      'POST /functions/hello/aliases',
    ]);
    assert.deepEqual(fake.sent('PUT /functions/hello/aliases/live'), { FunctionVersion: '1' });
    fake.requests.length = 0;
    const second = await runCommand([...args, '--json'], { endpoint: fake.url });
    assert.equal(fake.story.at(-1), 'PUT /functions/hello/aliases/live');
    const view = JSON.parse(second.stdout);
    assert.equal(view.Version, '1');
    assert.match(view.Alias.AliasArn, /:live$/);
  });

  it('takes a zip as it is, and guesses from inside it', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('x', { 'not.zip': 'hello', 'index.js': NODE });
    const bytes = await zipOf({ bootstrap: { content: '#!/bin/sh', mode: 0o755 } });
    await writeFile(join(folder.path, 'go-app.zip'), bytes);
    const { code, stderr } = await runCommand(['deploy', 'go-app.zip'], { endpoint: fake.url, cwd: folder.path });
    assert.equal(code, 0, stderr);
    const { Code, FunctionName, Runtime } = fake.sent('POST /functions');
    assert.equal((Code as { ZipFile: string }).ZipFile, bytes.toString('base64'));
    assert.equal(FunctionName, 'go-app');
    assert.equal(Runtime, 'provided.al2023');
    for (const [operand, says] of [
      ['not.zip', /not\.zip is no zip that can be read/],
      ['index.js', /index\.js is neither a folder nor a zip/],
      ['nothing', /nothing is not there/],
    ] as const) {
      const refused = await runCommand(['deploy', operand], { endpoint: fake.url, cwd: folder.path });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, says);
    }
  });

  it('hands on what the server refuses', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    const elsewhere = await runCommand(['deploy', folder.path], { endpoint: `${fake.url}/prefix` });
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /UnknownOperationException: no such path/);
  });

  it('says when a function could not read its own files', async () => {
    await using fake = await new FakeLambda().start();
    await using folder = await folderOf('hello', { 'index.mjs': NODE });
    await chmod(join(folder.path, 'index.mjs'), 0o600);
    const { stderr } = await runCommand(['deploy', folder.path], { endpoint: fake.url });
    assert.match(stderr, /note: index\.mjs is not readable by other users/);
  });
});
