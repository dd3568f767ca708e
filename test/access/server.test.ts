import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  AddLayerVersionPermissionCommand,
  AddPermissionCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  DeleteResourcePolicyCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  type LambdaClient,
  ListFunctionsCommand,
  PublishLayerVersionCommand,
  PutResourcePolicyCommand,
  RemovePermissionCommand,
  TagResourceCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { signedHeaders } from '../../src/protocol/sign-request.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const OWNER = '111111111111';
const OTHER = '222222222222';
const REGION = 'us-east-1';
const FUNCTION = `arn:aws:lambda:${REGION}:${OWNER}:function:f`;
const ALICE = `arn:aws:iam::${OWNER}:user/alice`;
const WORKER = `arn:aws:sts::${OTHER}:assumed-role/worker/night`;

const statement = (Action: string, Resource: string, more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const key = (name: string, account: string, more: object = {}) => ({
  accessKeyId: `AKID${name}`,
  secretAccessKey: `secret of ${name}`,
  account,
  ...more,
});

const keys = [
  key('OWNER', OWNER),
  key('ALICE', OWNER, { user: 'alice', policies: 'alice.json' }),
  key('WORKER', OTHER, {
    role: 'worker',
    session: 'night',
    organization: 'o-0123456789',
    policies: [policy(statement('lambda:Get*', '*'), statement('lambda:InvokeFunction', `${FUNCTION}:*`))],
  }),
];
const ofAlice = policy(
  statement('lambda:GetFunction', `arn:aws:lambda:*:*:function:f`),
  statement('lambda:TagResource', '*', { Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'team' } } }),
  statement('logs:DescribeLogGroups', '*', { Condition: { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } } }),
);

describe('a server with three keys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-access-'));
  let server: TestServer;
  let owner: LambdaClient;
  let alice: LambdaClient;
  let worker: LambdaClient;

  const clientOf = (name: string) => {
    const found = keys.find(({ accessKeyId }) => accessKeyId === `AKID${name}`);
    assert.ok(found);
    return server.client({ region: REGION, credentials: found, maxAttempts: 1 });
  };

  before(async () => {
    const file = join(folder, 'credentials.json');
    writeFileSync(file, JSON.stringify({ keys }));
    writeFileSync(join(folder, 'alice.json'), JSON.stringify(ofAlice));
    server = await startTestServer({ args: ['--auth', 'sigv4', '--credentials', file] });
    [owner, alice, worker] = [clientOf('OWNER'), clientOf('ALICE'), clientOf('WORKER')];
    await owner.send(
      new CreateFunctionCommand({
        FunctionName: 'f',
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: `arn:aws:iam::${OWNER}:role/r`,
        Code: { ZipFile: await zipOf({ 'index.js': 'exports.handler = async () => 1;' }) },
      }),
    );
    await waitUntilFunctionActiveV2(
      { client: owner, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: 'f' },
    );
  });

  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  function refusal(who: string, action: string, resource: string, why: string) {
    const message = `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
    return { name: 'AccessDeniedException', message };
  }

  const silent = (side: 'identity' | 'resource', action: string) =>
    `because no ${side}-based policy allows the ${action} action`;

  it('lets a user do what its policies allow, and nothing else', async () => {
    const found = await alice.send(new GetFunctionCommand({ FunctionName: 'f' }));
    assert.equal(found.Configuration?.FunctionArn, FUNCTION);
    assert.deepEqual(found.TagsError, {
      ErrorCode: 'AccessDeniedException',
      Message: refusal(ALICE, 'lambda:ListTags', FUNCTION, silent('identity', 'lambda:ListTags')).message,
    });
    const action = 'lambda:GetFunctionConfiguration';
    await assert.rejects(
      alice.send(new GetFunctionConfigurationCommand({ FunctionName: 'nothing' })),
      refusal(ALICE, action, `arn:aws:lambda:${REGION}:${OWNER}:function:nothing`, silent('identity', action)),
    );
    await assert.rejects(
      alice.send(new ListFunctionsCommand({})),
      refusal(ALICE, 'lambda:ListFunctions', '*', silent('identity', 'lambda:ListFunctions')),
    );
    await alice.send(new TagResourceCommand({ Resource: FUNCTION, Tags: { team: 'red' } }));
    const tagged = await owner.send(new GetFunctionCommand({ FunctionName: 'f' }));
    assert.deepEqual([tagged.Tags, tagged.TagsError], [{ team: 'red' }, undefined]);
    await assert.rejects(
      alice.send(new TagResourceCommand({ Resource: FUNCTION, Tags: { team: 'red', cost: '1' } })),
      refusal(ALICE, 'lambda:TagResource', FUNCTION, silent('identity', 'lambda:TagResource')),
    );
  });

  it('lets another account in when both sides allow it, in the account of the owner', async () => {
    const get = () => worker.send(new GetFunctionCommand({ FunctionName: FUNCTION }));
    await assert.rejects(
      get,
      refusal(WORKER, 'lambda:GetFunction', FUNCTION, silent('resource', 'lambda:GetFunction')),
    );
    const permission = { FunctionName: 'f', StatementId: 's', Action: 'lambda:GetFunction' };
    await owner.send(new AddPermissionCommand({ ...permission, Principal: `arn:aws:iam::${OTHER}:role/worker` }));
    assert.equal((await get()).Configuration?.FunctionArn, FUNCTION);
    await assert.rejects(worker.send(new GetFunctionCommand({ FunctionName: 'f' })), {
      name: 'ResourceNotFoundException',
      message: `Function not found: arn:aws:lambda:${REGION}:${OTHER}:function:f`,
    });
    await owner.send(new RemovePermissionCommand({ FunctionName: 'f', StatementId: 's' }));
    await assert.rejects(get, { name: 'AccessDeniedException' });
  });

  it('asks for the permission of the caller when the owner has given it', async () => {
    const Action = 'lambda:DeleteFunction';
    await owner.send(
      new AddPermissionCommand({ FunctionName: 'f', StatementId: 'd', Action: 'lambda:*', Principal: OTHER }),
    );
    await assert.rejects(
      worker.send(new DeleteFunctionCommand({ FunctionName: FUNCTION })),
      refusal(WORKER, Action, FUNCTION, silent('identity', Action)),
    );
    await owner.send(new RemovePermissionCommand({ FunctionName: 'f', StatementId: 'd' }));
  });

  it('denies what the policy of a function denies, to its owner too', async () => {
    const denial = { Effect: 'Deny', Principal: '*', Action: 'lambda:GetFunction', Resource: FUNCTION };
    await owner.send(new PutResourcePolicyCommand({ ResourceArn: FUNCTION, Policy: JSON.stringify(policy(denial)) }));
    const why = 'with an explicit deny in a resource-based policy';
    for (const [client, who] of [
      [alice, ALICE],
      [owner, `arn:aws:iam::${OWNER}:root`],
    ] as const)
      await assert.rejects(
        client.send(new GetFunctionCommand({ FunctionName: 'f' })),
        refusal(who, 'lambda:GetFunction', FUNCTION, why),
      );
    await owner.send(new DeleteResourcePolicyCommand({ ResourceArn: FUNCTION }));
    await owner.send(new GetFunctionCommand({ FunctionName: 'f' }));
  });

  it('shares a layer version with an organisation', async () => {
    const content = { ZipFile: await zipOf({ 'a.txt': 'a' }) };
    const { LayerVersionArn: Arn = '' } = await owner.send(
      new PublishLayerVersionCommand({ LayerName: 'l', Content: content }),
    );
    const get = () => worker.send(new GetLayerVersionByArnCommand({ Arn }));
    const action = 'lambda:GetLayerVersion';
    await assert.rejects(get, refusal(WORKER, action, Arn, silent('resource', action)));
    const permission = { LayerName: 'l', VersionNumber: 1, Action: action, Principal: '*' };
    await owner.send(
      new AddLayerVersionPermissionCommand({ ...permission, StatementId: 'a', OrganizationId: 'o-9999999999' }),
    );
    await assert.rejects(get, { name: 'AccessDeniedException' });
    await owner.send(
      new AddLayerVersionPermissionCommand({ ...permission, StatementId: 'b', OrganizationId: 'o-0123456789' }),
    );
    assert.equal((await get()).LayerVersionArn, Arn);
  });

  it('guards the logs in the same way', async () => {
    const describeLogs = async (name: string, target: string, input: object) => {
      const found = keys.find(({ accessKeyId }) => accessKeyId === `AKID${name}`);
      assert.ok(found);
      const { host } = new URL(server.url);
      const headers = { host, 'x-amz-target': `Logs_20140328.${target}`, 'content-type': 'application/x-amz-json-1.1' };
      const body = Buffer.from(JSON.stringify(input));
      const request = { method: 'POST', path: '/', query: '', headers, body };
      const signed = signedHeaders(request, found, { region: REGION, service: 'logs' }, Date.now());
      const answer = await fetch(server.url, { method: 'POST', headers: signed, body });
      return [answer.status, (await answer.json()) as { readonly __type?: string }] as const;
    };
    const logGroupName = '/aws/lambda/f';
    const resource = `arn:aws:logs:${REGION}:${OWNER}:log-group:${logGroupName}:log-stream:`;
    assert.equal((await describeLogs('ALICE', 'DescribeLogGroups', {}))[0], 200);
    assert.deepEqual(await describeLogs('ALICE', 'FilterLogEvents', { logGroupName }), [
      400,
      {
        __type: 'AccessDeniedException',
        Message: refusal(ALICE, 'logs:FilterLogEvents', resource, silent('identity', 'logs:FilterLogEvents')).message,
      },
    ]);
    assert.equal(
      (await describeLogs('OWNER', 'FilterLogEvents', { logGroupName }))[1].__type,
      'ResourceNotFoundException',
    );
  });
});

it('a credentials file with a bad policy ends the start with one line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-access-'));
  const file = join(folder, 'credentials.json');
  writeFileSync(
    file,
    JSON.stringify({ keys: [key('BOB', OWNER, { user: 'bob', policies: [policy({ Effect: 'No' })] })] }),
  );
  await assert.rejects(startTestServer({ args: ['--auth', 'sigv4', '--credentials', file] }), (error: Error) => {
    const line = `${file}: key 1: policy 1: statement 1: Effect is neither Allow nor Deny`;
    assert.match(error.message, /ended with 1 before it listened/);
    assert.ok(error.message.includes(line), error.message);
    assert.ok(!error.message.includes('    at '), error.message);
    return true;
  });
  rmSync(folder, { recursive: true });
});
