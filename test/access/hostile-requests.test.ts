import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import type { Identity } from '../../src/access/identity.ts';
import { readPolicy } from '../../src/access/policy-document.ts';
import { readTemplate } from '../../src/access/policy-pattern.ts';
import { watchPolicies } from '../../src/access/policy-watch.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/model/api-error.ts';
import type { OperationName } from '../../src/model/operations.gen.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import type { Services } from '../../src/operations/operation.ts';
import { authorise } from '../../src/server/authorisation.ts';
import { resourceOf } from '../../src/server/logs-access.ts';
import { RequestContext } from '../../src/server/request-context.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const HEADER_CHARACTERS = 15_000;
/** A policy variable, which is no part of this file's own language. */
const AGENT = ['$', '{aws:UserAgent}'].join('');

function worldOf(...statements: readonly object[]) {
  const { metadata, policies } = watchPolicies(memoryMetadata());
  const key = { account: OWNER, region: REGION, kind: 'function-policy' } as const;

  async function ask<Name extends OperationName>(
    name: Name,
    input: OperationInputs[Name],
    caller: { readonly account: string; readonly identity?: Identity } = { account: OTHER },
    headers: object = {},
  ): Promise<boolean> {
    const context = new RequestContext(
      { requestId: 'id', caller: { accessKeyId: 'key', ...caller }, region: REGION },
      { metadata, clock: new FakeClock() } as unknown as Services,
      policies,
      { headers, socket: { remoteAddress: '127.0.0.1' } } as unknown as IncomingMessage,
      {} as ServerResponse,
    );
    try {
      await authorise(name, context, input, policies);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.name === 'AccessDeniedException') return false;
      throw error;
    }
  }

  return {
    ask,
    map: (id: string, functionName: string) =>
      metadata.commit([
        {
          type: 'put',
          key: { account: OWNER, region: REGION, kind: 'event-source-mapping', id },
          body: { functionName, tags: {} },
        },
      ]),
    put: (qualifier = '$LATEST') =>
      metadata.commit([
        {
          type: 'put',
          key: { ...key, id: `f:${qualifier}` },
          body: { policy: { version: '2012-10-17', statements } },
        },
      ]),
  };
}

const open = (more: object = {}) => ({ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*', ...more });

function user(...statements: readonly object[]) {
  const document = { Version: '2012-10-17', Statement: statements };
  const policies = [readPolicy(document, 'identity', '')];
  return { account: OWNER, identity: { kind: 'user', name: 'eve', tags: {}, policies } as const };
}

const FUNCTION = `arn:aws:lambda:${REGION}:${OWNER}:function:f`;

describe('hostile requests and policies', () => {
  for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
    it(`a policy may ask for a key called ${key}, which no request has`, async () => {
      const condition = JSON.parse(`{"StringEquals":{"${key}":"x"}}`) as object;
      const world = worldOf(open({ Condition: condition }));
      await world.put();
      assert.equal(await world.ask('Invoke', { FunctionName: FUNCTION }), false);
      const missing = worldOf(open({ Condition: JSON.parse(`{"Null":{"${key}":"true"}}`) as object }));
      await missing.put();
      assert.equal(await missing.ask('Invoke', { FunctionName: FUNCTION }), true);
    });

  it('a policy of variables alone, filled with a long header, costs next to nothing', async () => {
    const ofAgent = (operator: string, value: string) =>
      open({ Condition: { [operator]: { 'aws:UserAgent': value } } });
    const agent = 'a'.repeat(HEADER_CHARACTERS);
    const costly = [
      ofAgent('StringLike', AGENT.repeat(1_200)),
      ofAgent('StringEqualsIgnoreCase', AGENT.repeat(1_200)),
      ofAgent('StringLike', `*${'a'.repeat(8_000)}b`),
      ofAgent('StringLike', `${'*a'.repeat(9_000)}*b`),
    ];
    for (const statement of costly) {
      const world = worldOf(statement);
      await world.put();
      await world.ask('Invoke', { FunctionName: FUNCTION });
      const began = performance.now();
      assert.equal(await world.ask('Invoke', { FunctionName: FUNCTION }, undefined, { 'user-agent': agent }), false);
      const tookMs = performance.now() - began;
      assert.ok(tookMs < 200, `${tookMs} ms`);
    }
    const exact = worldOf(ofAgent('StringEquals', AGENT));
    await exact.put();
    assert.equal(await exact.ask('Invoke', { FunctionName: FUNCTION }, undefined, { 'user-agent': 'curl/8' }), true);
  });

  it('variables that never end, or hold nothing but spaces, are read in no time', () => {
    const opening = AGENT.slice(0, 2);
    const texts = [opening.repeat(10_000), `${opening}a${' '.repeat(20_000)}b}`, `${opening}a,'${' '.repeat(20_000)}}`];
    for (const text of texts) {
      const began = performance.now();
      readTemplate(text, { wildcards: true, variables: true });
      const tookMs = performance.now() - began;
      assert.ok(tookMs < 50, `${tookMs} ms`);
    }
  });

  it('a layer named by an ARN of another partition is the layer that a policy denies', async () => {
    const world = worldOf();
    const layer = `arn:aws:lambda:${REGION}:${OWNER}:layer:secret`;
    const caller = user(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: [layer, `${layer}:*`] },
    );
    for (const name of ['secret', layer, layer.replace('aws', 'aws-cn'), layer.replace('aws', 'aws-made-up')]) {
      assert.equal(await world.ask('GetLayerVersion', { LayerName: name, VersionNumber: 1 }, caller), false, name);
      assert.equal(await world.ask('ListLayerVersions', { LayerName: name }, caller), false, name);
      assert.equal(await world.ask('PublishLayerVersion', { LayerName: name, Content: {} }, caller), false, name);
    }
    assert.equal(await world.ask('GetLayerVersion', { LayerName: 'other', VersionNumber: 1 }, caller), true);
  });

  it('who may use one alias may not list what the whole function has', async () => {
    const world = worldOf(open());
    await world.put('live');
    const input = { FunctionName: `${FUNCTION}:live` };
    assert.equal(await world.ask('GetFunction', input), true);
    assert.equal(await world.ask('ListFunctionUrlConfigs', input), false);
    assert.equal(await world.ask('ListFunctionEventInvokeConfigs', input), false);
    const denied = user(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: FUNCTION },
    );
    assert.equal(await world.ask('ListFunctionUrlConfigs', { FunctionName: 'f:whatever' }, denied), false);
  });

  it('who may change the mappings of one function neither takes one from another nor gives one away', async () => {
    const world = worldOf();
    const mine = `arn:aws:lambda:${REGION}:${OWNER}:function:mine`;
    const condition = { ArnEquals: { 'lambda:FunctionArn': mine } };
    const caller = user({ Effect: 'Allow', Action: 'lambda:*', Resource: '*', Condition: condition });
    const [own, foreign] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
    await world.map(own, 'mine');
    await world.map(foreign, 'f');
    const update = (UUID: string, more: object) => world.ask('UpdateEventSourceMapping', { UUID, ...more }, caller);
    assert.deepEqual([await update(own, {}), await update(own, { FunctionName: 'mine' })], [true, true]);
    assert.deepEqual([await update(own, { FunctionName: 'f' }), await update(foreign, {})], [false, false]);
    assert.equal(await update(foreign, { FunctionName: 'mine' }), false);
  });

  it('a log group named by an ARN of another partition is the group that a policy denies', () => {
    const here = { account: OWNER, region: REGION };
    const named = (logGroupName: string) => resourceOf('GetLogEvents', { logGroupName, logStreamName: 's' }, here);
    const plain = named('/aws/lambda/f');
    assert.equal(plain, `arn:aws:logs:${REGION}:${OWNER}:log-group:/aws/lambda/f:log-stream:s`);
    for (const partition of ['aws', 'aws-cn', 'x']) {
      const arn = `arn:${partition}:logs:${REGION}:${OWNER}:log-group:/aws/lambda/f`;
      assert.deepEqual([named(arn), named(`${arn}:*`)], [plain, plain]);
    }
  });
});
