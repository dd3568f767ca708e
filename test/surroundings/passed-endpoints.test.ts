import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passedEndpoints } from '../../src/base/passed-endpoints.ts';
import { readConfig } from '../../src/config.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { nodeCaller } from './calling-function.ts';

const ENV = {
  AWS_ENDPOINT_URL: 'http://localhost:4566',
  AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:8000',
  AWS_ENDPOINT_URL_SQS: '',
  AWS_REGION: 'us-east-1',
};
const OWN = ['AWS_ENDPOINT_URL_LAMBDA', 'AWS_ENDPOINT_URL_CLOUDWATCH_LOGS'];

describe('endpoints that are passed on', () => {
  it('are none unless they are asked for', () => {
    assert.deepEqual(passedEndpoints(undefined, ENV), { variables: {}, own: [] });
  });

  it('are those that are named, each by its own variable', () => {
    assert.deepEqual(passedEndpoints('dynamodb, s3,Secrets-Manager', ENV).variables, {
      AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:8000',
      AWS_ENDPOINT_URL_S3: 'http://localhost:4566',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://localhost:4566',
    });
  });

  it('are lambdad itself for lambda and logs, unless the environment places them', () => {
    assert.deepEqual(passedEndpoints('lambda,logs', ENV), { variables: {}, own: OWN });
    assert.deepEqual(passedEndpoints('cloudwatch_logs', {}), { variables: {}, own: [OWN[1]] });
    const placed = { AWS_ENDPOINT_URL_LAMBDA: 'https://lambda.test' };
    assert.deepEqual(passedEndpoints('lambda', placed), { variables: placed, own: [] });
  });

  it('are all that the environment has, and lambdad itself', () => {
    const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB } = ENV;
    assert.deepEqual(passedEndpoints('all', ENV), {
      variables: { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB },
      own: OWN,
    });
  });

  it('must be addresses of services', () => {
    const refused = (wish: string, env: Readonly<Record<string, string>>, message: string) =>
      assert.throws(() => readConfig(['--pass-endpoints', wish], env), { message: `--pass-endpoints: ${message}` });
    refused('s3', {}, 'neither AWS_ENDPOINT_URL_S3 nor AWS_ENDPOINT_URL is set');
    refused('s3,,sqs', ENV, '"" is no name of a service');
    refused('s3;rm', ENV, '"s3;rm" is no name of a service');
    refused('rds', { AWS_ENDPOINT_URL_RDS: 'localhost:1' }, 'AWS_ENDPOINT_URL_RDS is no http:// or https:// address');
  });

  it('reach functions, whose own variables win', { timeout: 60_000 }, async () => {
    // The server need not ask there itself what functions are to find there.
    const env = { ...ENV, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    const server = await startTestServer({ args: ['--pass-endpoints', 'dynamodb,sqs,lambda'], env });
    try {
      const client = server.client();
      const files = { 'index.js': nodeCaller };
      const show = ['DYNAMODB', 'SQS', 'LAMBDA', 'S3'].map((name) => `AWS_ENDPOINT_URL_${name}`);
      const shown = async (name: string, Variables: Record<string, string>) => {
        await createFunction(client, name, { files, Environment: { Variables } });
        return Object.values((await invokeFunction(client, name, { show })).payload as object);
      };
      const { AWS_ENDPOINT_URL: any, AWS_ENDPOINT_URL_DYNAMODB: dynamodb } = ENV;
      assert.deepEqual(await shown('plain', {}), [dynamodb, any, server.url, null]);
      assert.deepEqual(await shown('own', { AWS_ENDPOINT_URL_SQS: 'http://own' }), [
        dynamodb,
        'http://own',
        server.url,
        null,
      ]);
      // A general address of its own is meant for every service.
      assert.deepEqual(await shown('general', { AWS_ENDPOINT_URL: 'http://own' }), [null, null, null, null]);
      assert.match(
        server.stdout(),
        /^passes: +AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL_SQS$/m,
      );
      // All three are on this machine's loopback, of which a function sees only what it is told.
      for (const name of ['DYNAMODB', 'LAMBDA', 'SQS'])
        assert.match(server.stdout(), new RegExp(`^warning: +AWS_ENDPOINT_URL_${name} is .*--allow-host \\d+$`, 'm'));
    } finally {
      await server.stop();
    }
  });
});
