import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CreateFunctionCommand,
  GetAliasCommand,
  InvokeCommand,
  LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  SendDurableExecutionCallbackSuccessCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-lambda';
import { CredentialsError, loadCredentials, parseCredentials } from '../../src/access/credentials.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { Authentication } from '../../src/server/authentication.ts';
import { startTestServer } from './protocol-server.ts';

const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'very secret' };
const sigv4: Authentication = {
  mode: 'sigv4',
  findSecret: (id) =>
    id === key.accessKeyId
      ? { secretAccessKey: key.secretAccessKey, account: '111122223333' }
      : id === 'ASIAEXAMPLE'
        ? { secretAccessKey: key.secretAccessKey, sessionToken: 'token//+==', account: '111122223333' }
        : undefined,
};

function client(port: number, credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) {
  return new LambdaClient({ endpoint: `http://127.0.0.1:${port}`, region: 'us-west-2', credentials, maxAttempts: 1 });
}

test('the AWS SDK is understood and its signatures are verified', async () => {
  await using server = await startTestServer({
    pipeline: { authentication: sigv4 },
    stubs: {
      Invoke: async () => ({ output: { StatusCode: 200, ExecutedVersion: '7', Payload: Buffer.from('{"b":2}') } }),
      GetAlias: async () => ({ output: { Name: 'live', RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } } } }),
    },
  });
  const lambda = client(server.port, key);
  const invoked = await lambda.send(
    new InvokeCommand({ FunctionName: 'f', Qualifier: 'live', Payload: Buffer.from('{"a":1}') }),
  );
  assert.deepEqual(
    [invoked.StatusCode, invoked.ExecutedVersion, invoked.Payload?.transformToString()],
    [200, '7', '{"b":2}'],
  );
  const arn = 'arn:aws:lambda:us-west-2:111122223333:function:f';
  await lambda.send(new UntagResourceCommand({ Resource: arn, TagKeys: ['a b', 'c+d', 'ä'] }));
  await lambda.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: arn, MaxItems: 5 }));
  await lambda.send(
    new SendDurableExecutionCallbackSuccessCommand({ CallbackId: 'ab/+c==', Result: Buffer.from('raw') }),
  );
  const zip = Buffer.alloc(300_000, 7);
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: 'f',
      Role: 'arn:aws:iam::111122223333:role/r',
      Runtime: 'nodejs24.x',
      Handler: 'i.h',
      Code: { ZipFile: zip },
    }),
  );
  const alias = await lambda.send(new GetAliasCommand({ FunctionName: 'f', Name: 'live' }));
  assert.deepEqual(alias.RoutingConfig?.AdditionalVersionWeights, { 2: 0.5 });
  assert.deepEqual(
    server.calls.map(({ operation, account, region }) => [operation, account, region].join(' ')),
    [
      'Invoke 111122223333 us-west-2',
      'UntagResource 111122223333 us-west-2',
      'ListProvisionedConcurrencyConfigs 111122223333 us-west-2',
      'SendDurableExecutionCallbackSuccess 111122223333 us-west-2',
      'CreateFunction 111122223333 us-west-2',
      'GetAlias 111122223333 us-west-2',
    ],
  );
  assert.deepEqual(server.calls[1]?.input, { Resource: arn, TagKeys: ['a b', 'c+d', 'ä'] });
  assert.deepEqual(server.calls[2]?.input, { FunctionName: arn, MaxItems: 5 });
  assert.equal(server.calls[3]?.input['CallbackId'], 'ab/+c==');
  assert.deepEqual(server.calls[4]?.input['Code'], { ZipFile: zip });
  const temporary = client(server.port, { ...key, accessKeyId: 'ASIAEXAMPLE', sessionToken: 'token//+==' });
  await temporary.send(new InvokeCommand({ FunctionName: 'f' }));
});

test('the AWS SDK gets the errors of wrong keys, secrets and tokens', async () => {
  await using server = await startTestServer({ pipeline: { authentication: sigv4 } });
  const call = (credentials: Parameters<typeof client>[1]) =>
    client(server.port, credentials).send(new InvokeCommand({ FunctionName: 'f' }));
  await assert.rejects(call({ ...key, secretAccessKey: 'wrong' }), { name: 'InvalidSignatureException' });
  await assert.rejects(call({ ...key, accessKeyId: 'OTHER' }), {
    name: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  });
  await assert.rejects(call({ ...key, sessionToken: 'x' }), { name: 'UnrecognizedClientException' });
  assert.equal(server.calls.length, 0);
});

test('the first start makes a credentials file that only its owner may read; later starts keep it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lambdad-credentials-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'credentials.json');
  const first = await loadCredentials(path, randomIds);
  assert.deepEqual([first.created, first.exposed], [true, false]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const [made] = (JSON.parse(await readFile(path, 'utf8')) as { keys: (typeof key)[] }).keys;
  assert.match(made?.accessKeyId ?? '', /^AKIA[A-Z2-7]{16}$/);
  assert.equal(made?.secretAccessKey.length, 40);
  const second = await loadCredentials(path, randomIds);
  assert.equal(second.created, false);
  assert.deepEqual(second.findSecret(made?.accessKeyId ?? ''), {
    secretAccessKey: made?.secretAccessKey,
    account: '000000000000',
  });
  assert.equal(second.findSecret('__proto__'), undefined);
  await chmod(path, 0o644);
  assert.equal((await loadCredentials(path, randomIds)).exposed, true);
  await writeFile(path, '{');
  await assert.rejects(loadCredentials(path, randomIds), CredentialsError);
  await assert.rejects(loadCredentials(folder, randomIds), CredentialsError);
});

test('a credentials file says account, token and expiry, and is refused when it has another form', () => {
  const { keys: secrets } = parseCredentials(
    JSON.stringify({
      keys: [
        { ...key, account: '222233334444', sessionToken: 't', expiration: '2026-01-01T00:00:00Z' },
        { accessKeyId: '333344445555', secretAccessKey: 's' },
      ],
    }),
    'file',
  );
  assert.deepEqual(secrets.get('AKIDEXAMPLE'), {
    secretAccessKey: 'very secret',
    account: '222233334444',
    sessionToken: 't',
    expiresAtMs: Date.parse('2026-01-01'),
  });
  assert.equal(secrets.get('333344445555')?.account, '333344445555');
  const wrong = [
    '',
    '[]',
    'null',
    '{"keys":[]}',
    '{"keys":[1]}',
    '{"keys":[{"accessKeyId":"a b","secretAccessKey":"s"}]}',
    '{"keys":[{"accessKeyId":"abc"}]}',
    JSON.stringify({ keys: [key, key] }),
    JSON.stringify({ keys: [{ ...key, account: '12' }] }),
    JSON.stringify({ keys: [{ ...key, expiration: 'soon' }] }),
    JSON.stringify({ keys: [{ ...key, sessionToken: 1 }] }),
  ];
  for (const json of wrong) assert.throws(() => parseCredentials(json, 'file'), CredentialsError, json);
});
