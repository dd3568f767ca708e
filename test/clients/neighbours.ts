// Moto as lambdad's neighbour: which services it stands for, and what is in it when a story begins.
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';

const REGION = 'us-east-1';
const BUCKET = 'packages';
const KEY = 'greeter/one.zip';
/** Of the queue, the topic, the stream and the table. */
const NAME = 'greetings';
const ROLE = 'story';

const SERVICES = ['S3', 'KMS', 'EC2', 'IAM', 'SQS', 'SNS', 'KINESIS', 'DYNAMODB_STREAMS'];

/** The server's own variables, with which it asks moto about what settings point at. */
export function neighbourVariables(url: string): Record<string, string> {
  return Object.fromEntries(SERVICES.map((name) => [`AWS_ENDPOINT_URL_${name}`, url]));
}

/** Puts the package into a bucket and makes what settings point at; the subnet and the group are moto's own. */
export async function furnish(url: string, zip: Buffer) {
  const settings = {
    endpoint: url,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const kms = new KMSClient(settings);
  const sqs = new SQSClient(settings);
  const sns = new SNSClient(settings);
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: zip }));
    const key = await kms.send(new CreateKeyCommand({ Description: 'environment variables of the stories' }));
    await sqs.send(new CreateQueueCommand({ QueueName: NAME }));
    await makeStream(url);
    const topic = await sns.send(new CreateTopicCommand({ Name: NAME }));
    const account = key.KeyMetadata?.AWSAccountId ?? '';
    return {
      bucket: BUCKET,
      key: KEY,
      kmsKeyArn: key.KeyMetadata?.Arn ?? '',
      queueArn: `arn:aws:sqs:${REGION}:${account}:${NAME}`,
      missingQueueArn: `arn:aws:sqs:${REGION}:${account}:nobody-made-this`,
      topicArn: topic.TopicArn ?? '',
      streamArn: `arn:aws:kinesis:${REGION}:${account}:stream/${NAME}`,
      missingStreamArn: `arn:aws:kinesis:${REGION}:${account}:stream/nobody-made-this`,
      tableStreamArn: await makeTable(url),
      role: await makeRole(url),
      subnet: await firstOf(url, 'DescribeSubnets', 'subnetId'),
      securityGroup: await firstOf(url, 'DescribeSecurityGroups', 'groupId'),
    };
  } finally {
    for (const client of [s3, kms, sqs, sns]) client.destroy();
  }
}

/** The SDK's own client for Kinesis speaks HTTP/2 only, which moto does not. */
async function makeStream(url: string): Promise<void> {
  await post(url, 'kinesis', JSON.stringify({ StreamName: NAME, ShardCount: 1 }), {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': 'Kinesis_20131202.CreateStream',
  });
}

/** The ARN of its stream. */
async function makeTable(url: string): Promise<string> {
  const answer = await post(
    url,
    'dynamodb',
    JSON.stringify({
      TableName: NAME,
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
    { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.CreateTable' },
  );
  return JSON.parse(answer).TableDescription.LatestStreamArn;
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

async function query(url: string, service: string, parameters: Record<string, string>): Promise<string> {
  const body = new URLSearchParams(parameters);
  return await post(url, service, body.toString(), { 'content-type': 'application/x-www-form-urlencoded' });
}

/** Moto tells its services apart by the scope of the signature, which it does not check. */
async function post(url: string, service: string, body: string, headers: Record<string, string>): Promise<string> {
  const scope = `test/20260101/${REGION}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, authorization }, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`moto refused ${body}: ${text}`);
  return text;
}

function element(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`no ${name} in ${xml}`);
  return text;
}
