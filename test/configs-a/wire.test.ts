import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  GetRuntimeManagementConfigCommand,
  type LambdaClient,
  ListFunctionUrlConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const FunctionName = 'configured';
const ARN = `arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}`;
const URL_QUALIFIER = String.raw`((?!^\d+$)^[0-9a-zA-Z-_]+$)`;

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x' as never,
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/test',
      Code: { ZipFile: await zipOf({ 'index.js': 'exports.handler = async () => 1;' }) },
    }),
  );
  await client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '$LATEST' }));
});
after(() => server.stop());

const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0';

/** A request as it stands on the wire; the server does not verify signatures unless told to. */
function send(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: AUTHORIZATION },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The text with which the front end refuses a request. */
async function refused(method: string, path: string, body?: object): Promise<string> {
  const answer = await send(method, path, body);
  assert.equal(answer.status, 400);
  assert.match(answer.headers.get('x-amzn-errortype') ?? '', /^ValidationException/);
  return ((await answer.json()) as { message: string }).message;
}

const failing = (value: string, path: string, rule: string) =>
  `1 validation error detected: Value '${value}' at '${path}' failed to satisfy constraint: Member must ${rule}`;

describe('configurations on the wire', { timeout: 60_000 }, () => {
  it('of asynchronous invokes: numbers of seconds for times, 204 for Delete', async () => {
    const put = await client.send(
      new PutFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: 'live', MaximumRetryAttempts: 0 }),
    );
    assert.ok(Math.abs(Date.now() - Number(put.LastModified)) < 60_000);
    const raw = await send('GET', `/2019-09-25/functions/${FunctionName}/event-invoke-config?Qualifier=live`);
    assert.deepEqual(await raw.json(), {
      LastModified: Number(put.LastModified) / 1000,
      FunctionArn: `${ARN}:live`,
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnSuccess: {}, OnFailure: {} },
    });
    const named = { FunctionName: `${ARN}:live` };
    const deleted = await client.send(new DeleteFunctionEventInvokeConfigCommand(named));
    assert.equal(deleted.$metadata.httpStatusCode, 204);
    await assert.rejects(client.send(new GetFunctionEventInvokeConfigCommand(named)), {
      name: 'ResourceNotFoundException',
      message: `The function ${ARN}:live doesn't have an EventInvokeConfig`,
    });
  });

  it('of URLs', async () => {
    const created = await client.send(
      new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE', Cors: { AllowOrigins: ['*'] } }),
    );
    assert.equal(created.$metadata.httpStatusCode, 201);
    assert.match(created.FunctionUrl ?? '', /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-z]{32}\/$/);
    assert.match(created.CreationTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    await client.send(new UpdateFunctionUrlConfigCommand({ FunctionName, Cors: {} }));
    const read = await client.send(new GetFunctionUrlConfigCommand({ FunctionName }));
    assert.deepEqual([read.InvokeMode, read.Cors, read.FunctionUrl], ['BUFFERED', undefined, created.FunctionUrl]);
    const { FunctionUrlConfigs } = await client.send(new ListFunctionUrlConfigsCommand({ FunctionName }));
    assert.equal(FunctionUrlConfigs?.[0]?.FunctionUrl, created.FunctionUrl);
    const deleted = await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName }));
    assert.equal(deleted.$metadata.httpStatusCode, 204);
  });

  it('of runtimes and recursion', async () => {
    await client.send(new PutRuntimeManagementConfigCommand({ FunctionName, UpdateRuntimeOn: 'FunctionUpdate' }));
    const managed = await client.send(new GetRuntimeManagementConfigCommand({ FunctionName }));
    assert.deepEqual([managed.UpdateRuntimeOn, managed.FunctionArn], ['FunctionUpdate', `${ARN}:$LATEST`]);
    await client.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' }));
    const recursion = await client.send(new GetFunctionRecursionConfigCommand({ FunctionName }));
    assert.equal(recursion.RecursiveLoop, 'Allow');
  });

  it('are refused by the front end where the model says so', async () => {
    const url = `/2021-10-31/functions/${FunctionName}/url`;
    for (const qualifier of ['1', '2', '$LATEST'])
      for (const [method, body] of [['POST', { AuthType: 'NONE' }], ['GET'], ['PUT', {}], ['DELETE']] as const)
        assert.equal(
          await refused(method, `${url}?Qualifier=${encodeURIComponent(qualifier)}`, body),
          failing(qualifier, 'qualifier', `satisfy regular expression pattern: ${URL_QUALIFIER}`),
        );
    const mode = await refused('POST', url, { AuthType: 'NONE', InvokeMode: 'UNKNOWN' });
    assert.ok(mode.startsWith(failing('UNKNOWN', 'invokeMode', 'satisfy enum value set: [')), mode);
    const methods = await refused('POST', url, { AuthType: 'NONE', Cors: { AllowMethods: ['OPTIONS'] } });
    assert.match(methods, /Value '\[OPTIONS\]' at 'cors\.allowMethods' .*length less than or equal to 6/);
    const age = await refused('PUT', url, { Cors: { MaxAge: 86_401 } });
    assert.equal(age, failing('86401', 'cors.maxAge', 'have value less than or equal to 86400'));
    const loop = await refused('PUT', `/2024-08-31/functions/${FunctionName}/recursion-config`, {
      RecursiveLoop: 'InvalidValue',
    });
    assert.ok(loop.startsWith(failing('InvalidValue', 'recursiveLoop', 'satisfy enum value set: [')), loop);
    const config = `/2019-09-25/functions/${FunctionName}/event-invoke-config`;
    const strange = `arn:aws:_-/!lambda:us-east-1:000000000000:function:${FunctionName}`;
    const destination = await refused('PUT', config, { DestinationConfig: { OnFailure: { Destination: strange } } });
    const pattern = 'satisfy regular expression pattern: $|kafka://';
    assert.ok(
      destination.startsWith(failing(strange, 'destinationConfig.onFailure.destination', pattern)),
      destination,
    );
    const retries = await refused('PUT', config, { MaximumRetryAttempts: 3 });
    assert.equal(retries, failing('3', 'maximumRetryAttempts', 'have value less than or equal to 2'));
    const young = await refused('POST', config, { MaximumEventAgeInSeconds: 59 });
    assert.equal(young, failing('59', 'maximumEventAgeInSeconds', 'have value greater than or equal to 60'));
  });
});
