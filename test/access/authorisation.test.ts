import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, it } from 'node:test';
import type { Identity } from '../../src/access/identity.ts';
import { readPolicy } from '../../src/access/policy-document.ts';
import { watchPolicies } from '../../src/access/policy-watch.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/model/api-error.ts';
import type { OperationName } from '../../src/model/operations.gen.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import type { Services } from '../../src/operations/operation.ts';
import { authorise } from '../../src/server/authorisation.ts';
import { RequestContext } from '../../src/server/request-context.ts';
import type { RecordKey, RecordKind } from '../../src/store/metadata.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';
import { inputs } from './every-operation.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const NOW_MS = Date.UTC(2026, 0, 1);
const arn = (resource: string, region = REGION) => `arn:aws:lambda:${region}:${OWNER}:${resource}`;
const FUNCTION = arn('function:f');

describe('a request', () => {
  let watched: ReturnType<typeof watchPolicies>;

  beforeEach(() => {
    watched = watchPolicies(memoryMetadata());
  });

  function user(...statements: readonly object[]): Identity {
    const document = { Version: '2012-10-17', Statement: statements };
    return { kind: 'user', name: 'alice', tags: {}, policies: [readPolicy(document, 'identity', '')] };
  }

  function contextOf(identity: Identity | undefined, account: string): RequestContext {
    const services = { metadata: watched.metadata, clock: new FakeClock(NOW_MS) } as unknown as Services;
    const request = {
      headers: { 'user-agent': 'test/1', referer: 'http://here' },
      socket: { remoteAddress: '127.0.0.1' },
    } as unknown as IncomingMessage;
    const caller = { account, accessKeyId: 'key', ...(identity === undefined ? {} : { identity }) };
    return new RequestContext(
      { requestId: 'id', caller, region: REGION },
      services,
      watched.policies,
      request,
      {} as ServerResponse,
    );
  }

  /** The account in which the operation runs, or the end of the refusal's text. */
  async function ask<Name extends OperationName>(
    name: Name,
    input: OperationInputs[Name],
    { identity, account = OWNER }: { readonly identity?: Identity; readonly account?: string } = {},
  ): Promise<string> {
    const context = contextOf(identity, account);
    try {
      await authorise(name, context, input, watched.policies);
      return context.account;
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.name, 'AccessDeniedException');
      return error.message.replace(/^.* (?:with|because) /, '');
    }
  }

  function put(kind: RecordKind, id: string, body: object, region = REGION) {
    const key: RecordKey = { account: OWNER, region, kind, id };
    return watched.metadata.commit([{ type: 'put', key, body }]);
  }

  const policyOf = (...statements: readonly object[]) => ({ policy: { version: '2012-10-17', statements } });
  const openTo = (principal: string, Resource = '*', more: object = {}) =>
    policyOf({ Effect: 'Allow', Principal: { AWS: principal }, Action: '*', Resource, ...more });

  /** Whether a user may who has one statement with this condition. */
  async function isMet<Name extends OperationName>(name: Name, input: OperationInputs[Name], condition: object) {
    const identity = user(
      { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition },
      { Effect: 'Allow', Action: ['lambda:GetLayerVersion', 'lambda:TagResource', 'iam:PassRole'], Resource: '*' },
    );
    return (await ask(name, input, { identity })) === OWNER;
  }

  it('by root for what is its own is allowed without waiting, once it is known that no policy forbids it', async () => {
    const context = contextOf(undefined, OWNER);
    const run = (name: OperationName, input: object) =>
      authorise(name, context, input as OperationInputs[typeof name], watched.policies);
    assert.ok(run('Invoke', { FunctionName: 'f' }) instanceof Promise);
    await run('Invoke', { FunctionName: 'f' });
    for (const name of ['f', 'f:live', FUNCTION, `${OWNER}:f`])
      assert.equal(run('Invoke', { FunctionName: name, Qualifier: undefined }), undefined);
    assert.equal(run('GetFunction', { FunctionName: 'f', Qualifier: '1' }), undefined);
    assert.equal(run('ListFunctions', {}), undefined);
    await put('function-policy', 'f:live', openTo('*'));
    assert.ok(run('Invoke', { FunctionName: 'f', Qualifier: 'live' }) instanceof Promise);
  });

  it('of root about the policy of its own function is never denied, so that no policy stays for good', async () => {
    await put('function-policy', 'f:$LATEST', openTo('*', '*', { Effect: 'Deny' }));
    const names = ['GetResourcePolicy', 'PutResourcePolicy', 'DeleteResourcePolicy'] as const;
    const input = { ResourceArn: FUNCTION, Policy: '{}' };
    const denied = 'an explicit deny in a resource-based policy';
    for (const name of names) {
      assert.equal(await ask(name, input), OWNER);
      assert.equal(await ask(name, input, { identity: user({ Effect: 'Allow', Action: '*', Resource: '*' }) }), denied);
      assert.equal(await ask(name, input, { account: OTHER }), denied);
    }
    assert.equal(await ask('DeleteFunction', { FunctionName: 'f' }), denied);
  });

  it('is held against the policy of the very qualifier that it names', async () => {
    const invoke = (FunctionName: string) => ask('Invoke', { FunctionName }, { account: OTHER });
    const silent = 'no resource-based policy allows the lambda:InvokeFunction action';
    await put('function-policy', 'f:live', openTo(OTHER, `${FUNCTION}:live`));
    assert.equal(await invoke(`${FUNCTION}:live`), OWNER);
    assert.equal(await invoke(`${OWNER}:function:f:live`), OWNER);
    assert.equal(await invoke(FUNCTION), silent);
    assert.equal(await invoke(`${FUNCTION}:1`), silent);
    await put('function-policy', 'f:$LATEST', openTo(OTHER, FUNCTION));
    assert.equal(await invoke(FUNCTION), OWNER);
    assert.equal(await invoke(`${FUNCTION}:$LATEST`), silent);
    assert.equal(await invoke('f'), OTHER);
  });

  it('sees no policies of another region', async () => {
    await put('function-policy', 'f:$LATEST', openTo(OTHER), 'eu-west-1');
    const name = arn('function:f', 'eu-west-1');
    assert.match(await ask('GetFunction', { FunctionName: name }, { account: OTHER }), /^no resource-based policy/);
  });

  it('can be made to depend on what it brings', async () => {
    const create = inputs.CreateFunction;
    const layers = { ...create, Layers: [arn('layer:a:1'), arn('layer:b:2')] };
    const onlyA = { 'ForAllValues:StringLike': { 'lambda:Layer': arn('layer:a:*') } };
    assert.equal(await isMet('CreateFunction', layers, onlyA), false);
    assert.equal(await isMet('CreateFunction', { ...create, Layers: [arn('layer:a:1')] }, onlyA), true);
    assert.equal(await isMet('CreateFunction', create, { Null: { 'lambda:Layer': 'true' } }), true);
    const vpc = { ...create, VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1', 'sg-2'] } };
    assert.equal(await isMet('CreateFunction', vpc, { StringEquals: { 'lambda:SubnetIds': 'subnet-1' } }), true);
    const groups = { 'ForAnyValue:StringEquals': { 'lambda:SecurityGroupIds': 'sg-2' } };
    assert.equal(
      await isMet('UpdateFunctionConfiguration', { FunctionName: 'f', VpcConfig: vpc.VpcConfig }, groups),
      true,
    );
    const tagged = { ...create, Tags: { team: 'red' } };
    const red = {
      StringEquals: { 'aws:RequestTag/Team': 'red' },
      'ForAllValues:StringEquals': { 'aws:TagKeys': 'team' },
    };
    assert.equal(await isMet('CreateFunction', tagged, red), true);
    assert.equal(await isMet('CreateFunction', create, red), false);
    assert.equal(
      await isMet(
        'UntagResource',
        { Resource: FUNCTION, TagKeys: ['cost'] },
        { StringEquals: { 'aws:TagKeys': 'team' } },
      ),
      false,
    );
    const signed = {
      StringEquals: { 'lambda:CodeSigningConfigArn': inputs.GetCodeSigningConfig.CodeSigningConfigArn },
    };
    assert.equal(await isMet('PutFunctionCodeSigningConfig', inputs.PutFunctionCodeSigningConfig, signed), true);
    const principal = { StringEquals: { 'lambda:Principal': 's3.amazonaws.com' } };
    assert.equal(await isMet('AddPermission', inputs.AddPermission, principal), true);
    assert.equal(await isMet('AddPermission', { ...inputs.AddPermission, Principal: '*' }, principal), false);
    const none = { StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE' } };
    assert.equal(await isMet('CreateFunctionUrlConfig', inputs.CreateFunctionUrlConfig, none), true);
    const mapped = { ArnLike: { 'lambda:FunctionArn': arn('function:f*') } };
    assert.equal(await isMet('CreateEventSourceMapping', inputs.CreateEventSourceMapping, mapped), true);
  });

  it('can be made to depend on what is there', async () => {
    const red = { StringEquals: { 'aws:ResourceTag/team': 'red' } };
    const get = () => isMet('GetFunction', { FunctionName: 'f' }, red);
    assert.equal(await get(), false);
    await put('function', 'f', { name: 'f', tags: { Team: 'red' } });
    assert.equal(await get(), true);
    const { UUID } = inputs.DeleteEventSourceMapping;
    await put('event-source-mapping', UUID, { functionName: 'f', qualifier: 'live', tags: { team: 'red' } });
    assert.equal(await isMet('DeleteEventSourceMapping', { UUID }, red), true);
    const mapped = { ArnEquals: { 'lambda:FunctionArn': `${FUNCTION}:live` } };
    assert.equal(await isMet('UpdateEventSourceMapping', { UUID }, mapped), true);
    assert.equal(await isMet('UpdateEventSourceMapping', { UUID, FunctionName: 'g' }, mapped), false);
    await put('function-url', 'f:live', { authType: 'AWS_IAM' });
    const iam = { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } };
    assert.equal(await isMet('DeleteFunctionUrlConfig', { FunctionName: 'f', Qualifier: 'live' }, iam), true);
    assert.equal(
      await isMet('UpdateFunctionUrlConfig', { FunctionName: 'f', Qualifier: 'live', AuthType: 'NONE' }, iam),
      false,
    );
    await put('code-signing-config', 'csc-0123456789abcdef0', { tags: { team: 'red' } });
    assert.equal(await isMet('GetCodeSigningConfig', inputs.GetCodeSigningConfig, red), true);
    await put(
      'function-policy',
      'f:$LATEST',
      policyOf({ Sid: 's', Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: '*', Resource: '*' }),
    );
    const principal = { StringEquals: { 'lambda:Principal': 's3.amazonaws.com' } };
    assert.equal(await isMet('RemovePermission', { FunctionName: 'f', StatementId: 's' }, principal), true);
  });

  it('can be made to depend on how and when it comes', async () => {
    const met = (condition: object) => isMet('GetFunction', { FunctionName: 'f' }, condition);
    assert.equal(await met({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }), true);
    assert.equal(await met({ DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:01Z' } }), true);
    assert.equal(await met({ NumericGreaterThan: { 'aws:EpochTime': NOW_MS / 1000 } }), false);
    assert.equal(await met({ Bool: { 'aws:SecureTransport': 'true' } }), false);
    assert.equal(await met({ StringLike: { 'aws:UserAgent': 'test/*', 'aws:Referer': 'http://*' } }), true);
    assert.equal(await met({ StringEquals: { 'aws:RequestedRegion': REGION, 'aws:ResourceAccount': OWNER } }), true);
    assert.equal(await met({ Null: { 'aws:SourceArn': 'true', 'aws:SourceAccount': 'true' } }), true);
    const direct = { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } };
    assert.equal(await isMet('Invoke', { FunctionName: 'f' }, direct), false);
  });

  it('for a function with layers needs leave to get them, unless the function has them already', async () => {
    const layer = `arn:aws:lambda:${REGION}:${OTHER}:layer:l:1`;
    const may = user({ Effect: 'Allow', Action: '*', Resource: '*' });
    const update = (identity?: Identity) =>
      ask('UpdateFunctionConfiguration', { FunctionName: 'f', Layers: [layer] }, { ...(identity && { identity }) });
    const silent = 'no resource-based policy allows the lambda:GetLayerVersion action';
    assert.equal(await ask('CreateFunction', { ...inputs.CreateFunction, Layers: [layer] }), silent);
    assert.equal(await update(), silent);
    assert.equal(await update(may), silent);
    await put('function', 'f', { name: 'f', tags: {}, latest: { settings: { layers: [{ arn: layer }] } } });
    assert.equal(await update(), OWNER);
    assert.equal(await update(may), OWNER);
    const mayNot = user({ Effect: 'Allow', NotAction: 'lambda:GetLayerVersion', Resource: '*' });
    assert.equal(await update(mayNot), 'no identity-based policy allows the lambda:GetLayerVersion action');
  });

  it('that makes something with tags needs leave to tag', async () => {
    const identity = user({ Effect: 'Allow', NotAction: 'lambda:TagResource', Resource: '*' });
    const silent = 'no identity-based policy allows the lambda:TagResource action';
    const Tags = { team: 'red' };
    assert.equal(await ask('CreateFunction', { ...inputs.CreateFunction, Tags }, { identity }), silent);
    assert.equal(
      await ask('CreateCodeSigningConfig', { ...inputs.CreateCodeSigningConfig, Tags }, { identity }),
      silent,
    );
    assert.equal(
      await ask('CreateEventSourceMapping', { ...inputs.CreateEventSourceMapping, Tags }, { identity }),
      silent,
    );
    assert.equal(await ask('CreateCapacityProvider', { ...inputs.CreateCapacityProvider, Tags }, { identity }), silent);
    assert.equal(await ask('CreateFunction', inputs.CreateFunction, { identity }), OWNER);
  });

  it('that gives a function a role needs leave to pass it, in the account of the function', async () => {
    const { Role } = inputs.CreateFunction;
    const lambda = { Effect: 'Allow', Action: 'lambda:*', Resource: '*' };
    const pass = (Resource: string, service: string) => ({
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource,
      Condition: { StringEquals: { 'iam:PassedToService': service } },
    });
    const silent = (side: string) => `no ${side}-based policy allows the iam:PassRole action`;
    const update = { FunctionName: FUNCTION, Role };
    for (const name of ['CreateFunction', 'UpdateFunctionConfiguration'] as const) {
      const input = name === 'CreateFunction' ? inputs.CreateFunction : update;
      const may = (...statements: object[]) => ask(name, input, { identity: user(lambda, ...statements) });
      assert.equal(await may(), silent('identity'));
      assert.equal(await may(pass(`${Role}2`, 'lambda.amazonaws.com')), silent('identity'));
      assert.equal(await may(pass(Role, 'ec2.amazonaws.com')), silent('identity'));
      assert.equal(await may(pass(Role, 'lambda.amazonaws.com')), OWNER);
      assert.equal(await ask(name, input), OWNER);
    }
    assert.equal(
      await ask('UpdateFunctionConfiguration', { FunctionName: FUNCTION }, { identity: user(lambda) }),
      OWNER,
    );
    await put('function-policy', 'f:$LATEST', openTo(OTHER));
    const other = { identity: user({ Effect: 'Allow', Action: '*', Resource: '*' }), account: OTHER };
    assert.equal(await ask('UpdateFunctionConfiguration', { FunctionName: FUNCTION }, other), OWNER);
    assert.equal(await ask('UpdateFunctionConfiguration', update, other), silent('resource'));
  });
});
