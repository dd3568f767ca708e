import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { startFakeService } from '../neighbours/fake-service.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { skipWithoutMoto, startMoto } from '../support/moto.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type CallAnswer, nodeCaller, pythonCaller } from './calling-function.ts';
import { freePort } from './free-port.ts';

const ACCOUNT = '123456789012';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/worker`;
const CREDENTIAL_NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
const files = { 'index.js': nodeCaller };

function clientOf(server: TestServer): LambdaClient {
  return server.client({ credentials: { accessKeyId: ACCOUNT, secretAccessKey: 'x' }, maxAttempts: 1 });
}

/** The complaint of a server that does not start. */
async function complaint(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  try {
    await (await startTestServer({ args, env })).kill();
  } catch (error) {
    const { message } = error as Error;
    assert.match(message, /ended with 1 before it listened/);
    return message.split('\n')[1] ?? '';
  }
  return 'it started';
}

describe('credentials from an STS', { timeout: 120_000 }, () => {
  it('make a function its role for other services', { skip: skipWithoutMoto() }, async () => {
    await using moto = await startMoto();
    const port = String(await freePort());
    const network = ['--port', port, '--network', 'none', '--allow-host', `${port},${new URL(moto.url).port}`];
    const server = await startTestServer({
      args: ['--function-credentials', 'sts', ...network, '--nearest-runtime', '--pass-endpoints', 'sts,lambda'],
      env: { AWS_ENDPOINT_URL_STS: moto.url },
    });
    try {
      const client = clientOf(server);
      const identify = {
        url: `${moto.url}/`,
        method: 'POST',
        service: 'sts',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=GetCallerIdentity&Version=2011-06-15',
      };
      await createFunction(client, 'node', { files, Role: ROLE, Timeout: 30 });
      const python = { files: { 'index.py': pythonCaller }, Runtime: 'python3.13' as Runtime };
      await createFunction(client, 'python', { ...python, Role: ROLE, Timeout: 30 });
      for (const name of ['node', 'python']) {
        const { payload } = await invokeFunction(client, name, identify);
        const { status, body } = payload as CallAnswer;
        assert.equal(status, 200, body);
        assert.match(body, new RegExp(`<Arn>arn:aws:sts::${ACCOUNT}:assumed-role/worker/${name}</Arn>`));
      }
      // lambdad knows them too: by their key alone they would be those of another account.
      const { payload } = await invokeFunction(client, 'node', { url: `${server.url}/2015-03-31/functions/` });
      const { Functions } = JSON.parse((payload as CallAnswer).body) as { readonly Functions: readonly object[] };
      assert.equal(Functions.length, 2);
      const { payload: shown } = await invokeFunction(client, 'node', { show: ['AWS_ENDPOINT_URL_STS'] });
      assert.deepEqual(shown, { AWS_ENDPOINT_URL_STS: moto.url });
    } finally {
      await server.stop();
    }
  });

  it('are asked for with the function’s name, and shared by its environments', async () => {
    const answer = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAFAKE</AccessKeyId>
      <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
      <Expiration>2126-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
    await using sts = await startFakeService(() => ({ body: answer }));
    const server = await startTestServer({
      args: ['--function-credentials', 'sts'],
      env: { AWS_ENDPOINT_URL: sts.url },
    });
    try {
      assert.match(server.stdout(), new RegExp(`asks: +${sts.url} \\(.*sts\\)`));
    } finally {
      await server.stop();
    }
    const alone = await startTestServer({
      args: ['--function-credentials', 'sts'],
      env: { AWS_ENDPOINT_URL_STS: sts.url, AWS_ACCESS_KEY_ID: 'AKIDSERVER', AWS_SECRET_ACCESS_KEY: 'x' },
    });
    try {
      const client = clientOf(alone);
      await createFunction(client, 'f', { files, Role: ROLE, Timeout: 30 });
      await Promise.all([1, 2, 3].map(() => invokeFunction(client, 'f', { show: [] })));
      const { payload } = await invokeFunction(client, 'f', { show: CREDENTIAL_NAMES });
      assert.deepEqual(Object.values(payload as object), ['ASIAFAKE', 's', 't']);
      assert.equal(sts.asked.length, 1);
      const [{ body = '', headers = {} } = {}] = sts.asked;
      const form = Object.fromEntries(new URLSearchParams(body));
      const expected = { Action: 'AssumeRole', RoleArn: ROLE, RoleSessionName: 'f-', DurationSeconds: '3600' };
      assert.deepEqual(form, { ...expected, Version: '2011-06-15' });
      assert.match(String(headers['authorization']), /Credential=AKIDSERVER\/\d+\/us-east-1\/sts\/aws4_request/);
    } finally {
      await alone.stop();
    }
  });

  it('that are refused, or do not come, fail the invoke', async () => {
    let why = 'denied';
    const error = (code: string, message: string) =>
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
    await using sts = await startFakeService(() =>
      why === 'denied'
        ? { status: 403, body: error('AccessDenied', 'User: x is not authorized to perform: sts:AssumeRole') }
        : why === 'token'
          ? {
              status: 403,
              body: error('InvalidClientTokenId', 'The security token included in the request is invalid.'),
            }
          : { body: '<AssumeRoleResponse/>' },
    );
    const server = await startTestServer({
      args: ['--function-credentials', 'sts'],
      env: { AWS_ENDPOINT_URL_STS: sts.url },
    });
    try {
      const client = clientOf(server);
      await createFunction(client, 'f', { files, Role: ROLE, Timeout: 30 });
      await assert.rejects(invokeFunction(client, 'f'), {
        name: 'AccessDeniedException',
        message: 'The role defined for the function cannot be assumed by Lambda.',
      });
      why = 'token';
      await assert.rejects(invokeFunction(client, 'f'), {
        name: 'ServiceException',
        message:
          'Error occurred while AssumeRole. STS Error Code: InvalidClientTokenId. STS Error Message: The security token included in the request is invalid.',
      });
      why = 'nothing';
      await assert.rejects(invokeFunction(client, 'f'), {
        name: 'ServiceException',
        message: `lambdad asked AWS_ENDPOINT_URL_STS (${sts.url}) for AssumeRole and got no usable answer: no Expiration in it`,
      });
    } finally {
      await server.stop();
    }
  });

  it('need an STS', async () => {
    const line =
      'lambdad: --function-credentials sts needs AWS_ENDPOINT_URL_STS: the address of the STS that knows the roles of functions';
    assert.equal(await complaint(['--function-credentials', 'sts'], {}), line);
  });
});

describe('credentials of the server', { timeout: 60_000 }, () => {
  it('are those of every function, and the start says so', async () => {
    const own = { AWS_ACCESS_KEY_ID: 'AKIDOWN', AWS_SECRET_ACCESS_KEY: 'own secret', AWS_SESSION_TOKEN: undefined };
    for (const token of [undefined, 'own token']) {
      const server = await startTestServer({
        args: ['--function-credentials', 'inherit'],
        env: { ...own, AWS_SESSION_TOKEN: token },
      });
      try {
        const client = clientOf(server);
        await createFunction(client, 'f', { files, Timeout: 30 });
        const { payload } = await invokeFunction(client, 'f', { show: CREDENTIAL_NAMES });
        assert.deepEqual(Object.values(payload as object), ['AKIDOWN', 'own secret', token ?? null]);
        assert.match(server.stdout(), /^warning: +every function has your own AWS credentials/m);
        assert.ok(!`${server.stdout()}${server.stderr()}`.includes('own secret'));
      } finally {
        await server.stop();
      }
    }
  });

  it('must be there', async () => {
    const none = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    assert.equal(
      await complaint(['--function-credentials', 'inherit'], none),
      'lambdad: --function-credentials inherit needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    );
  });
});
