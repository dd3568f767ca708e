import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeLambda } from './fake-lambda.ts';
import { folderOf, runCommand } from './run-command.ts';

async function withFunctions(...names: string[]): Promise<FakeLambda> {
  const fake = await new FakeLambda().start();
  for (const FunctionName of names)
    fake.functions.set(FunctionName, {
      FunctionName,
      FunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}`,
      Runtime: 'nodejs24.x',
      MemorySize: 128,
      Timeout: 3,
      State: 'Active',
      LastModified: '2026-01-02T03:04:05.678+0000',
    });
  return fake;
}

describe('invoke', () => {
  it('prints the payload on stdout', async () => {
    await using fake = await withFunctions('f');
    fake.invoke = ({ body }) => ({ body: Buffer.concat([Buffer.from('{"got":'), body, Buffer.from('}')]) });
    await using folder = await folderOf('x', {});
    await writeFile(join(folder.path, 'event.json'), '[2]');
    const at = { endpoint: fake.url, cwd: folder.path };
    const given = await runCommand(['invoke', 'f', '--payload', '{"a":1}'], at);
    assert.deepEqual([given.code, given.stdout], [0, '{"got":{"a":1}}\n']);
    assert.equal((await runCommand(['invoke', 'f', '-p', '@event.json'], at)).stdout, '{"got":[2]}\n');
    assert.equal((await runCommand(['invoke', 'f', '-p', '-'], { ...at, stdin: '"in"' })).stdout, '{"got":"in"}\n');
    assert.equal((await runCommand(['invoke', 'f', '-p', '@none'], at)).code, 1);
  });

  it('exits 1 with the payload printed when the function failed', async () => {
    await using fake = await withFunctions('f');
    fake.invoke = () => ({ headers: { 'x-amz-function-error': 'Unhandled' }, body: { errorMessage: 'no' } });
    const run = await runCommand(['invoke', 'f'], { endpoint: fake.url });
    assert.deepEqual([run.code, run.stdout], [1, '{"errorMessage":"no"}\n']);
    assert.match(run.stderr, /function error: Unhandled\n$/);
    const json = await runCommand(['invoke', 'f', '--json'], { endpoint: fake.url });
    assert.equal(json.code, 1);
    assert.deepEqual(JSON.parse(json.stdout), {
      StatusCode: 200,
      FunctionError: 'Unhandled',
      Payload: { errorMessage: 'no' },
    });
  });

  it('exits 1 with the error when the function is not there', async () => {
    await using fake = await withFunctions();
    const { code, stdout, stderr } = await runCommand(['invoke', 'none'], { endpoint: fake.url });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^lambdad: ResourceNotFoundException: Function not found: arn:aws:lambda/);
  });

  it('sends qualifier, log type, invocation type and client context where the API has them', async () => {
    await using fake = await withFunctions('f');
    const log = Buffer.from('START\nEND\n').toString('base64');
    fake.invoke = () => ({ headers: { 'x-amz-log-result': log }, body: Buffer.from('1') });
    const args = ['invoke', 'f', '-q', 'live', '--tail', '--client-context', '{"custom":{}}'];
    const { stdout, stderr } = await runCommand(args, { endpoint: fake.url });
    assert.equal(stdout, '1\n');
    assert.match(stderr, /START\nEND\n$/);
    const { query, headers } = fake.requests[0]!;
    assert.equal(query.get('Qualifier'), 'live');
    assert.equal(headers['x-amz-log-type'], 'Tail');
    assert.equal(Buffer.from(String(headers['x-amz-client-context']), 'base64').toString(), '{"custom":{}}');
    fake.invoke = () => ({ status: 204 });
    const dry = await runCommand(['invoke', 'f', '--dry-run'], { endpoint: fake.url });
    assert.deepEqual([dry.code, dry.stdout], [0, '']);
    assert.match(dry.stderr, /dry run: the invoke would be allowed\n$/);
    assert.equal(fake.requests[1]!.headers['x-amz-invocation-type'], 'DryRun');
  });

  it('says on stderr that it is waiting, and only after a second', async () => {
    await using fake = await withFunctions('f');
    const answer = { body: Buffer.from('1') };
    fake.invoke = () => ({ ...answer, delayMs: 1300 });
    const { stdout, stderr } = await runCommand(['invoke', 'f'], { endpoint: fake.url });
    assert.equal(stdout, '1\n');
    assert.equal(stderr, 'lambdad: f is running\n');
  });
});

describe('ls', () => {
  it('lists through all pages, with the state that the list leaves out', async () => {
    await using fake = await withFunctions('one', 'two', 'three');
    fake.pageSize = 2;
    const { code, stdout } = await runCommand(['ls'], { endpoint: fake.url });
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        'NAME   RUNTIME     MEMORY  TIMEOUT  STATE   MODIFIED',
        'one    nodejs24.x  128 MB  3 s      Active  2026-01-02T03:04:05Z',
        'two    nodejs24.x  128 MB  3 s      Active  2026-01-02T03:04:05Z',
        'three  nodejs24.x  128 MB  3 s      Active  2026-01-02T03:04:05Z',
        '',
      ].join('\n'),
    );
    const json = await runCommand(['ls', '--json'], { endpoint: fake.url });
    const names = JSON.parse(json.stdout).map((view: { FunctionName: string }) => view.FunctionName);
    assert.deepEqual(names, ['one', 'two', 'three']);
  });

  it('prints nothing but a hint when there is none', async () => {
    await using fake = await withFunctions();
    const { code, stdout, stderr } = await runCommand(['ls'], { endpoint: fake.url });
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /lambdad deploy DIR/);
    assert.equal((await runCommand(['ls', '--json'], { endpoint: fake.url })).stdout, '[]\n');
  });

  it('prints no colours into a pipe', async () => {
    await using fake = await withFunctions('one');
    const { stdout } = await runCommand(['ls'], { endpoint: fake.url, env: { TERM: 'xterm' } });
    assert.ok(!stdout.includes('\u001b'));
  });
});

describe('rm', () => {
  it('deletes, and fails for what is not there', async () => {
    await using fake = await withFunctions('f');
    assert.equal((await runCommand(['rm', 'f', '--yes'], { endpoint: fake.url })).code, 0);
    assert.deepEqual(fake.story, ['DELETE /functions/f']);
    assert.equal((await runCommand(['rm', 'f', '--yes'], { endpoint: fake.url })).code, 1);
  });
});

describe('env', () => {
  it('prints exports for the server, and keys only when there are none', async () => {
    const none = await runCommand(['env'], { env: { LAMBDAD_HOST: '0.0.0.0', LAMBDAD_PORT: '3000' } });
    assert.equal(
      none.stdout,
      [
        "export AWS_ENDPOINT_URL_LAMBDA='http://127.0.0.1:3000'",
        "export AWS_ENDPOINT_URL_CLOUDWATCH_LOGS='http://127.0.0.1:3000'",
        "export AWS_REGION='us-east-1'",
        "export AWS_DEFAULT_REGION='us-east-1'",
        "export AWS_ACCESS_KEY_ID='test'",
        "export AWS_SECRET_ACCESS_KEY='test'",
        '',
      ].join('\n'),
    );
    const keys = { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_DEFAULT_REGION: 'eu-west-1' };
    const json = await runCommand(['env', '--json'], { env: keys });
    assert.deepEqual(JSON.parse(json.stdout), {
      AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:2015',
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: 'http://127.0.0.1:2015',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
    });
  });

  it('quotes for the shell that is named', async () => {
    const env = { AWS_REGION: "it's" };
    assert.match((await runCommand(['env'], { env })).stdout, /^export AWS_REGION='it'\\''s'$/m);
    assert.match((await runCommand(['env', '--shell', 'fish'], { env })).stdout, /^set -gx AWS_REGION 'it\\'s'$/m);
    const powershell = await runCommand(['env', '--shell', 'powershell'], { env });
    assert.match(powershell.stdout, /^\$env:AWS_REGION = 'it''s'$/m);
  });
});
