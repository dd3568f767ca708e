import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CreateFunctionCommand, InvokeCommand, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { neighbourNames } from '../../src/base/endpoints.ts';
import { runCommand } from '../cli/run-command.ts';
import { startTestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const TEXT = (setting: string, variable: string) => `${setting} is kept and has no effect: ${variable} is not set`;

it('says once, to the server and in the log of the function, which settings have no effect', {
  timeout: 60_000,
}, async () => {
  const none = neighbourNames.map((name) => [`AWS_ENDPOINT_URL_${name.toUpperCase().replaceAll('-', '_')}`, undefined]);
  const server = await startTestServer({ env: { AWS_ENDPOINT_URL: undefined, ...Object.fromEntries(none) } });
  try {
    const client = server.client();
    await client.send(
      new CreateFunctionCommand({
        FunctionName: 'walled',
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/r',
        Code: { ZipFile: await zipOf({ 'index.js': 'exports.handler = async () => process.exit();' }) },
        VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
        KMSKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/k',
      }),
    );
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 30 }, { FunctionName: 'walled' });
    // Each of them needs an environment of its own: the function ends its process.
    for (let count = 0; count < 2; count++) await client.send(new InvokeCommand({ FunctionName: 'walled' }));
    const { stdout } = await runCommand(['logs', 'walled'], { endpoint: server.url });
    for (const text of [TEXT('VpcConfig', 'AWS_ENDPOINT_URL_EC2'), TEXT('KMSKeyArn', 'AWS_ENDPOINT_URL_KMS')]) {
      assert.equal(stdout.split(`lambdad: ${text}`).length - 1, 1, stdout);
      const arn = 'arn:aws:lambda:us-east-1:000000000000:function:walled';
      assert.equal(server.stderr().split(`lambdad: ${arn}: ${text}`).length - 1, 1, server.stderr());
    }
  } finally {
    await server.stop();
  }
});
