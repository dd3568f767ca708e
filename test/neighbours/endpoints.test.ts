import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointVariable, neighbourNames, readEndpoints } from '../../src/base/endpoints.ts';
import { inertSettingsOf } from '../../src/base/inert-settings.ts';
import { createInertRecorder } from '../../src/neighbours/inert.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';

const OWN = { host: '127.0.0.1', port: 2015 };

describe('endpoints of neighbours', () => {
  it('are the standard variables, the one of the service first', () => {
    const endpoints = readEndpoints(
      { AWS_ENDPOINT_URL: 'http://localhost:4566/', AWS_ENDPOINT_URL_S3: 'https://s3.test/base/' },
      OWN,
    );
    assert.equal(endpoints.s3, 'https://s3.test/base');
    assert.equal(endpoints.kms, 'http://localhost:4566');
    assert.deepEqual(Object.keys(endpoints), [...neighbourNames]);
    assert.deepEqual(Object.keys(openNeighbours({ endpoints })), [...neighbourNames]);
    const sts = readEndpoints({ AWS_ENDPOINT_URL: 'http://localhost:4566' }, OWN, ['sts']);
    assert.deepEqual(Object.keys(openNeighbours({ endpoints: sts })), ['sts']);
    assert.equal(endpointVariable('dynamodb-streams'), 'AWS_ENDPOINT_URL_DYNAMODB_STREAMS');
  });

  it('are none without a variable, with an empty one, or when they are to be ignored', () => {
    assert.deepEqual(readEndpoints({ AWS_ENDPOINT_URL_S3: '' }, OWN), {});
    const ignored = { AWS_ENDPOINT_URL: 'http://x', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'True' };
    assert.deepEqual(readEndpoints(ignored, OWN), {});
    assert.deepEqual(openNeighbours({ endpoints: {} }), {});
  });

  it("finds DynamoDB's streams where DynamoDB is", () => {
    assert.deepEqual(readEndpoints({ AWS_ENDPOINT_URL_DYNAMODB: 'http://db:8000' }, OWN), {
      'dynamodb-streams': 'http://db:8000',
    });
  });

  it('are not the server itself, by whatever name', () => {
    const ofOwn = (url: string, own = OWN) => readEndpoints({ AWS_ENDPOINT_URL: url }, own);
    for (const url of [
      'http://127.0.0.1:2015',
      'http://localhost:2015/',
      'http://[::1]:2015',
      'http://a.localhost:2015',
    ])
      assert.deepEqual(ofOwn(url), {}, url);
    assert.deepEqual(ofOwn('http://localhost:2015', { host: '0.0.0.0', port: 2015 }), {});
    assert.deepEqual(ofOwn('http://10.0.0.7', { host: '10.0.0.7', port: 80 }), {});
    for (const url of ['http://127.0.0.1:2016', 'http://elsewhere:2015', 'https://localhost:2015'])
      assert.equal(ofOwn(url).s3, url);
    // The own address in AWS_ENDPOINT_URL does not stand in the way of a service's own variable.
    const both = { AWS_ENDPOINT_URL: 'http://localhost:2015', AWS_ENDPOINT_URL_SQS: 'http://sqs.test' };
    assert.deepEqual(readEndpoints(both, OWN), { sqs: 'http://sqs.test' });
  });

  it('must be addresses', () => {
    for (const text of ['localhost:4566', 'ftp://x', 'nonsense'])
      assert.throws(
        () => readEndpoints({ AWS_ENDPOINT_URL_KMS: text }, OWN),
        /^Error: AWS_ENDPOINT_URL_KMS: ".+" is no/,
      );
  });
});

describe('inert settings', () => {
  const settings = {
    VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: [] },
    DeadLetterConfig: { TargetArn: 'arn:aws:sns:eu-west-1:123456789012:topic' },
    KMSKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/k',
  };

  it('are those that point at what has no endpoint', () => {
    const found = inertSettingsOf(settings, { kms: 'http://kms' }, false);
    assert.deepEqual(found, [
      { neighbour: 'ec2', setting: 'VpcConfig' },
      { neighbour: 'sns', setting: 'DeadLetterConfig' },
    ]);
    const emptied = { VpcConfig: { SubnetIds: [], SecurityGroupIds: [] }, KMSKeyArn: '', DeadLetterConfig: {} };
    assert.deepEqual(inertSettingsOf(emptied, {}, false), []);
  });

  it('are said once for each function', () => {
    const lines: string[] = [];
    const recorder = createInertRecorder({}, false, (line) => lines.push(line));
    const vpc = { VpcConfig: settings.VpcConfig };
    const text = 'VpcConfig is kept and has no effect: AWS_ENDPOINT_URL_EC2 is not set';
    assert.deepEqual(recorder.noteSettings(vpc, 'arn:one'), [`lambdad: ${text}`]);
    assert.deepEqual(recorder.noteSettings(vpc, 'arn:one'), []);
    recorder.note('ec2', 'VpcConfig', 'arn:one');
    recorder.note('sqs', 'DestinationConfig', 'arn:one');
    recorder.noteSettings(vpc, 'arn:two');
    assert.deepEqual(lines, [
      `arn:one: ${text}`,
      'arn:one: DestinationConfig is kept and has no effect: AWS_ENDPOINT_URL_SQS is not set',
      `arn:two: ${text}`,
    ]);
  });
});
