/** Settings that point at other services: asked where there is one, kept and inert where there is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FunctionBody } from '../../src/functions/records.ts';
import { isSealed } from '../../src/functions/sealed-environment.ts';
import {
  NeighbourRefusal,
  type Neighbours,
  NeighbourUnreachable,
  type Networks,
} from '../../src/neighbours/neighbours.ts';
import { KeyUnusable } from '../../src/neighbours/vault.ts';
import { ACCOUNT, createActive, handlerZip, makeWorld, REGION, ROLE, rejects } from '../support/function-world.ts';

const CODE = { FunctionName: 'one', Runtime: 'nodejs24.x', Handler: 'index.handler', Role: ROLE } as const;
const VPC = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] };

function refusing(...refusal: ConstructorParameters<typeof NeighbourRefusal>): () => Promise<never> {
  return async () => {
    throw new NeighbourRefusal(...refusal);
  };
}

describe('code in S3', () => {
  const source = { S3Bucket: 'code', S3Key: 'one.zip', S3ObjectVersion: 'v7' };

  it('is fetched from the configured S3', async () => {
    const bytes = await handlerZip();
    const asked: unknown[] = [];
    let released = 0;
    const neighbours: Neighbours = {
      s3: {
        getObject: async (namespace, object) => {
          asked.push({ ...namespace, ...object });
          return { bytes, version: 'v7', release: () => void released++ };
        },
      },
    };
    const world = await makeWorld({ neighbours });
    const made = await world.output('CreateFunction', { ...CODE, Code: source });
    assert.equal(made.CodeSize, bytes.byteLength);
    const { account, region } = { account: ACCOUNT, region: REGION };
    assert.partialDeepStrictEqual(asked, [{ account, region, bucket: 'code', key: 'one.zip', version: 'v7' }]);
    await world.activation.idle();
    const updated = await world.output('UpdateFunctionCode', { FunctionName: 'one', ...source, DryRun: true });
    assert.equal(updated.CodeSha256, made.CodeSha256);
    assert.equal(released, 2, 'what was read is let go, also of a dry run');
    const reference = { S3ObjectStorageMode: 'REFERENCE' } as const;
    await world.output('UpdateFunctionCode', { FunctionName: 'one', ...source, ...reference });
    const { Code } = await world.output('GetFunction', { FunctionName: 'one' });
    assert.deepEqual(Code?.ResolvedS3Object, { S3Bucket: 'code', S3Key: 'one.zip', S3ObjectVersion: 'v7' });
    await world.close();
  });

  it('is refused in AWS’s words when S3 refuses', async () => {
    const texts = {
      NoSuchBucket: 'The specified bucket does not exist',
      NoSuchKey: 'The specified key does not exist.',
    };
    for (const [code, text] of Object.entries(texts)) {
      const world = await makeWorld({ neighbours: { s3: { getObject: refusing('s3', 'GetObject', code, text) } } });
      await rejects(
        world.call('CreateFunction', { ...CODE, Code: source }),
        'InvalidParameterValueException',
        `Error occurred while GetObject. S3 Error Code: ${code}. S3 Error Message: ${text}`,
      );
      await world.close();
    }
  });

  it('says which variable is missing where there is no S3', async () => {
    const world = await makeWorld();
    await rejects(
      world.call('CreateFunction', { ...CODE, Code: source }),
      'InvalidParameterValueException',
      /AWS_ENDPOINT_URL_S3/,
    );
    await world.close();
  });
});

describe('a VPC', () => {
  it('is asked of EC2, which knows its id', async () => {
    const neighbours: Neighbours = {
      ec2: { describeSubnets: async () => ({ vpcId: 'vpc-9' }), describeSecurityGroups: async () => {} },
    };
    const world = await makeWorld({ neighbours });
    await createActive(world, 'one', { VpcConfig: VPC });
    const shown = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.deepEqual(shown.VpcConfig, { ...VPC, VpcId: 'vpc-9', Ipv6AllowedForDualStack: false });
    const detached = await world.output('UpdateFunctionConfiguration', {
      FunctionName: 'one',
      VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
    });
    assert.equal(detached.VpcConfig?.VpcId, '');
    await world.close();
  });

  it('is refused in AWS’s words', async () => {
    const subnet = "The subnet ID 'subnet-1' does not exist";
    const group = "The security group 'sg-1' does not exist";
    const cases = [
      [
        { describeSubnets: refusing('ec2', 'DescribeSubnets', 'InvalidSubnetID.NotFound', subnet) },
        `Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: ${subnet}`,
      ],
      [
        { describeSecurityGroups: refusing('ec2', 'DescribeSecurityGroups', 'InvalidGroup.NotFound', group) },
        `Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: ${group}`,
      ],
    ] as const;
    for (const [part, text] of cases as readonly (readonly [Partial<Networks>, string])[]) {
      const ec2 = {
        describeSubnets: async () => ({ vpcId: 'vpc-9' }),
        describeSecurityGroups: async () => undefined,
        ...part,
      };
      const world = await makeWorld({ neighbours: { ec2 } });
      await createActive(world, 'two');
      const input = { VpcConfig: VPC };
      await rejects(
        world.call('CreateFunction', { ...CODE, ...input, Code: { ZipFile: await handlerZip() } }),
        'InvalidParameterValueException',
        text,
      );
      await rejects(
        world.call('UpdateFunctionConfiguration', { FunctionName: 'two', ...input }),
        'InvalidParameterValueException',
        text,
      );
      // What was accepted before is not asked about again by an update of something else.
      await world.call('UpdateFunctionConfiguration', { FunctionName: 'two', Timeout: 9 });
      await world.close();
    }
  });
});

describe('a dead letter target', () => {
  it('is a queue or a topic, for a new function and for an update', async () => {
    const world = await makeWorld({ neighbours: {} });
    const bucket = 'arn:aws:s3:::letters';
    const text = `The dead letter target ${bucket} is neither an SQS queue nor an SNS topic.`;
    const DeadLetterConfig = { TargetArn: bucket };
    const input = { ...CODE, Code: { ZipFile: await handlerZip() } };
    await rejects(world.call('CreateFunction', { ...input, DeadLetterConfig }), 'InvalidParameterValueException', text);
    await createActive(world, 'one');
    await rejects(
      world.call('UpdateFunctionConfiguration', { FunctionName: 'one', DeadLetterConfig }),
      'InvalidParameterValueException',
      text,
    );
    const TargetArn = `arn:aws:sns:${REGION}:${ACCOUNT}:letters`;
    const updated = await world.output('UpdateFunctionConfiguration', {
      FunctionName: 'one',
      DeadLetterConfig: { TargetArn },
    });
    assert.deepEqual(updated.DeadLetterConfig, { TargetArn });
    await world.close();
  });
});

describe('environment variables at rest', () => {
  it('lie in the store unreadable, and are shown in clear', async () => {
    const world = await makeWorld();
    const Environment = { Variables: { PASSWORD: 'correct horse' } };
    await createActive(world, 'one', { Environment, Publish: true });
    for (const kind of ['function', 'version'] as const) {
      const records = await world.metadata.scan(kind, undefined, 10);
      assert.equal(records.length, 1);
      assert.doesNotMatch(JSON.stringify(records), /PASSWORD|correct horse/);
    }
    for (const Qualifier of ['$LATEST', '1']) {
      const shown = await world.output('GetFunctionConfiguration', { FunctionName: 'one', Qualifier });
      assert.deepEqual(shown.Environment, Environment);
    }
    const listed = await world.output('ListFunctions', { FunctionVersion: 'ALL' });
    assert.deepEqual(
      listed.Functions?.map((each) => each.Environment),
      [Environment, Environment],
    );
    await world.close();
  });

  it('that lie in clear, in records of before they were sealed, are shown, and sealed by the next configuration', async () => {
    const world = await makeWorld();
    await createActive(world, 'one', { Environment: { Variables: { A: '1' } } });
    const key = { account: ACCOUNT, region: REGION, kind: 'function', id: 'one' } as const;
    const body = (await world.metadata.get(key))?.body as FunctionBody;
    const settings = { ...body.latest.settings, environment: { box: 'in clear' } };
    await world.metadata.commit([{ type: 'put', key, body: { ...body, latest: { ...body.latest, settings } } }]);
    const shown = () => world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.deepEqual((await shown()).Environment, { Variables: { box: 'in clear' } });
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Timeout: 9 });
    await world.activation.idle();
    assert.doesNotMatch(JSON.stringify(await world.metadata.get(key)), /in clear/);
    assert.equal(isSealed({ box: 'a long text of somebody who likes these two names', kms: '1' }), false);
    assert.deepEqual((await shown()).Environment, { Variables: { box: 'in clear' } });
    await world.close();
  });

  it('show why they cannot be read when their key is denied, and can be replaced', async () => {
    const world = await makeWorld();
    const KMSKeyArn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1`;
    await createActive(world, 'one', { Environment: { Variables: { A: '1' } }, KMSKeyArn });
    const { vault } = world.services;
    const { open } = vault;
    vault.open = async () => {
      throw new KeyUnusable(
        'AccessDenied',
        'AccessDeniedException',
        'The ciphertext refers to a key that is not yours.',
      );
    };
    const { Environment } = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(Environment?.Variables, undefined);
    assert.match(Environment?.Error?.Message ?? '', /KMS Exception: AccessDeniedException/);
    await rejects(
      world.call('UpdateFunctionConfiguration', { FunctionName: 'one', KMSKeyArn: '' }),
      'KMSAccessDeniedException',
      /KMS Message: The ciphertext refers to a key that is not yours\.$/,
    );
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Environment: { Variables: { A: '2' } } });
    vault.open = async () => {
      throw new NeighbourUnreachable('KMS does not answer');
    };
    await world.activation.idle();
    const last = { FunctionName: 'one', KMSKeyArn: '', Environment: { Variables: { A: '2' } } };
    await world.call('UpdateFunctionConfiguration', last);
    vault.open = open;
    const shown = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.deepEqual(shown.Environment, { Variables: { A: '2' } });
    await world.close();
  });
});

describe('tenant isolation', () => {
  it('asks for a tenant with each invoke, and only there', async () => {
    const world = await makeWorld();
    const TenancyConfig = { TenantIsolationMode: 'PER_TENANT' } as const;
    await createActive(world, 'many', { TenancyConfig });
    await createActive(world, 'one');
    const shown = await world.output('GetFunctionConfiguration', { FunctionName: 'many' });
    assert.deepEqual(shown.TenancyConfig, TenancyConfig);
    const missing = /^The invoked function is enabled with tenancy configuration/;
    await rejects(world.call('Invoke', { FunctionName: 'many' }), 'InvalidParameterValueException', missing);
    const unexpected = /^The invoked function is not enabled with tenancy configuration/;
    await rejects(
      world.call('Invoke', { FunctionName: 'one', TenantId: 'blue' }),
      'InvalidParameterValueException',
      unexpected,
    );
    await world.call('Invoke', { FunctionName: 'many', TenantId: 'blue' });
    assert.equal(world.invoker.invoked.at(-1)?.target.tenantId, 'blue');
    await world.close();
  });
});
