/** Who a function URL lets in: nobody's word under NONE, a signature and two permissions under AWS_IAM. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  AddPermissionCommand,
  type AddPermissionCommandInput,
  type LambdaClient,
  PutResourcePolicyCommand,
  RemovePermissionCommand,
  UpdateFunctionUrlConfigCommand,
} from '@aws-sdk/client-lambda';
import { signedHeaders } from '../../src/protocol/sign-request.ts';
import { runClient } from '../support/client-process.ts';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, createUrl, letEveryoneIn } from './url-server.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const FORBIDDEN =
  '{"Type":"User","Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}';
const SOURCE = 'exports.handler = async (event) => event;';
const BOTH = ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'];

const policy = (Action: string[], Condition?: object) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*', ...(Condition ? { Condition } : {}) }],
});
const key = (name: string, account: string, more: object = {}) => ({
  accessKeyId: `AKID${name}`,
  secretAccessKey: `secret of ${name}`,
  account,
  ...more,
});
const keys = [
  key('OWNER', OWNER),
  key('BOTH', OWNER, { user: 'both', organization: 'o-0123456789', policies: [policy(BOTH)] }),
  key('ONE', OWNER, { user: 'one', policies: [policy(['lambda:InvokeFunctionUrl'])] }),
  key('DIRECT', OWNER, {
    user: 'direct',
    policies: [policy(BOTH, { Bool: { 'lambda:InvokedViaFunctionUrl': 'false' } })],
  }),
  key('WORKER', OTHER, { role: 'worker', session: 'night', policies: [policy(BOTH)] }),
];

/** Signs as `name`; `tamper` changes the headers afterwards. */
function signed(name: string, url: string, asked: { method?: string; body?: string } = {}, service = 'lambda') {
  const { host, pathname, search } = new URL(url);
  const { method = 'GET', body = '' } = asked;
  const found = keys.find(({ accessKeyId }) => accessKeyId === `AKID${name}`) ?? key(name, '');
  const unsigned = { method, path: pathname, query: search.slice(1), headers: { host }, body: Buffer.from(body) };
  return signedHeaders(unsigned, found, { region: REGION, service }, Date.now());
}

describe('a server that checks signatures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-url-access-'));
  let server: TestServer;
  let owner: LambdaClient;
  let url: string;

  const statusOf = async (name: string, address = url) =>
    (await ask(address, { headers: signed(name, address) })).status;
  const permit = (more: Partial<AddPermissionCommandInput>) =>
    owner.send(
      new AddPermissionCommand({
        FunctionName: 'f',
        StatementId: 'x',
        Action: 'lambda:InvokeFunctionUrl',
        Principal: OTHER,
        ...more,
      }),
    );
  const withdraw = (StatementId: string) => owner.send(new RemovePermissionCommand({ FunctionName: 'f', StatementId }));

  before(async () => {
    const file = join(folder, 'credentials.json');
    writeFileSync(file, JSON.stringify({ keys }));
    server = await startTestServer({ args: ['--auth', 'sigv4', '--credentials', file] });
    owner = server.client({ region: REGION, credentials: keys[0] ?? assert.fail(), maxAttempts: 1 });
    await createFunction(owner, 'f', { files: { 'index.js': SOURCE } });
    url = await createUrl(owner, 'f', { AuthType: 'AWS_IAM' });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('refuses who does not sign in the words of AWS', async () => {
    const { status, headers, text } = await ask(url);
    assert.deepEqual([status, headers['x-amzn-errortype'], text], [403, 'AccessDeniedException', FORBIDDEN]);
  });

  it('refuses who signs wrongly: key, secret, service, path, body, time', async () => {
    const wrong = async (headers: Record<string, string>, more: { body?: string; method?: string } = {}, at = url) =>
      (await ask(at, { headers, ...more })).headers['x-amzn-errortype'];
    assert.equal(await wrong(signed('NOBODY', url)), 'UnrecognizedClientException');
    const forged = { ...signed('OWNER', url) };
    forged['authorization'] = forged['authorization']?.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) ?? '';
    assert.equal(await wrong(forged), 'InvalidSignatureException');
    assert.equal(await wrong(signed('OWNER', url, {}, 's3')), 'InvalidSignatureException');
    assert.equal(await wrong(signed('OWNER', url), {}, `${url}else`), 'InvalidSignatureException');
    const posting = signed('OWNER', url, { method: 'POST', body: 'one' });
    assert.equal(await wrong(posting, { method: 'POST', body: 'two' }), 'InvalidSignatureException');
    assert.equal(await wrong(posting, { method: 'POST', body: 'one' }), undefined);
    assert.equal(
      await wrong({ ...signed('OWNER', url), 'x-amz-date': '20200101T000000Z' }),
      'InvalidSignatureException',
    );
  });

  it('lets in the owner, and who has both permissions for URLs', async () => {
    const found = [];
    for (const name of ['OWNER', 'BOTH', 'ONE', 'DIRECT', 'WORKER']) found.push(await statusOf(name));
    assert.deepEqual(found, [200, 200, 403, 403, 403]);
  });

  it('tells the function who called, and keeps what they signed with', async () => {
    const { text } = await ask(`${url}a?b=c`, { headers: signed('BOTH', `${url}a?b=c`) });
    const { requestContext, headers } = JSON.parse(text);
    const { userId, ...iam } = requestContext.authorizer.iam;
    assert.equal(requestContext.accountId, OWNER);
    assert.match(userId, /^AIDA/);
    assert.deepEqual(iam, {
      accessKey: 'AKIDBOTH',
      accountId: OWNER,
      callerId: userId,
      cognitoIdentity: null,
      principalOrgId: 'o-0123456789',
      userArn: `arn:aws:iam::${OWNER}:user/both`,
    });
    assert.equal(headers.authorization, undefined);
  });

  it('lets in another account when both sides allow both actions', async () => {
    await permit({ StatementId: 'url', FunctionUrlAuthType: 'AWS_IAM' });
    assert.equal(await statusOf('WORKER'), 403);
    await permit({ StatementId: 'invoke', Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true });
    assert.equal(await statusOf('WORKER'), 200);
    await withdraw('url');
    await permit({ StatementId: 'url', FunctionUrlAuthType: 'NONE' });
    assert.equal(await statusOf('WORKER'), 403);
    await withdraw('url');
    await withdraw('invoke');
  });

  it('lets everyone in under NONE with both statements, and with neither alone', async () => {
    const update = (AuthType: 'NONE' | 'AWS_IAM') =>
      owner.send(new UpdateFunctionUrlConfigCommand({ FunctionName: 'f', AuthType }));
    await update('NONE');
    const status = async () => (await ask(url)).status;
    const found = [await status()];
    await letEveryoneIn(owner, 'f');
    found.push(await status());
    await withdraw('invoke');
    found.push(await status());
    await permit({
      StatementId: 'invoke',
      Principal: '*',
      Action: 'lambda:InvokeFunction',
      InvokedViaFunctionUrl: true,
    });
    await withdraw('url');
    found.push(await status());
    await permit({ StatementId: 'url', Principal: OWNER, FunctionUrlAuthType: 'NONE' });
    found.push(await status());
    assert.deepEqual(found, [403, 200, 403, 403, 403]);
    await update('AWS_IAM');
  });

  it('obeys a policy that denies', async () => {
    const ResourceArn = `arn:aws:lambda:${REGION}:${OWNER}:function:f`;
    const Statement = [
      { Sid: 'a', Effect: 'Allow', Principal: '*', Action: BOTH, Resource: ResourceArn },
      {
        Sid: 'b',
        Effect: 'Deny',
        Principal: '*',
        Action: 'lambda:InvokeFunctionUrl',
        Resource: ResourceArn,
        Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE' } },
      },
    ];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await owner.send(new PutResourcePolicyCommand({ ResourceArn, Policy }));
    assert.equal(await statusOf('WORKER'), 200);
    await owner.send(new UpdateFunctionUrlConfigCommand({ FunctionName: 'f', AuthType: 'NONE' }));
    assert.equal((await ask(url)).status, 403);
  });
});

const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const isBotoThere = spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0;
const isCurlThere = /^curl (7\.[89]|[89])/.test(spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout ?? '');

const PROGRAM = `
import boto3, json, sys, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
asked = AWSRequest(method='POST', url=sys.argv[1] + 'a b', data=b'{"x": 1}', headers={'Content-Type': 'application/json'})
SigV4Auth(Credentials('test', 'test'), 'lambda', 'us-east-1').add_auth(asked)
ready = asked.prepare()
sent = urllib.request.Request(ready.url.replace(' ', '%20'), data=ready.body, headers=dict(ready.headers), method='POST')
print(urllib.request.urlopen(sent).read().decode())
`;

describe('a server that believes signatures', () => {
  let server: TestServer;
  let url: string;

  before(async () => {
    server = await startTestServer();
    await createFunction(server.client(), 'f', { files: { 'index.js': SOURCE } });
    url = await createUrl(server.client(), 'f', { AuthType: 'AWS_IAM' });
  });
  after(() => server.stop());

  it('still wants one', async () => {
    assert.equal((await ask(url)).status, 403);
    assert.equal((await ask(url, { headers: signed('OWNER', url) })).status, 200);
  });

  it('takes botocore’s', { skip: skipUnless(isBotoThere, 'needs boto3 for python3') }, async () => {
    const { stdout } = await runClient(python, ['-c', PROGRAM, url], server);
    const { rawPath, body } = JSON.parse(stdout);
    assert.deepEqual([rawPath, body], ['/a%20b', '{"x": 1}']);
  });

  it('takes curl’s', { skip: skipUnless(isCurlThere, 'needs curl that signs') }, async () => {
    const args = ['-sS', '--aws-sigv4', 'aws:amz:us-east-1:lambda', '--user', 'test:test', `${url}path?q=1`];
    const { stdout } = await runClient('curl', args, server);
    assert.equal(JSON.parse(stdout).rawPath, '/path');
  });
});
