/** What of these operations only shows on the wire: statuses, paths and validation. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateCodeSigningConfigCommand,
  DeleteCodeSigningConfigCommand,
  DeleteFunctionCodeSigningConfigCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetCapacityProviderCommand,
  GetDurableExecutionCommand,
  GetFunctionCodeSigningConfigCommand,
  GetProvisionedConcurrencyConfigCommand,
  type LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  PutFunctionCodeSigningConfigCommand,
  PutFunctionScalingConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  UpdateCodeSigningConfigCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const FunctionName = 'one';
const PROFILE = 'arn:aws:signer:us-east-1:000000000000:/signing-profiles/team/AbCdEf';

let server: TestServer;
let client: LambdaClient;
before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, FunctionName, {
    files: { 'index.js': 'exports.handler = async () => 1;' },
    Publish: true,
  });
});
after(() => server.stop());

const refused = (name: string, httpStatusCode: number, message: string) => (error: unknown) => {
  const { name: actual, message: text, $metadata } = error as Error & { $metadata: { httpStatusCode: number } };
  assert.deepEqual([actual, $metadata.httpStatusCode, text], [name, httpStatusCode, message]);
  return true;
};

describe('on the wire', { timeout: 30_000 }, () => {
  it('code signing configurations have the statuses of the model', async () => {
    const AllowedPublishers = { SigningProfileVersionArns: [PROFILE] };
    const created = await client.send(new CreateCodeSigningConfigCommand({ AllowedPublishers }));
    assert.equal(created.$metadata.httpStatusCode, 201);
    const CodeSigningConfigArn = created.CodeSigningConfig?.CodeSigningConfigArn;
    const updated = await client.send(new UpdateCodeSigningConfigCommand({ CodeSigningConfigArn, Description: 'x' }));
    assert.equal(updated.CodeSigningConfig?.Description, 'x');
    await client.send(new PutFunctionCodeSigningConfigCommand({ FunctionName, CodeSigningConfigArn }));
    const attached = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName }));
    assert.equal(attached.CodeSigningConfigArn, CodeSigningConfigArn);
    const detached = await client.send(new DeleteFunctionCodeSigningConfigCommand({ FunctionName }));
    assert.equal(detached.$metadata.httpStatusCode, 204);
    const none = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName }));
    assert.equal(none.CodeSigningConfigArn, undefined);
    const deleted = await client.send(new DeleteCodeSigningConfigCommand({ CodeSigningConfigArn }));
    assert.equal(deleted.$metadata.httpStatusCode, 204);
    await assert.rejects(
      client.send(new PutFunctionCodeSigningConfigCommand({ FunctionName, CodeSigningConfigArn })),
      refused(
        'CodeSigningConfigNotFoundException',
        404,
        `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${CodeSigningConfigArn}.`,
      ),
    );
  });

  it('provisioned concurrency shares one path among four operations', async () => {
    const one = { FunctionName, Qualifier: '1' };
    const putting = (ProvisionedConcurrentExecutions: number) =>
      client.send(new PutProvisionedConcurrencyConfigCommand({ ...one, ProvisionedConcurrentExecutions }));
    await assert.rejects(
      putting(0),
      refused(
        'ValidationException',
        400,
        "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1",
      ),
    );
    assert.equal((await putting(1)).$metadata.httpStatusCode, 202);
    const got = await client.send(new GetProvisionedConcurrencyConfigCommand(one));
    assert.equal(got.RequestedProvisionedConcurrentExecutions, 1);
    const listed = await client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName }));
    assert.match(listed.ProvisionedConcurrencyConfigs?.[0]?.FunctionArn ?? '', /:function:one:1$/);
    const deleted = await client.send(new DeleteProvisionedConcurrencyConfigCommand(one));
    assert.equal(deleted.$metadata.httpStatusCode, 204);
    await assert.rejects(
      client.send(new GetProvisionedConcurrencyConfigCommand(one)),
      refused(
        'ProvisionedConcurrencyConfigNotFoundException',
        404,
        'No Provisioned Concurrency Config found for this function',
      ),
    );
  });

  it('what lambdad does not run is not found', async () => {
    await assert.rejects(
      client.send(new GetCapacityProviderCommand({ CapacityProviderName: 'p' })),
      refused(
        'ResourceNotFoundException',
        404,
        'Capacity provider not found: arn:aws:lambda:us-east-1:000000000000:capacity-provider:p',
      ),
    );
    const DurableExecutionArn = 'arn:aws:lambda:us-east-1:000000000000:function:one:1/durable-execution/order/0b1f1e7a';
    await assert.rejects(
      client.send(new GetDurableExecutionCommand({ DurableExecutionArn })),
      refused('ResourceNotFoundException', 404, `Durable execution not found: ${DurableExecutionArn}`),
    );
    await assert.rejects(
      client.send(new PutFunctionScalingConfigCommand({ FunctionName, Qualifier: '1' })),
      refused(
        'AccessDeniedException',
        403,
        'The function provided by the arn does not contain a capacity provider configuration',
      ),
    );
  });
});
