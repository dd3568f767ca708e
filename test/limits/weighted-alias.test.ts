/** How invokes of a weighted alias spread over its two versions: measured, through the API. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import {
  CreateAliasCommand,
  InvokeCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const INVOKES = 10_000;
const CALLERS = 4;
const WEIGHT = 0.25;
/** Six standard deviations: one run in some hundred millions is outside by chance. */
const MARGIN = 6 * Math.sqrt(INVOKES * WEIGHT * (1 - WEIGHT));
/** Well-formed is all that an open server asks for. */
const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000';

const source = (version: number) => `exports.handler = async () => ${version};`;

/** The version that the answer names and the one that the function's code is of. */
function invokeBare(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTHORIZATION, 'x-amz-date': '20260101T000000Z', 'content-length': 0 };
    const path = '/2015-03-31/functions/weighted/invocations?Qualifier=live';
    const call = request(`${url}${path}`, { method: 'POST', agent, headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.once('error', reject);
      answer.once('end', () =>
        resolve(`${answer.statusCode} ${answer.headers['x-amz-executed-version']} ${Buffer.concat(pieces)}`),
      );
    });
    call.once('error', reject);
    call.end();
  });
}

test('a weighted alias sends its share of 10,000 invokes to the additional version', {
  timeout: 300_000,
}, async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  const client = server.client();
  const FunctionName = 'weighted';
  await createFunction(client, FunctionName, { Publish: true, files: { 'index.js': source(1) } });
  await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: await zipOf({ 'index.js': source(2) }) }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName });
  await client.send(new PublishVersionCommand({ FunctionName }));
  const routed = (weight: number) => ({
    FunctionName,
    Name: 'live',
    FunctionVersion: '1',
    RoutingConfig: { AdditionalVersionWeights: { 2: weight } },
  });
  await client.send(new CreateAliasCommand(routed(WEIGHT)));

  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  t.after(() => agent.destroy());
  const counts = new Map<string, number>();
  let left = INVOKES;
  const call = async () => {
    while (left-- > 0) {
      const answer = await invokeBare(server.url, agent);
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  assert.deepEqual([...counts.keys()].sort(), ['200 1 1', '200 2 2']);
  const additional = counts.get('200 2 2') ?? 0;
  t.diagnostic(`${additional} of ${INVOKES} at a weight of ${WEIGHT}`);
  assert.equal(additional + (counts.get('200 1 1') ?? 0), INVOKES);
  assert.ok(Math.abs(additional - INVOKES * WEIGHT) <= MARGIN, `${additional} of ${INVOKES}`);

  for (const [weight, version] of [
    [0, '1'],
    [1, '2'],
  ] as const) {
    await client.send(new UpdateAliasCommand(routed(weight)));
    for (let i = 0; i < 30; i++) {
      const { ExecutedVersion } = await client.send(new InvokeCommand({ FunctionName, Qualifier: 'live' }));
      assert.equal(ExecutedVersion, version);
    }
  }
});
