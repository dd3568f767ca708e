import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLambda } from '../cli/fake-lambda.ts';
import { runCommand } from '../cli/run-command.ts';
import { startFakeService } from './fake-service.ts';

interface Finding {
  readonly section: string;
  readonly name: string;
  readonly level: string;
  readonly text: string;
}

describe('doctor and neighbours', { timeout: 30_000 }, () => {
  it('tells which answer, which are not configured, and whose settings have no effect', async () => {
    await using fake = await new FakeLambda().start();
    const vpc = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'], VpcId: '' };
    fake.functions.set('walled', { FunctionName: 'walled', VpcConfig: vpc, KMSKeyArn: 'arn:aws:kms:x' });
    fake.functions.set('plain', { FunctionName: 'plain' });
    const to = (arn: string) => ({ Destination: `arn:aws:${arn}` });
    const destinations = (OnSuccess: object, OnFailure: object) => ({ DestinationConfig: { OnSuccess, OnFailure } });
    fake.functions.set('telling', {
      FunctionName: 'telling',
      DeadLetterConfig: { TargetArn: 'arn:aws:sns:us-east-1:000000000000:dead' },
      EventInvokeConfigs: [
        destinations({}, to('sqs:us-east-1:000000000000:asked')),
        destinations(to('events:us-east-1:000000000000:event-bus/b'), to('lambda:us-east-1:000000000000:function:f')),
      ],
    });
    await using service = await startFakeService(() => ({ status: 404 }));
    const env = { AWS_ENDPOINT_URL_KMS: service.url, AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1' };
    const run = await runCommand(['doctor', '--json'], { endpoint: fake.url, env });
    assert.equal(run.code, 1);
    const { findings } = JSON.parse(run.stdout) as { findings: Finding[] };
    const told = findings.filter(({ section }) => section === 'neighbours');
    assert.deepEqual(
      told.map(({ level, name, text }) => `${level} ${name}: ${text}`),
      [
        `ok kms: answers at ${service.url}`,
        'lack sqs: http://127.0.0.1:1: ECONNREFUSED',
        'note not configured: s3, ec2, iam, efs, signer, sns, kinesis, dynamodb-streams, eventbridge: settings that point there are kept and have no effect; roles are not looked at without iam',
        'note walled: VpcConfig is kept and has no effect: AWS_ENDPOINT_URL_EC2 is not set',
        'note telling: DeadLetterConfig is kept and has no effect: AWS_ENDPOINT_URL_SNS is not set; DestinationConfig is kept and has no effect: AWS_ENDPOINT_URL_EVENTBRIDGE is not set',
      ],
    );
  });

  it('believes a running server about what it asks', async () => {
    const vpc = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'], VpcId: 'vpc-1' };
    await using server = await startFakeService(({ path }) => {
      if (path === '/_lambdad/health') return { body: JSON.stringify({ status: 'ok', neighbours: ['ec2'] }) };
      const Functions = [{ FunctionName: 'walled', VpcConfig: vpc, KMSKeyArn: 'arn:aws:kms:x' }];
      return { body: JSON.stringify({ Functions }) };
    });
    const run = await runCommand(['doctor', '--json'], { endpoint: server.url });
    const { findings } = JSON.parse(run.stdout) as { findings: Finding[] };
    const told = findings.filter(({ section }) => section === 'neighbours').map(({ name, text }) => `${name}: ${text}`);
    assert.equal(told[0], 'ec2: asked by the running server');
    assert.match(told[1] ?? '', /^not configured: s3, kms, iam, /);
    assert.deepEqual(told.slice(2), ['walled: KMSKeyArn is kept and has no effect: AWS_ENDPOINT_URL_KMS is not set']);
  });

  it('refuses an address that is none', async () => {
    const { code, stderr } = await runCommand(['doctor'], { env: { AWS_ENDPOINT_URL_S3: 'localhost:9000' } });
    assert.equal(code, 1);
    assert.match(stderr, /AWS_ENDPOINT_URL_S3: "localhost:9000" is no http/);
  });
});
