import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { firstZoneOf } from '../../src/environments/metadata-api.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const node = `
const ask = async ({ method = 'GET', path = '/2026-01-15/metadata/execution-environment', authorization }) => {
  const { AWS_LAMBDA_METADATA_API: api, AWS_LAMBDA_METADATA_TOKEN: token } = process.env;
  const headers = authorization === null ? {} : { authorization: authorization ?? 'Bearer ' + token };
  const answer = await fetch('http://' + api + path, { method, headers });
  const header = (name) => answer.headers.get(name);
  return [answer.status, header('content-type'), header('cache-control'), await answer.text()];
};
exports.handler = async ({ asked }) => {
  const answers = [];
  for (const one of asked) answers.push(await ask(one));
  return { answers, token: process.env.AWS_LAMBDA_METADATA_TOKEN };
};
`;
const python = `
import json, os, urllib.request

def handler(event, context):
    url = 'http://%s/2026-01-15/metadata/execution-environment' % os.environ['AWS_LAMBDA_METADATA_API']
    headers = {'Authorization': 'Bearer ' + os.environ['AWS_LAMBDA_METADATA_TOKEN']}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)
`;

describe('the metadata of an execution environment', { timeout: 60_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;

  before(async () => {
    server = await startTestServer({ args: ['--nearest-runtime'] });
    client = server.client({ region: 'ap-northeast-2' });
    await createFunction(client, 'node', { files: { 'index.js': node }, Timeout: 30 });
    const files = { 'index.py': python };
    await createFunction(client, 'python', { files, Runtime: 'python3.13' as Runtime, Timeout: 30 });
  });

  after(() => server?.stop());

  it('say in which zone it runs, to who has its token', async () => {
    const refused = (status: number, text: string) => [status, 'text/plain; charset=utf-8', null, `${text}\n`];
    const asked = [
      {},
      { authorization: null },
      { authorization: 'Bearer 00000000-0000-0000-0000-000000000000' },
      { authorization: 'Basic dXNlcjp3b3Jk' },
      { method: 'POST' },
      { path: '/2026-01-15/metadata/other' },
    ];
    const { payload, error } = await invokeFunction(client, 'node', { asked });
    assert.equal(error, undefined, JSON.stringify(payload));
    assert.deepEqual((payload as { answers: unknown }).answers, [
      [200, 'application/json', 'private, max-age=43200, immutable', '{"AvailabilityZoneID":"apne2-az1"}'],
      refused(401, 'Unauthorized'),
      refused(401, 'Unauthorized'),
      refused(401, 'Unauthorized'),
      refused(405, 'Method Not Allowed'),
      refused(404, '404 page not found'),
    ]);
    assert.deepEqual((await invokeFunction(client, 'python')).payload, { AvailabilityZoneID: 'apne2-az1' });
  });

  it('have a token of their own', async () => {
    await createFunction(client, 'other', { files: { 'index.js': node } });
    const tokens = [];
    for (const name of ['node', 'other'])
      tokens.push(((await invokeFunction(client, name, { asked: [] })).payload as { token: string }).token);
    for (const token of tokens) assert.match(token, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    assert.equal(new Set(tokens).size, 2);
  });
});

it('zones are named as AWS names the first of a region', () => {
  const zones = {
    'us-east-1': 'use1-az1',
    'eu-central-1': 'euc1-az1',
    'ap-southeast-4': 'apse4-az1',
    'us-gov-west-1': 'usgw1-az1',
    'cn-northwest-1': 'cnnw1-az1',
    'me-south-1': 'mes1-az1',
  };
  for (const [region, zone] of Object.entries(zones)) assert.equal(firstZoneOf(region), zone);
});
