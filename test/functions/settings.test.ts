import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Settings } from '../../src/functions/records.ts';
import { settingsOfNew, settingsOfUpdate } from '../../src/functions/settings.ts';
import { ApiError, type ErrorName } from '../../src/model/api-error.ts';
import type { CreateFunctionRequest, UpdateFunctionConfigurationRequest } from '../../src/model/types.gen.ts';

const CONTEXT = { region: 'eu-west-1', functionName: 'one', nowMs: Date.parse('2026-11-01') };
const NEW: CreateFunctionRequest = {
  FunctionName: 'one',
  Runtime: 'python3.13',
  Handler: 'app.main',
  Role: 'arn:aws:iam::123456789012:role/r',
  Code: {},
};

const make = (more: Partial<CreateFunctionRequest> = {}) => settingsOfNew({ ...NEW, ...more }, CONTEXT);
const change = (current: Settings, more: Partial<UpdateFunctionConfigurationRequest>) =>
  settingsOfUpdate(current, { FunctionName: 'one', ...more }, CONTEXT);

function refused(more: Partial<CreateFunctionRequest>, message: string | RegExp, name?: ErrorName): void {
  assert.throws(
    () => make(more),
    (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.name, name ?? 'InvalidParameterValueException', error.message);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

const layer = (name: string, region = 'eu-west-1') => `arn:aws:lambda:${region}:123456789012:layer:${name}`;

describe('settings of a function', () => {
  it('needs runtime and handler', () => {
    const text = 'Runtime and Handler are mandatory parameters for functions created with deployment packages.';
    refused({ Runtime: undefined }, text);
    refused({ Handler: undefined }, text);
  });

  it('holds the maxima of functions on demand, all told at once', () => {
    refused(
      { Timeout: 901 },
      "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
      'ValidationException',
    );
    refused(
      { MemorySize: 10_241, EphemeralStorage: { Size: 10_241 } },
      "2 validation errors detected: Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240; Value '10241' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value less than or equal to 10240",
      'ValidationException',
    );
    const largest = make({ Timeout: 900, MemorySize: 10_240, EphemeralStorage: { Size: 10_240 } });
    assert.deepEqual([largest.timeoutS, largest.memoryMb, largest.ephemeralStorageMb], [900, 10_240, 10_240]);
  });

  it('refuses unknown runtimes, and those whose day has come', () => {
    refused(
      { Runtime: 'PYTHON3.9' as 'python3.9' },
      /^Value PYTHON3\.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.*nodejs24\.x.*\] or be a valid ARN$/,
    );
    for (const Runtime of [
      'dotnetcore3.1',
      'go1.x',
      'java8',
      'nodejs12.x',
      'nodejs14.x',
      'provided',
      'python3.7',
      'ruby2.7',
    ] as const)
      refused(
        { Runtime },
        `The runtime parameter of ${Runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
      );
    const early = { ...CONTEXT, nowMs: Date.parse('2022-01-01') };
    assert.equal(settingsOfNew({ ...NEW, Runtime: 'nodejs14.x' }, early).runtime, 'nodejs14.x');
    for (const Runtime of ['nodejs18.x', 'nodejs26.x', 'python3.8', 'provided.al2'] as const)
      assert.equal(make({ Runtime }).runtime, Runtime);
  });

  it('bounds the environment and keeps its reserved names', () => {
    const LARGE = 'x'.repeat(4096 - '{"LARGE":""}'.length);
    assert.deepEqual(make({ Environment: { Variables: { LARGE } } }).environment, { LARGE });
    refused(
      { Environment: { Variables: { LARGE: `${LARGE}x` } } },
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"LARGE":"${LARGE}x"}`,
    );
    refused(
      { Environment: { Variables: { AWS_REGION: 'x', A_B: 'y' } } },
      /Reserved keys used in this request: AWS_REGION$/,
    );
    const set = make({ Environment: { Variables: { A: '1' } } });
    assert.deepEqual(change(set, { Timeout: 4 }).environment, { A: '1' });
    assert.deepEqual(change(set, { Environment: {} }).environment, {});
  });

  it('gives levels to JSON logs and takes them from text ones', () => {
    assert.deepEqual(make().logging, { format: 'Text', group: '/aws/lambda/one' });
    const json = make({ LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'WARN' } });
    const levels = { applicationLevel: 'WARN', systemLevel: 'INFO' };
    assert.deepEqual(json.logging, { format: 'JSON', group: '/aws/lambda/one', ...levels });
    const moved = change(json, { LoggingConfig: { LogGroup: '/mine' } });
    assert.deepEqual(moved.logging, { format: 'JSON', group: '/mine', ...levels });
    const text = change(moved, { LoggingConfig: { LogFormat: 'Text' } });
    assert.deepEqual(text.logging, { format: 'Text', group: '/mine' });
    refused(
      { LoggingConfig: { SystemLogLevel: 'INFO' } },
      /^LogLevel is not supported when LogFormat is set to "Text"/,
    );
  });

  it('names what is wrong with layers, and that none exists', () => {
    refused(
      { Layers: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => layer(`${name}:1`)) },
      'Cannot reference more than 5 layers.',
    );
    refused(
      { Layers: [layer('a:1', 'us-east-1')] },
      'Layers are not in the same region as the function. Layers are expected to be in region eu-west-1.',
    );
    refused(
      { Layers: [layer('a:1'), layer('a:2')] },
      `Two different versions of the same layer are not allowed to be referenced in the same function. ${layer('a:1')} and ${layer('a:2')} are versions of the same layer.`,
    );
    refused({ Layers: [layer('a:9')] }, `Layer version ${layer('a:9')} does not exist.`);
    assert.ok(make({ Layers: [] }));
  });

  it('refuses what it cannot run', () => {
    refused({ PackageType: 'Image' }, /lambdad does not run .*Image/);
    refused({ DurableConfig: { ExecutionTimeout: 5 } }, /lambdad does not run durable functions/);
    refused({ TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } }, /lambdad does not run .*tenant/);
    refused({ PublishTo: 'LATEST_PUBLISHED' }, /lambdad does not run/);
    refused(
      { Runtime: 'nodejs24.x', SnapStart: { ApplyOn: 'PublishedVersions' } },
      'nodejs24.x is not supported for SnapStart enabled functions.',
    );
    const arn = 'arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-00000000000000000';
    refused(
      { CodeSigningConfigArn: arn },
      `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${arn}.`,
      'CodeSigningConfigNotFoundException',
    );
    assert.equal(make({ SnapStart: { ApplyOn: 'PublishedVersions' } }).snapStart, 'PublishedVersions');
  });

  it('keeps what has no effect yet, and lets it be taken away', () => {
    const kept = make({
      DeadLetterConfig: { TargetArn: 'arn:aws:sqs:eu-west-1:123456789012:q' },
      KMSKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/1',
      VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
    });
    assert.deepEqual(change(kept, { Timeout: 4 }).kept, kept.kept);
    const freed = change(kept, {
      DeadLetterConfig: { TargetArn: '' },
      KMSKeyArn: '',
      VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
    });
    assert.deepEqual(freed.kept, { VpcConfig: { SubnetIds: [], SecurityGroupIds: [] } });
  });
});
