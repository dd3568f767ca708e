// Moto as lambdad's neighbour: which services it stands for, and what is in it when a story begins.
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';

const REGION = 'us-east-1';
const BUCKET = 'packages';
const KEY = 'greeter/one.zip';
const QUEUE = 'greetings';
const ROLE = 'story';

const SERVICES = ['S3', 'KMS', 'EC2', 'IAM', 'SQS', 'KINESIS', 'DYNAMODB_STREAMS'];

/** The server's own variables, with which it asks moto about what settings point at. */
export function neighbourVariables(url: string): Record<string, string> {
  return Object.fromEntries(SERVICES.map((name) => [`AWS_ENDPOINT_URL_${name}`, url]));
}

/** Puts the package into a bucket and makes a key, a queue and a role; the subnet and the group are moto's own. */
export async function furnish(url: string, zip: Buffer) {
  const settings = {
    endpoint: url,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const kms = new KMSClient(settings);
  const sqs = new SQSClient(settings);
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: zip }));
    const key = await kms.send(new CreateKeyCommand({ Description: 'environment variables of the stories' }));
    await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
    const account = key.KeyMetadata?.AWSAccountId ?? '';
    return {
      bucket: BUCKET,
      key: KEY,
      kmsKeyArn: key.KeyMetadata?.Arn ?? '',
      queueArn: `arn:aws:sqs:${REGION}:${account}:${QUEUE}`,
      missingQueueArn: `arn:aws:sqs:${REGION}:${account}:nobody-made-this`,
      role: await makeRole(url),
      subnet: await firstOf(url, 'DescribeSubnets', 'subnetId'),
      securityGroup: await firstOf(url, 'DescribeSecurityGroups', 'groupId'),
    };
  } finally {
    for (const client of [s3, kms, sqs]) client.destroy();
  }
}

async function makeRole(url: string): Promise<string> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const answer = await query(url, 'iam', {
    Action: 'CreateRole',
    Version: '2010-05-08',
    RoleName: ROLE,
    AssumeRolePolicyDocument: JSON.stringify(trust),
  });
  return element(answer, 'Arn');
}

async function firstOf(url: string, action: string, name: string): Promise<string> {
  return element(await query(url, 'ec2', { Action: action, Version: '2016-11-15' }), name);
}

/** Moto tells its services apart by the scope of the signature, which it does not check. */
async function query(url: string, service: string, parameters: Record<string, string>): Promise<string> {
  const scope = `test/20260101/${REGION}/${service}/aws4_request`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0` },
    body: new URLSearchParams(parameters),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`moto refused ${parameters['Action']}: ${text}`);
  return text;
}

function element(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`no ${name} in ${xml}`);
  return text;
}
