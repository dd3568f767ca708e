import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  AddPermissionCommand,
  DeleteFunctionCommand,
  type LambdaClient,
  ListFunctionsCommand,
  type Runtime,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { signedHeaders } from '../../src/protocol/sign-request.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type CallAnswer, nodeCaller, pythonCaller } from './calling-function.ts';
import { freePort } from './free-port.ts';

const POLL_MS = 20;
/** A function that waits for another one's cold start needs more than the usual three seconds. */
const TIMEOUT_S = 60;
const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const roleArn = (name: string, account = OWNER) => `arn:aws:iam::${account}:role/${name}`;
const functionArn = (name: string) => `arn:aws:lambda:${REGION}:${OWNER}:function:${name}`;
const sessionArn = (role: string, name: string) => `arn:aws:sts::${OWNER}:assumed-role/${role}/${name}`;
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const allow = (Action: string | string[], Resource: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});

const rootOf = (account: string) => ({
  accessKeyId: `AKIDROOT${account}`,
  secretAccessKey: `secret of ${account}`,
  account,
});
const credentials = {
  keys: [
    rootOf(OWNER),
    rootOf(OTHER),
    {
      accessKeyId: 'AKIDMAKER',
      secretAccessKey: 'secret of the maker',
      account: OWNER,
      user: 'maker',
      policies: [
        policy(
          allow(['lambda:CreateFunction', 'lambda:UpdateFunctionConfiguration', 'lambda:GetFunction*'], '*'),
          allow('iam:PassRole', roleArn('caller'), {
            Condition: { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } },
          }),
        ),
      ],
    },
  ],
  roles: [
    {
      role: 'caller',
      account: OWNER,
      policies: [
        policy(
          allow('lambda:InvokeFunction', functionArn('echo')),
          allow('logs:FilterLogEvents', '*'),
          allow('lambda:GetFunctionConfiguration', '*', {
            Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn('node') } },
          }),
        ),
      ],
    },
    { role: 'caller', account: OTHER, policies: [policy(allow('*', '*'))] },
  ],
};

describe('the credentials of a function, under sigv4', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-surroundings-'));
  let server: TestServer;
  let owner: LambdaClient;

  before(async () => {
    const file = join(folder, 'credentials.json');
    writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
    server = await startTestServer({
      args: [
        '--auth',
        'sigv4',
        '--credentials',
        file,
        '--network',
        'host',
        '--nearest-runtime',
        '--pass-endpoints',
        'lambda,logs',
      ],
    });
    owner = server.client({ region: REGION, credentials: rootOf(OWNER), maxAttempts: 1 });
    await createFunction(owner, 'echo', {
      files: { 'index.js': 'exports.handler = async (event) => ({ echo: event });' },
      Role: roleArn('none'),
      Timeout: TIMEOUT_S,
    });
    for (const [name, Role] of [
      ['node', roleArn('caller')],
      ['stranger', roleArn('unknown')],
      ['foreign', roleArn('caller', OTHER)],
    ] as const)
      await createFunction(owner, name, { files: { 'index.js': nodeCaller }, Role, Timeout: TIMEOUT_S });
    await createFunction(owner, 'python', {
      files: { 'index.py': pythonCaller },
      Runtime: 'python3.13' as Runtime,
      Role: roleArn('caller'),
      Timeout: TIMEOUT_S,
    });
  });

  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  async function call(name: string, path: string, more: object = {}): Promise<readonly [number, unknown]> {
    const { payload, error } = await invokeFunction(owner, name, { url: `${server.url}${path}`, ...more });
    assert.equal(error, undefined, JSON.stringify(payload));
    const { status, body } = payload as CallAnswer;
    return [status, JSON.parse(body)];
  }

  const invocation = (name: string) => `/2015-03-31/functions/${name}/invocations`;
  const denied = (who: string, action: string, resource: string) => ({
    Message: `User: ${who} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  });

  for (const name of ['node', 'python']) {
    it(`lets a ${name} function do what its role may, and nothing else`, async () => {
      const body = JSON.stringify({ from: name });
      assert.deepEqual(await call(name, invocation('echo'), { method: 'POST', body }), [200, { echo: { from: name } }]);
      const [status, refusal] = await call(name, invocation('python'), { method: 'POST' });
      assert.equal(status, 403);
      const expected = denied(sessionArn('caller', name), 'lambda:InvokeFunction', functionArn('python'));
      assert.equal((refusal as typeof expected).Message, expected.Message);
    });

    it(`lets a ${name} function read the logs that its role may`, async () => {
      const logs = (target: string, input: object) =>
        call(name, '/', {
          method: 'POST',
          service: 'logs',
          headers: { 'x-amz-target': `Logs_20140328.${target}`, 'content-type': 'application/x-amz-json-1.1' },
          body: JSON.stringify(input),
        });
      const [status, found] = await logs('FilterLogEvents', { logGroupName: '/aws/lambda/echo' });
      assert.equal(status, 200, JSON.stringify(found));
      const [, refusal] = await logs('DescribeLogGroups', {});
      assert.equal((refusal as { readonly __type?: string }).__type, 'AccessDeniedException');
    });
  }

  it('know which function calls', async () => {
    const path = '/2015-03-31/functions/echo/configuration';
    assert.equal((await call('node', path))[0], 200);
    assert.equal((await call('python', path))[0], 403);
  });

  it('lend nothing of a role that nobody described, nor of one of another account', async () => {
    for (const [name, role] of [
      ['stranger', 'unknown'],
      ['foreign', 'caller'],
    ] as const) {
      const [status, refusal] = await call(name, '/2015-03-31/functions/');
      const expected = denied(sessionArn(role, name), 'lambda:ListFunctions', '*');
      assert.deepEqual([status, (refusal as typeof expected).Message], [403, expected.Message]);
    }
  });

  it('open what a resource policy opens to the role', async () => {
    const permission = { FunctionName: 'echo', StatementId: 's', Action: 'lambda:InvokeFunction' };
    await owner.send(new AddPermissionCommand({ ...permission, Principal: roleArn('unknown') }));
    assert.equal((await call('stranger', invocation('echo'), { method: 'POST', body: '1' }))[0], 200);
  });

  it('are found at the addresses that are passed on', async () => {
    const show = ['AWS_ENDPOINT_URL_LAMBDA', 'AWS_ENDPOINT_URL_CLOUDWATCH_LOGS', 'AWS_ENDPOINT_URL'];
    const expected = [server.url, server.url, null];
    for (const name of ['node', 'python'])
      assert.deepEqual(Object.values((await invokeFunction(owner, name, { show })).payload as object), expected);
  });

  it('need their session token, and end with their environment', async () => {
    const show = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
    await createFunction(owner, 'leaving', {
      files: { 'index.js': nodeCaller },
      Role: roleArn('caller'),
      Timeout: TIMEOUT_S,
    });
    const { payload } = await invokeFunction(owner, 'leaving', { show });
    const [accessKeyId = '', secretAccessKey = '', sessionToken = ''] = Object.values(
      payload as Record<string, string>,
    );
    assert.match(accessKeyId, /^ASIA[A-Z2-7]{16}$/);
    const key = { accessKeyId, secretAccessKey };
    const answerTo = async (sessionToken?: string) => {
      const { host } = new URL(server.url);
      const path = invocation('echo');
      const request = { method: 'POST', path, query: '', headers: { host }, body: Buffer.from('{}') };
      const with_ = sessionToken === undefined ? key : { ...key, sessionToken };
      const headers = signedHeaders(request, with_, { region: REGION, service: 'lambda' }, Date.now());
      const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: '{}' });
      return [answer.status, answer.headers.get('x-amzn-errortype'), await answer.json()];
    };
    const unknown = [
      403,
      'UnrecognizedClientException',
      { Type: 'User', message: 'The security token included in the request is invalid.' },
    ];
    assert.equal((await answerTo(sessionToken))[0], 200);
    assert.deepEqual(await answerTo(), unknown);
    assert.deepEqual(await answerTo(`${sessionToken.slice(0, -4)}AAAA`), unknown);
    await owner.send(new DeleteFunctionCommand({ FunctionName: 'leaving' }));
    // The environment ends behind the answer: what is left of its life is bounded.
    const until = Date.now() + 20_000;
    let last = await answerTo(sessionToken);
    while (last[0] === 200 && Date.now() < until) {
      await setTimeout(POLL_MS);
      last = await answerTo(sessionToken);
    }
    assert.deepEqual(last, unknown);
    assert.ok(![server.stdout(), server.stderr()].some((text) => text.includes(secretAccessKey)));
  });

  it('are given to functions of those who may pass the role', async () => {
    const maker = server.client({ region: REGION, credentials: credentials.keys[2] as never, maxAttempts: 1 });
    const files = { 'index.js': nodeCaller };
    await createFunction(maker, 'made', { files, Role: roleArn('caller') });
    const refused = (role: string) => ({
      name: 'AccessDeniedException',
      message: `User: arn:aws:iam::${OWNER}:user/maker is not authorized to perform: iam:PassRole on resource: ${roleArn(role)} because no identity-based policy allows the iam:PassRole action`,
    });
    await assert.rejects(createFunction(maker, 'grown', { files, Role: roleArn('admin') }), refused('admin'));
    const update = { FunctionName: 'made' };
    await maker.send(new UpdateFunctionConfigurationCommand({ ...update, Description: 'no role in it' }));
    await assert.rejects(
      maker.send(new UpdateFunctionConfigurationCommand({ ...update, Role: roleArn('admin') })),
      refused('admin'),
    );
  });
});

it('the credentials of a function work in the account of the function, under open', { timeout: 60_000 }, async () => {
  const port = String(await freePort());
  const network = ['--port', port, '--network', 'none', '--allow-host', port];
  const server = await startTestServer({ args: [...network, '--pass-endpoints', 'lambda'] });
  try {
    const client = server.client({ credentials: { accessKeyId: OWNER, secretAccessKey: 'x' } });
    await createFunction(client, 'caller', { files: { 'index.js': nodeCaller }, Timeout: TIMEOUT_S });
    const { payload: shown } = await invokeFunction(client, 'caller', { show: ['AWS_ENDPOINT_URL_LAMBDA'] });
    assert.deepEqual(shown, { AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` });
    assert.ok(!server.stdout().includes('warning'), server.stdout());
    const url = `${server.url}/2015-03-31/functions/`;
    const { payload } = await invokeFunction(client, 'caller', { url });
    const { status, body } = payload as CallAnswer;
    assert.equal(status, 200, body);
    const { Functions } = JSON.parse(body) as { readonly Functions: readonly { readonly FunctionArn: string }[] };
    assert.deepEqual(
      Functions.map(({ FunctionArn }) => FunctionArn),
      [functionArn('caller')],
    );
  } finally {
    await server.stop();
  }
});

it('the credentials of a function that has ended are nobody’s, under open too', { timeout: 60_000 }, async () => {
  const server = await startTestServer({ args: ['--idle-seconds', '0'] });
  try {
    const client = server.client({ credentials: { accessKeyId: OWNER, secretAccessKey: 'x' } });
    await createFunction(client, 'caller', { files: { 'index.js': nodeCaller }, Timeout: TIMEOUT_S });
    const show = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
    const { payload } = await invokeFunction(client, 'caller', { show });
    const [accessKeyId = '', secretAccessKey = '', sessionToken = ''] = Object.values(
      payload as Record<string, string>,
    );
    const function_ = server.client({ credentials: { accessKeyId, secretAccessKey, sessionToken }, maxAttempts: 1 });
    const list = () => function_.send(new ListFunctionsCommand({}));
    // Until the environment has ended they are those of the function's account.
    const found = async () => (await list().catch(() => undefined))?.Functions?.length;
    for (const until = Date.now() + 20_000; Date.now() < until; await setTimeout(POLL_MS)) {
      const count = await found();
      if (count === undefined) break;
      assert.equal(count, 1);
    }
    await assert.rejects(list(), { name: 'UnrecognizedClientException' });
  } finally {
    await server.stop();
  }
});
