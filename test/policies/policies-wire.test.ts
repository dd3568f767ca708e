import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  AddLayerVersionPermissionCommand,
  AddPermissionCommand,
  GetLayerVersionPolicyCommand,
  GetPolicyCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  RemoveLayerVersionPermissionCommand,
  RemovePermissionCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:fn';
const FILES = { 'index.js': 'exports.handler = async () => 1;' };

let server: TestServer;
let client: LambdaClient;
before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'fn', { files: FILES });
});
after(() => server.stop());

/** The operations of 2026 have no client yet. */
async function resourcePolicy(method: string, arn: string, body?: object) {
  const answer = await fetch(`${server.url}/2026-07-09/resource-policy/${encodeURIComponent(arn)}`, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

test('the story of a permission', async () => {
  const added = await client.send(
    new AddPermissionCommand({
      FunctionName: 'fn',
      StatementId: 's3',
      Action: 'lambda:InvokeFunction',
      Principal: 's3.amazonaws.com',
      SourceArn: 'arn:aws:s3:::bucket',
    }),
  );
  assert.equal(added.$metadata.httpStatusCode, 201);
  const { Policy = '', RevisionId } = await client.send(new GetPolicyCommand({ FunctionName: 'fn' }));
  assert.equal(Policy, `{"Version":"2012-10-17","Id":"default","Statement":[${added.Statement}]}`);
  assert.deepEqual(await resourcePolicy('GET', ARN), { status: 200, body: { Policy, RevisionId } });
  const removed = await client.send(new RemovePermissionCommand({ FunctionName: 'fn', StatementId: 's3', RevisionId }));
  assert.equal(removed.$metadata.httpStatusCode, 204);
});

test('the story of a document', async () => {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: '*', Action: 'lambda:InvokeFunction', Resource: ARN }],
  });
  const put = await resourcePolicy('PUT', ARN, { Policy });
  assert.equal(put.status, 200);
  assert.equal(put.body.Policy, Policy);
  assert.deepEqual(await resourcePolicy('DELETE', `${ARN}`), { status: 204, body: undefined });
  assert.equal((await resourcePolicy('GET', ARN)).status, 404);
});

test('the story of a layer permission', async () => {
  const LayerName = 'layer';
  await client.send(new PublishLayerVersionCommand({ LayerName, Content: { ZipFile: await zipOf(FILES) } }));
  const layer = { LayerName, VersionNumber: 1, StatementId: 's1' };
  const added = await client.send(
    new AddLayerVersionPermissionCommand({ ...layer, Action: 'lambda:GetLayerVersion', Principal: '*' }),
  );
  assert.equal(added.$metadata.httpStatusCode, 201);
  const { RevisionId } = await client.send(new GetLayerVersionPolicyCommand(layer));
  assert.equal(RevisionId, added.RevisionId);
  const removed = await client.send(new RemoveLayerVersionPermissionCommand({ ...layer, RevisionId }));
  assert.equal(removed.$metadata.httpStatusCode, 204);
});

test('what the model forbids is told before anything is looked up', async () => {
  const refused = async (promise: Promise<unknown>, message: RegExp) =>
    assert.rejects(promise, (error: Error) => {
      assert.equal(error.name, 'ValidationException');
      assert.match(error.message, message);
      return true;
    });
  const permission = { FunctionName: 'fn', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' };
  await refused(
    client.send(new AddPermissionCommand({ ...permission, StatementId: 'example.com' })),
    /Value 'example\.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: \(\[a-zA-Z0-9-_\]\+\)$/,
  );
  await refused(
    client.send(
      new AddPermissionCommand({ ...permission, StatementId: 's', Qualifier: 'invalid-qualifier-with-?-char' }),
    ),
    /Value 'invalid-qualifier-with-\?-char' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \\\$\(LATEST\(\\\.PUBLISHED\)\?\)\|\[a-zA-Z0-9-_\$\]\+$/,
  );
  await refused(
    client.send(
      new AddLayerVersionPermissionCommand({
        LayerName: 'layer',
        VersionNumber: 1,
        StatementId: 's1',
        Action: '*',
        Principal: '*',
      }),
    ),
    /Value '\*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:GetLayerVersion$/,
  );
});
