import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateAliasCommand as CreateKeyAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  type LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { readEndpoints } from '../../src/base/endpoints.ts';
import type { Neighbours } from '../../src/neighbours/neighbours.ts';
import { NeighbourRefusal } from '../../src/neighbours/neighbours.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { queryCall } from '../../src/neighbours/query-call.ts';
import { textOf } from '../../src/neighbours/xml.ts';
import { type Moto, skipWithoutMoto, startMoto } from '../support/moto.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';
import { startFakeService } from './fake-service.ts';

const skip = skipWithoutMoto();
const ACCOUNT = '123456789012';
const NAMESPACE = { account: ACCOUNT, region: 'us-east-1' };
const PLACE = `us-east-1:${ACCOUNT}`;
const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const TRUST = JSON.stringify({
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

describe("neighbours at moto's server", { skip, timeout: 120_000 }, () => {
  let moto: Moto;
  let neighbours: Required<Neighbours>;

  before(async () => {
    moto = await startMoto();
    const endpoints = readEndpoints({ AWS_ENDPOINT_URL: moto.url }, { host: '127.0.0.1', port: 1 });
    neighbours = openNeighbours({ endpoints }) as Required<Neighbours>;
  });

  after(() => moto?.stop());

  /** A call that sets something up, in the Query protocol. */
  async function query(service: 'ec2' | 'iam', action: string, parameters: Record<string, string>) {
    const link = {
      neighbour: service,
      endpoint: moto.url,
      credentials: () => CLIENT.credentials,
      answerMsMax: 10_000,
    };
    const version = service === 'ec2' ? '2016-11-15' : '2010-05-08';
    return await queryCall(link, NAMESPACE, { action, version, parameters: Object.entries(parameters) });
  }

  async function makeKey(): Promise<string> {
    const kms = new KMSClient({ ...CLIENT, endpoint: moto.url });
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateKeyAliasCommand({ AliasName: `alias/k${Date.now()}`, TargetKeyId: KeyMetadata?.KeyId }));
    kms.destroy();
    return KeyMetadata?.Arn ?? '';
  }

  it('finds subnets, groups and roles that are there', async () => {
    const vpcId = textOf(await query('ec2', 'CreateVpc', { CidrBlock: '10.0.0.0/16' }), 'vpcId') ?? '';
    const subnet = await query('ec2', 'CreateSubnet', { VpcId: vpcId, CidrBlock: '10.0.1.0/24' });
    const subnetId = textOf(subnet, 'subnetId') ?? '';
    const group = { GroupName: 'g', GroupDescription: 'd', VpcId: vpcId };
    const groupId = textOf(await query('ec2', 'CreateSecurityGroup', group), 'groupId') ?? '';
    assert.deepEqual(await neighbours.ec2.describeSubnets(NAMESPACE, [subnetId]), { vpcId, vpcIds: [vpcId] });
    assert.deepEqual(await neighbours.ec2.describeSecurityGroups(NAMESPACE, [groupId]), { vpcIds: [vpcId] });
    await query('iam', 'CreateRole', { RoleName: 'runner', Path: '/deep/', AssumeRolePolicyDocument: TRUST });
    await query('iam', 'CreateUser', { UserName: 'ann' });
    const role = await neighbours.iam.getRole(NAMESPACE, `arn:aws:iam::${ACCOUNT}:role/deep/runner`);
    assert.deepEqual(JSON.parse(role.trustPolicy), JSON.parse(TRUST));
    await neighbours.iam.getUser(NAMESPACE, `arn:aws:iam::${ACCOUNT}:user/ann`);
  });

  it('wraps and unwraps a data key, bound to its context', async () => {
    const keyArn = await makeKey();
    const { plain, wrapped } = await neighbours.kms.generateDataKey(NAMESPACE, keyArn, { a: 'b' });
    assert.deepEqual(await neighbours.kms.unwrap(NAMESPACE, keyArn, wrapped, { a: 'b' }), plain);
    await assert.rejects(neighbours.kms.unwrap(NAMESPACE, keyArn, wrapped, { a: 'c' }), NeighbourRefusal);
  });

  it('says of everything that is not there that it is not', async () => {
    const { s3, kms, ec2, iam, efs, sqs, sns, kinesis, 'dynamodb-streams': streams } = neighbours;
    const absent: readonly (readonly [Promise<unknown>, string])[] = [
      [s3.getObject(NAMESPACE, { bucket: 'no-such-bucket', key: 'k' }, 10), 'NoSuchBucket'],
      [kms.generateDataKey(NAMESPACE, `arn:aws:kms:${PLACE}:key/none`, {}), 'NotFoundException'],
      [ec2.describeSubnets(NAMESPACE, ['subnet-0']), 'InvalidSubnetID.NotFound'],
      [ec2.describeSecurityGroups(NAMESPACE, ['sg-0']), 'InvalidGroup.NotFound'],
      [iam.getRole(NAMESPACE, `arn:aws:iam::${ACCOUNT}:role/none`), 'NoSuchEntity'],
      [iam.getUser(NAMESPACE, `arn:aws:iam::${ACCOUNT}:user/none`), 'NoSuchEntity'],
      [
        efs.describeAccessPoint(NAMESPACE, `arn:aws:elasticfilesystem:${PLACE}:access-point/fsap-0`),
        'AccessPointNotFound',
      ],
      [sqs.getQueue(NAMESPACE, `arn:aws:sqs:${PLACE}:none`), 'AWS.SimpleQueueService.NonExistentQueue'],
      [sns.getTopic(NAMESPACE, `arn:aws:sns:${PLACE}:none`), 'NotFound'],
      [kinesis.describeStream(NAMESPACE, `arn:aws:kinesis:${PLACE}:stream/none`), 'ResourceNotFoundException'],
      [streams.describeStream(NAMESPACE, `arn:aws:dynamodb:${PLACE}:table/t/stream/x`), 'ResourceNotFoundException'],
    ];
    const found = await Promise.allSettled(absent.map(([asked]) => asked));
    assert.deepEqual(
      found.map((one) => (one.status === 'rejected' ? (one.reason as NeighbourRefusal).code : 'found')),
      absent.map(([, code]) => code),
    );
  });

  it('serves a function from S3 under a KMS key, at rest and at work', async () => {
    const keyArn = await makeKey();
    await query('iam', 'CreateRole', { RoleName: 'story', AssumeRolePolicyDocument: TRUST });
    const zip = await zipOf({ 'index.js': 'exports.handler = async () => process.env.SECRET;' });
    const s3 = new S3Client({ ...CLIENT, endpoint: moto.url, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'code' }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: 'code', VersioningConfiguration: { Status: 'Enabled' } }));
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: 'code', Key: 'f.zip', Body: zip }));
    await s3.send(new PutObjectCommand({ Bucket: 'code', Key: 'f.zip', Body: 'something newer' }));
    s3.destroy();

    const dataDir = await mkdtemp(join(tmpdir(), 'lambdad-neighbours-'));
    const variables = { AWS_ENDPOINT_URL: moto.url, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const server = await startTestServer({ dataDir, env: variables });
    try {
      const client = server.client({ credentials: { accessKeyId: ACCOUNT, secretAccessKey: 'x' } });
      const source = { S3Bucket: 'code', S3Key: 'f.zip', ...(VersionId ? { S3ObjectVersion: VersionId } : {}) };
      await client.send(functionFrom(source, keyArn));
      await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: 'story' });
      assert.equal(await invoked(client), '"hidden"');
      const { Code } = await client.send(new GetFunctionCommand({ FunctionName: 'story' }));
      const fetched = await fetch(Code?.Location ?? '');
      assert.deepEqual(Buffer.from(await fetched.arrayBuffer()), zip);
      await assert.rejects(client.send(functionFrom({ S3Bucket: 'code', S3Key: 'none' }, keyArn, 'other')), {
        name: 'InvalidParameterValueException',
        message:
          'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
      });
      await server.stop();
      await isDenied(dataDir);
    } finally {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

function functionFrom(source: object, keyArn: string, FunctionName = 'story') {
  return new CreateFunctionCommand({
    FunctionName,
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Role: `arn:aws:iam::${ACCOUNT}:role/story`,
    Code: { ...source, SourceKMSKeyArn: keyArn },
    KMSKeyArn: keyArn,
    Environment: { Variables: { SECRET: 'hidden' } },
  });
}

async function invoked(client: LambdaClient): Promise<string> {
  const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'story' }));
  return Buffer.from(Payload ?? []).toString();
}

/** The same data folder with a KMS that denies the key: neither code nor variables are to be had. */
async function isDenied(dataDir: string): Promise<void> {
  await using kms = await startFakeService(() => ({
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ __type: 'DisabledException', message: 'the key is disabled.' }),
  }));
  const server = await startTestServer({ dataDir, env: { AWS_ENDPOINT_URL_KMS: kms.url } });
  try {
    await hidesAll(server);
  } finally {
    await server.stop();
  }
}

async function hidesAll(server: TestServer): Promise<void> {
  const client = server.client({ credentials: { accessKeyId: ACCOUNT, secretAccessKey: 'x' } });
  await assert.rejects(invoked(client), { name: 'KMSDisabledException', message: /the KMS key used is disabled/ });
  const { Code } = await client.send(new GetFunctionCommand({ FunctionName: 'story' }));
  assert.equal(Code?.Location, undefined);
  assert.equal(Code?.Error?.ErrorCode, 'DisabledException');
  const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName: 'story' }));
  assert.equal(Environment?.Error?.ErrorCode, 'DisabledException');
}
