import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  CreateFunctionCommand,
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { neighbourNames } from '../../src/base/endpoints.ts';
import { runCommand } from '../cli/run-command.ts';
import { logWith } from '../environments/scripted.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const TEXT = (setting: string, variable: string) => `${setting} is kept and has no effect: ${variable} is not set`;

const WITHOUT = {
  AWS_ENDPOINT_URL: undefined,
  ...Object.fromEntries(
    neighbourNames.map((name) => [`AWS_ENDPOINT_URL_${name.toUpperCase().replaceAll('-', '_')}`, undefined]),
  ),
};

it('says once, to the server and in the log of the function, which settings have no effect', {
  timeout: 60_000,
}, async () => {
  const server = await startTestServer({ env: WITHOUT });
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
        Environment: { Variables: { WORD: 'secret' } },
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

it('says once where records and dead letters of events would go, also in an environment that is there already', {
  timeout: 60_000,
}, async () => {
  const server = await startTestServer({ env: WITHOUT });
  try {
    const client = server.client();
    await createFunction(client, 'telling', {
      files: { 'index.js': "exports.handler = async (event) => console.log('ran ' + event);" },
      DeadLetterConfig: { TargetArn: 'arn:aws:sns:us-east-1:000000000000:dead' },
    });
    await client.send(new InvokeCommand({ FunctionName: 'telling', Payload: '0' }));
    const onFailure = { Destination: 'arn:aws:sqs:us-east-1:000000000000:failed' };
    const DestinationConfig = { OnFailure: onFailure };
    await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: 'telling', DestinationConfig }));
    for (const Payload of ['1', '2']) {
      await client.send(new InvokeCommand({ FunctionName: 'telling', InvocationType: 'Event', Payload }));
      const log = await logWith(server, 'telling', new RegExp(`ran ${Payload}`));
      for (const text of [
        TEXT('DeadLetterConfig', 'AWS_ENDPOINT_URL_SNS'),
        TEXT('DestinationConfig', 'AWS_ENDPOINT_URL_SQS'),
      ])
        assert.equal(log.split(`lambdad: ${text}`).length - 1, 1, log);
    }
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:telling:$LATEST';
    const text = TEXT('DestinationConfig', 'AWS_ENDPOINT_URL_SQS');
    assert.equal(server.stderr().split(`lambdad: ${arn}: ${text}`).length - 1, 1, server.stderr());
  } finally {
    await server.stop();
  }
});
