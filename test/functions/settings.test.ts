import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Settings } from '../../src/functions/records.ts';
import { settingsOfNew, settingsOfUpdate } from '../../src/functions/settings.ts';
import { ApiError, type ErrorName } from '../../src/model/api-error.ts';
import type { CreateFunctionRequest, UpdateFunctionConfigurationRequest } from '../../src/model/types.gen.ts';

const CONTEXT = { functionName: 'one', nowMs: Date.parse('2026-11-21'), deprecatedRuntimes: 'refuse' } as const;
const NEW: CreateFunctionRequest = {
  FunctionName: 'one',
  Runtime: 'python3.13',
  Handler: 'app.main',
  Role: 'arn:aws:iam::123456789012:role/r',
  Code: {},
};

const draft = (more: Partial<CreateFunctionRequest> = {}) => settingsOfNew({ ...NEW, ...more }, CONTEXT);
const make = (more: Partial<CreateFunctionRequest> = {}) => draft(more).settings;
const change = (current: Settings, more: Partial<UpdateFunctionConfigurationRequest>) =>
  settingsOfUpdate(current, { FunctionName: 'one', ...more }, CONTEXT).settings;

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

  it('refuses runtimes whose day has come', () => {
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
    assert.equal(make({ Runtime: 'nodejs26.x' }).runtime, 'nodejs26.x');
  });

  it('closes a runtime for new functions first and for updates later, unless it is opened', () => {
    const on = (day: string, deprecatedRuntimes: 'refuse' | 'allow' = 'refuse') => ({
      ...CONTEXT,
      nowMs: Date.parse(day),
      deprecatedRuntimes,
    });
    const node20 = { ...NEW, Runtime: 'nodejs20.x' } as const;
    const { settings } = settingsOfNew(node20, on('2026-08-30'));
    const closed = { message: /^The runtime parameter of nodejs20\.x is no longer supported/ };
    assert.throws(() => settingsOfNew(node20, on('2026-08-31')), closed);
    const longer = { FunctionName: 'one', Timeout: 9 };
    assert.equal(settingsOfUpdate(settings, longer, on('2026-09-29')).settings.timeoutS, 9);
    assert.throws(() => settingsOfUpdate(settings, longer, on('2026-09-30')), closed);
    assert.equal(settingsOfUpdate(settings, longer, on('2026-09-30', 'allow')).settings.timeoutS, 9);
    // A function leaves a closed runtime by naming an open one.
    const moved = settingsOfUpdate(settings, { ...longer, Runtime: 'nodejs24.x' }, on('2026-09-30'));
    assert.equal(moved.settings.runtime, 'nodejs24.x');
    for (const Runtime of ['nodejs12.x', 'python3.8', 'provided.al2'] as const)
      assert.equal(settingsOfNew({ ...NEW, Runtime }, on('2026-11-21', 'allow')).settings.runtime, Runtime);
  });

  it('bounds the environment and keeps its reserved names', () => {
    const LARGE = 'x'.repeat(4096 - '{"LARGE":""}'.length);
    assert.deepEqual(draft({ Environment: { Variables: { LARGE } } }).variables, { LARGE });
    refused(
      { Environment: { Variables: { LARGE: `${LARGE}x` } } },
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"LARGE":"${LARGE}x"}`,
    );
    refused(
      { Environment: { Variables: { AWS_REGION: 'x', A_B: 'y' } } },
      /Reserved keys used in this request: AWS_REGION$/,
    );
    assert.equal(draft({ Timeout: 4 }).variables, undefined);
    assert.equal(draft({ Environment: {} }).variables, undefined);
  });

  it('gives levels to JSON logs and takes them from text ones', () => {
    assert.deepEqual(make().logging, { format: 'Text', group: '/aws/lambda/one' });
    const json = make({ LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'WARN' } });
    const levels = { applicationLevel: 'WARN', systemLevel: 'INFO' };
    assert.deepEqual(json.logging, { format: 'JSON', group: '/aws/lambda/one', ...levels });
    assert.deepEqual(change(json, { Timeout: 4 }).logging, json.logging);
    const moved = change(json, { LoggingConfig: { LogGroup: '/mine' } });
    assert.deepEqual(moved.logging, { format: 'Text', group: '/mine' }, 'it is replaced as a whole');
    const back = change(moved, { LoggingConfig: { LogFormat: 'JSON' } });
    assert.deepEqual(back.logging, { ...json.logging, applicationLevel: 'INFO' });
    refused(
      { LoggingConfig: { SystemLogLevel: 'INFO' } },
      /^LogLevel is not supported when LogFormat is set to "Text"/,
    );
  });

  it('refuses what it cannot run', () => {
    refused({ PackageType: 'Image' }, /lambdad does not run .*Image/);
    refused({ DurableConfig: { ExecutionTimeout: 5 } }, /lambdad does not run durable functions/);
    refused({ PublishTo: 'LATEST_PUBLISHED' }, /lambdad does not run/);
    refused(
      { Runtime: 'nodejs24.x', SnapStart: { ApplyOn: 'PublishedVersions' } },
      'nodejs24.x is not supported for SnapStart enabled functions.',
    );
    assert.equal(make({ SnapStart: { ApplyOn: 'PublishedVersions' } }).snapStart, 'PublishedVersions');
  });

  it('refuses what cannot stand together', () => {
    const snapStart = { SnapStart: { ApplyOn: 'PublishedVersions' } } as const;
    const TenancyConfig = { TenantIsolationMode: 'PER_TENANT' } as const;
    assert.equal(make({ TenancyConfig }).tenantIsolation, 'PER_TENANT');
    refused({ ...snapStart, TenancyConfig }, /^SnapStart is not supported/);
    refused({ ...snapStart, EphemeralStorage: { Size: 513 } }, /^SnapStart is not supported/);
    refused(
      { VpcConfig: { SubnetIds: ['subnet-1'] } },
      'SubnetIds and SecurityIds must coexist or be both empty list.',
    );
    const Arn = 'arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-00000000000000001';
    refused(
      { FileSystemConfigs: [{ Arn, LocalMountPath: '/mnt/data' }] },
      `Function must be configured to execute in a VPC to reference access point ${Arn}.`,
    );
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
