/** The clients that people use, each in its own way to invoke asynchronously. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Ledger, startLedger, tellingFunction } from './ledger.ts';

const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const there = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const withoutBoto3 = skipUnless(there(python, '-c', 'import boto3'), 'needs boto3 for python3, or PYTHON_WITH_BOTO3');
const withoutCurl = skipUnless(there('curl', '--version'), 'needs curl');

const BOTO3 = `
import boto3, sys
client = boto3.client('lambda')
answer = client.invoke(FunctionName='told', InvocationType='Event', Payload=b'{"by":"boto3"}')
print(answer['StatusCode'], answer['Payload'].read(), answer['ResponseMetadata']['RequestId'])
print(client.invoke_async(FunctionName='told', InvokeArgs=b'{"by":"invoke_async"}')['Status'])
`;

const run = promisify(execFile);

describe('asynchronous invokes by other clients', { timeout: 120_000 }, () => {
  let ledger: Ledger;
  let server: TestServer;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    ledger = await startLedger();
    server = await startTestServer({ args: ['--sandbox', 'process'] });
    env = { ...process.env, ...server.clientEnvironment() };
    await createFunction(server.client(), 'told', { files: tellingFunction(ledger.url) });
  });
  after(async () => {
    await server?.stop();
    await ledger?.close();
  });

  async function runBy(by: string): Promise<string> {
    for (let count = 1; ; count++) {
      const found = (await ledger.runsOf('told', count)).find(({ event }) => (event as { by?: string }).by === by);
      if (found) return found.requestId;
    }
  }

  it('boto3', { skip: withoutBoto3 }, async () => {
    const { stdout } = await run(python, ['-c', BOTO3], { env });
    const [first = '', status] = stdout.trim().split('\n');
    assert.match(first, /^202 b'' [0-9a-f-]{36}$/);
    assert.equal(status, '202');
    assert.equal(await runBy('boto3'), first.slice(-36));
    await runBy('invoke_async');
  });

  it('curl', { skip: withoutCurl }, async () => {
    const credential = 'Credential=000000000000/20260101/us-east-1/lambda/aws4_request';
    const head = `Authorization: AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
    const headers = ['-H', head, '-H', 'X-Amz-Date: 20260101T000000Z', '-H', 'X-Amz-Invocation-Type: Event'];
    const url = `${server.url}/2015-03-31/functions/told/invocations`;
    const { stdout } = await run('curl', ['-sS', '-i', ...headers, '-d', '{"by":"curl"}', url]);
    assert.match(stdout, /^HTTP\/1\.1 202 Accepted\r\n/);
    assert.match(stdout, /\r\nX-Amzn-Trace-Id: Root=1-/i);
    assert.match(stdout, /\r\n\r\n$/, 'no body');
    assert.equal(await runBy('curl'), /x-amzn-requestid: (\S+)/i.exec(stdout)?.[1]);
  });
});
