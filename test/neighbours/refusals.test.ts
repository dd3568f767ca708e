import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { NeighbourName } from '../../src/base/endpoints.ts';
import type { ErrorName } from '../../src/model/api-error.ts';
import { type Neighbours, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { orRefusal } from '../../src/neighbours/refusals.ts';
import { checkTrust } from '../../src/neighbours/trust-policy.ts';
import { createActive, makeWorld, rejects } from '../support/function-world.ts';
import { type Answering, ec2Error, iamError, jsonError, s3Error, startFakeService } from './fake-service.ts';

const ACCOUNT = '123456789012';
const NAMESPACE = { account: ACCOUNT, region: 'eu-west-1' };
const ROLE = `arn:aws:iam::${ACCOUNT}:role/service-role/runner`;
const OBJECT = { bucket: 'code', key: 'dir/a b.zip' };
const IMPATIENT = { answerMsMax: 300 };

/** What the neighbour makes of a service that answers so. */
async function withService<T>(
  name: NeighbourName,
  answering: Answering,
  use: (neighbours: Neighbours, service: Awaited<ReturnType<typeof startFakeService>>) => Promise<T>,
  patience: { readonly answerMsMax?: number } = {},
): Promise<T> {
  await using service = await startFakeService(answering);
  return await use(openNeighbours({ endpoints: { [name]: service.url }, ...patience }), service);
}

describe('refusals of neighbours', { timeout: 30_000 }, () => {
  it('gives the object with its version, asked for with path style and the account as access key', () =>
    withService(
      's3',
      () => ({ headers: { 'x-amz-version-id': 'v2' }, body: 'zip' }),
      async ({ s3 }, { asked }) => {
        const got = await s3?.getObject(NAMESPACE, { ...OBJECT, version: 'v2' }, 100);
        assert.deepEqual([Buffer.from(got?.bytes ?? []).toString(), got?.version], ['zip', 'v2']);
        assert.match(asked[0]?.path ?? '', /^\/code\/dir\/a%20b\.zip\?.*versionId=v2/);
        assert.match(
          asked[0]?.headers.authorization ?? '',
          /Credential=123456789012\/\d{8}\/eu-west-1\/s3\/aws4_request/,
        );
        assert.equal(await s3?.getObject(NAMESPACE, OBJECT, 2), undefined);
      },
    ));

  it('stops reading an object of unknown length at the limit', () =>
    withService(
      's3',
      (_, response) => {
        response.writeHead(200);
        const send = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', send);
        send();
        return 'hang';
      },
      async ({ s3 }) => assert.equal(await s3?.getObject(NAMESPACE, OBJECT, 1_000_000), undefined),
    ));

  const s3Cases: readonly (readonly [string, string, number, ErrorName, string])[] = [
    [
      'NoSuchBucket',
      'The specified bucket does not exist',
      404,
      'InvalidParameterValueException',
      'Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist',
    ],
    [
      'NoSuchKey',
      'The specified key does not exist.',
      404,
      'InvalidParameterValueException',
      'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
    ],
    [
      'AccessDenied',
      'Access Denied',
      403,
      'AccessDeniedException',
      'Your access has been denied by S3, please make sure your request credentials have permission to GetObject for code/dir/a b.zip. S3 Error Code: AccessDenied. S3 Error Message: Access Denied',
    ],
    [
      'InternalError',
      'We encountered an internal error.',
      500,
      'ServiceException',
      'Error occurred while GetObject. S3 Error Code: InternalError. S3 Error Message: We encountered an internal error.',
    ],
  ];
  for (const [code, said, status, name, text] of s3Cases)
    it(`says what S3 says: ${code}`, () =>
      withService(
        's3',
        () => s3Error(code, said, status),
        async ({ s3 }) => rejects(orRefusal(s3!.getObject(NAMESPACE, OBJECT, 100)), name, text),
      ));

  it('says what EC2 says', () =>
    withService(
      'ec2',
      ({ body }) => {
        const form = new URLSearchParams(body);
        if (form.get('Action') === 'DescribeSecurityGroups')
          return ec2Error(
            'InvalidGroup.NotFound',
            `The security group &apos;${form.get('GroupId.1')}&apos; does not exist`,
          );
        const id = form.get('SubnetId.2') ?? '';
        if (id === 'subnet-denied') return ec2Error('UnauthorizedOperation', 'You are not authorized.', 403);
        if (id === 'subnet-0') return ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
        const set = ['vpc-1', 'vpc-1']
          .map((vpc) => `<item><subnetId>s</subnetId><vpcId>${vpc}</vpcId></item>`)
          .join('');
        return { body: `<DescribeSubnetsResponse><subnetSet>${set}</subnetSet></DescribeSubnetsResponse>` };
      },
      async ({ ec2 }) => {
        assert.deepEqual(await ec2?.describeSubnets(NAMESPACE, ['subnet-1', 'subnet-2']), {
          vpcId: 'vpc-1',
          vpcIds: ['vpc-1'],
        });
        await rejects(
          orRefusal(ec2!.describeSubnets(NAMESPACE, ['subnet-1', 'subnet-0'])),
          'InvalidParameterValueException',
          "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-0' does not exist",
        );
        await rejects(
          orRefusal(ec2!.describeSecurityGroups(NAMESPACE, ['sg-0'])),
          'InvalidParameterValueException',
          "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-0' does not exist",
        );
        await rejects(
          orRefusal(ec2!.describeSubnets(NAMESPACE, ['subnet-1', 'subnet-denied'])),
          'AccessDeniedException',
          'Your access has been denied by EC2, please make sure your request credentials have permission to DescribeSubnets for subnet-1. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized.',
        );
      },
    ));

  it('refuses a role that IAM does not know or that does not trust Lambda', () =>
    withService(
      'iam',
      ({ body, headers }) => {
        assert.match(headers.authorization ?? '', /Credential=123456789012\/\d{8}\/us-east-1\/iam\/aws4_request/);
        if (new URLSearchParams(body).get('RoleName') !== 'runner') return iamError('NoSuchEntity', 'no such role');
        const trust = encodeURIComponent(trusting({ Service: ['ec2.amazonaws.com', 'lambda.amazonaws.com'] }));
        return {
          body: `<GetRoleResponse><AssumeRolePolicyDocument>${trust}</AssumeRolePolicyDocument></GetRoleResponse>`,
        };
      },
      async ({ iam }) => {
        checkTrust((await iam!.getRole(NAMESPACE, ROLE)).trustPolicy);
        await rejects(
          orRefusal(iam!.getRole(NAMESPACE, `arn:aws:iam::${ACCOUNT}:role/stranger`)),
          'InvalidParameterValueException',
          'The role defined for the function cannot be assumed by Lambda.',
        );
      },
    ));

  it("wants security groups in the subnets' VPC", async () => {
    const ec2 = {
      describeSubnets: async () => ({ vpcId: 'vpc-1' }),
      describeSecurityGroups: async () => ({ vpcIds: ['vpc-1', 'vpc-2'] }),
    };
    const world = await makeWorld({ neighbours: { ec2 } });
    const VpcConfig = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1', 'sg-2'] };
    await rejects(
      createActive(world, 'torn', { VpcConfig }),
      'InvalidParameterValueException',
      'Security Groups are required to be in the same VPC.',
    );
    await world.close();
  });

  it('reads trust policies as IAM does', () => {
    for (const good of [trusting({ Service: 'lambda.amazonaws.com' }), trusting('*'), trusting('*', 'sts:*')])
      assert.doesNotThrow(() => checkTrust(good));
    const denied = JSON.stringify({
      Statement: ['Allow', 'Deny'].map((Effect) => ({ Effect, Principal: '*', Action: 'sts:AssumeRole' })),
    });
    for (const bad of [
      trusting({ Service: 'ec2.amazonaws.com' }),
      trusting('*', 'sts:TagSession'),
      denied,
      'none',
      '{}',
    ])
      assert.throws(() => checkTrust(bad), /cannot be assumed by Lambda/);
  });

  it('hands on what SQS, SNS, Kinesis, DynamoDB, EFS and Signer refuse', async () => {
    const place = `eu-west-1:${ACCOUNT}`;
    const cases: readonly (readonly [NeighbourName, string, (neighbours: Neighbours) => Promise<unknown>, RegExp])[] = [
      [
        'sqs',
        'QueueDoesNotExist',
        ({ sqs }) => sqs!.getQueue(NAMESPACE, `arn:aws:sqs:${place}:gone`),
        /^Error occurred while GetQueueUrl\. SQS Error Code: QueueDoesNotExist\. SQS Error Message: it is gone$/,
      ],
      [
        'kinesis',
        'ResourceNotFoundException',
        ({ kinesis }) => kinesis!.describeStream(NAMESPACE, `arn:aws:kinesis:${place}:stream/gone`),
        /^Error occurred while DescribeStreamSummary\. Kinesis Error Code: ResourceNotFoundException\./,
      ],
      [
        'kinesis',
        'ResourceNotFoundException',
        ({ kinesis }) => kinesis!.describeStream(NAMESPACE, `arn:aws:kinesis:${place}:stream/s/consumer/c:1`),
        /^Error occurred while DescribeStreamConsumer\./,
      ],
      [
        'dynamodb-streams',
        'ResourceNotFoundException',
        (all) => all['dynamodb-streams']!.describeStream(NAMESPACE, `arn:aws:dynamodb:${place}:table/t/stream/x`),
        /^Error occurred while DescribeStream\. DynamoDB Error Code: ResourceNotFoundException\./,
      ],
      [
        'efs',
        'AccessPointNotFound',
        ({ efs }) => efs!.describeAccessPoint(NAMESPACE, `arn:aws:elasticfilesystem:${place}:access-point/fsap-0`),
        /^Error occurred while DescribeAccessPoints\. EFS Error Code: AccessPointNotFound\./,
      ],
      [
        'signer',
        'ResourceNotFoundException',
        ({ signer }) => signer!.getSigningProfile(NAMESPACE, `arn:aws:signer:${place}:/signing-profiles/p/v`),
        /^Error occurred while GetSigningProfile\. Signer Error Code: ResourceNotFoundException\./,
      ],
    ];
    for (const [name, code, asking, text] of cases)
      await withService(
        name,
        () => jsonError(code, 'it is gone'),
        async (neighbours) => rejects(orRefusal(asking(neighbours)), 'InvalidParameterValueException', text),
      );
    await withService(
      'sns',
      () => iamError('NotFound', 'Topic does not exist'),
      async ({ sns }) =>
        rejects(
          orRefusal(sns!.getTopic(NAMESPACE, `arn:aws:sns:${place}:gone`)),
          'InvalidParameterValueException',
          'Error occurred while GetTopicAttributes. SNS Error Code: NotFound. SNS Error Message: Topic does not exist',
        ),
    );
  });
});

describe('neighbours that do not answer', { timeout: 30_000 }, () => {
  /** One question to each kind of link: an SDK's client, a stream of bytes, the Query protocol. */
  const questions = {
    s3: ({ s3 }: Neighbours) => s3!.getObject(NAMESPACE, OBJECT, 1000),
    kms: ({ kms }: Neighbours) => kms!.generateDataKey(NAMESPACE, `arn:aws:kms:eu-west-1:${ACCOUNT}:key/k`, {}),
    ec2: ({ ec2 }: Neighbours) => ec2!.describeSubnets(NAMESPACE, ['subnet-1']),
  } as const;
  const named = Object.entries(questions) as [keyof typeof questions, (n: Neighbours) => Promise<unknown>][];

  for (const [name, question] of named) {
    it(`${name}: gives up after its time`, () =>
      withService(
        name,
        () => 'hang',
        async (neighbours, { url }) => {
          const started = performance.now();
          await rejects(orRefusal(question(neighbours)), 'ServiceException', new RegExp(`${url}.* within 0\\.3 s$`));
          assert.ok(performance.now() - started < 5000);
        },
        IMPATIENT,
      ));

    it(`${name}: names the address where nobody listens`, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      const neighbours = openNeighbours({ endpoints: { [name]: `http://127.0.0.1:${port}` } });
      await rejects(
        orRefusal(question(neighbours)),
        'ServiceException',
        new RegExp(`AWS_ENDPOINT_URL_${name.toUpperCase()} \\(http://127\\.0\\.0\\.1:${port}\\).*ECONNREFUSED`),
      );
    });

    it(`${name}: takes no page of something else for an answer`, () =>
      withService(
        name,
        () => ({ status: 502, body: '<html><p>Bad gateway<br></html>' }),
        async (neighbours) => assert.rejects(question(neighbours), NeighbourUnreachable),
      ));

    it(`${name}: takes a status alone for no answer`, () =>
      withService(
        name,
        () => ({ status: 404 }),
        async (neighbours) => assert.rejects(question(neighbours), NeighbourUnreachable),
      ));
  }

  it('gives up on an object that stops coming', () =>
    withService(
      's3',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half');
        return 'hang';
      },
      async ({ s3 }) => assert.rejects(s3!.getObject(NAMESPACE, OBJECT, 1000), NeighbourUnreachable),
      IMPATIENT,
    ));

  it('takes no object that breaks off', () =>
    withService(
      's3',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
        return 'hang';
      },
      async ({ s3 }) => assert.rejects(s3!.getObject(NAMESPACE, OBJECT, 1000), NeighbourUnreachable),
    ));
});

function trusting(Principal: unknown, Action = 'sts:AssumeRole'): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Principal, Action } });
}
