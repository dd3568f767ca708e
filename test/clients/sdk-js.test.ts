// The life of a function as told by @aws-sdk/client-lambda: its waiters, paginators and error classes included.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetAliasCommand,
  GetFunctionCommand,
  InvalidParameterValueException,
  InvokeCommand,
  type InvokeCommandInput,
  type LambdaClient,
  ListTagsCommand,
  PreconditionFailedException,
  PublishVersionCommand,
  paginateListFunctions,
  paginateListVersionsByFunction,
  ResourceConflictException,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { greeterZip, ROLE, servers } from './story.ts';

const WAIT_S_MAX = 30;
const FunctionName = 'greeter';

async function create(client: LambdaClient, name: string, greeting: string) {
  return await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: ROLE,
      Timeout: 10,
      Code: { ZipFile: await greeterZip(greeting) },
      Environment: { Variables: { MOOD: 'fine' } },
      Tags: { team: 'one' },
    }),
  );
}

async function invoke(client: LambdaClient, event: unknown, more: Partial<InvokeCommandInput> = {}) {
  const answer = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...more }));
  const text = Buffer.from(answer.Payload ?? []).toString('utf8');
  return { ...answer, answer: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>) };
}

const waiting = (client: LambdaClient) => ({ client, maxWaitTime: WAIT_S_MAX, minDelay: 1, maxDelay: 1 });

for (const { title, asUser } of servers)
  describe(`@aws-sdk/client-lambda with ${title}`, () => {
    let server: TestServer;
    let client: LambdaClient;
    before(async () => {
      server = await startTestServer(asUser ? { asUser } : {});
      client = server.client();
    });
    after(async () => {
      if (server) assert.deepEqual(await server.stop(), { code: 0, signal: null });
    });

    test('create, and wait until active', async () => {
      const created = await create(client, FunctionName, 'Hello');
      assert.equal(created.State, 'Pending');
      assert.equal(created.FunctionArn, 'arn:aws:lambda:us-east-1:000000000000:function:greeter');
      await waitUntilFunctionActiveV2(waiting(client), { FunctionName });
      const found = await client.send(new GetFunctionCommand({ FunctionName }));
      assert.equal(found.Configuration?.State, 'Active');
      assert.deepEqual(found.Tags, { team: 'one' });
      const zip = Buffer.from(await (await fetch(String(found.Code?.Location))).arrayBuffer());
      assert.deepEqual(zip, await greeterZip('Hello'));
    });

    test('invoke: the answer, the log, a dry run, a failure', async () => {
      const good = await invoke(client, { name: 'Ada' }, { LogType: 'Tail' });
      assert.deepEqual(good.answer, { message: 'Hello, Ada!', version: '$LATEST', mood: 'fine' });
      assert.equal(good.StatusCode, 200);
      assert.equal(good.ExecutedVersion, '$LATEST');
      assert.equal(good.FunctionError, undefined);
      const log = Buffer.from(String(good.LogResult), 'base64').toString('utf8');
      assert.match(log, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/m);
      assert.match(log, /INFO\tgreeting Ada/);
      assert.match(log, /^REPORT RequestId: .*Billed Duration: \d+ ms/m);
      assert.equal((await invoke(client, {}, { InvocationType: 'DryRun' })).StatusCode, 204);
      const bad = await invoke(client, { fail: true });
      assert.equal(bad.FunctionError, 'Unhandled');
      assert.equal(bad.answer?.['errorType'], 'RangeError');
      assert.equal(bad.answer?.['errorMessage'], 'asked to fail');
    });

    test('publish, update code and configuration, and wait until updated', async () => {
      assert.equal((await client.send(new PublishVersionCommand({ FunctionName }))).Version, '1');
      await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: await greeterZip('Goodbye') }));
      await waitUntilFunctionUpdatedV2(waiting(client), { FunctionName });
      const Environment = { Variables: { MOOD: 'sad' } };
      await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment }));
      await waitUntilFunctionUpdatedV2(waiting(client), { FunctionName });
      const latest = await invoke(client, { name: 'Ada' });
      assert.deepEqual(latest.answer, { message: 'Goodbye, Ada!', version: '$LATEST', mood: 'sad' });
      const first = await invoke(client, { name: 'Ada' }, { Qualifier: '1' });
      assert.deepEqual(first.answer, { message: 'Hello, Ada!', version: '1', mood: 'fine' });
      assert.equal(first.ExecutedVersion, '1');
      assert.equal((await client.send(new PublishVersionCommand({ FunctionName }))).Version, '2');
      await waitUntilFunctionActiveV2(waiting(client), { FunctionName, Qualifier: '2' });
    });

    test('an alias with weights goes to both versions, and to one without', async () => {
      const RoutingConfig = { AdditionalVersionWeights: { '2': 0.5 } };
      const live = { FunctionName, Name: 'live' };
      await client.send(new CreateAliasCommand({ ...live, FunctionVersion: '1', RoutingConfig }));
      const alias = await client.send(new GetAliasCommand(live));
      assert.deepEqual(alias.RoutingConfig, RoutingConfig);
      const seen = new Set<string | undefined>();
      // With even odds, 64 invokes that all go the same way are less likely than one in 10^18.
      for (let n = 0; n < 64 && seen.size < 2; n++)
        seen.add((await invoke(client, { name: 'Ada' }, { Qualifier: 'live' })).ExecutedVersion);
      assert.deepEqual([...seen].sort(), ['1', '2']);
      await client.send(new UpdateAliasCommand({ ...live, FunctionVersion: '2', RoutingConfig: {} }));
      const two = await invoke(client, { name: 'Ada' }, { FunctionName: `${FunctionName}:live` });
      assert.equal(two.ExecutedVersion, '2');
    });

    test('paginators reach every version and every function', async () => {
      for (const name of ['other-a', 'other-b']) await create(client, name, 'Hi');
      const names: (string | undefined)[] = [];
      let pages = 0;
      for await (const page of paginateListFunctions({ client, pageSize: 2 }, {})) {
        names.push(...(page.Functions ?? []).map((it) => it.FunctionName));
        pages++;
      }
      assert.deepEqual(names.sort(), ['greeter', 'other-a', 'other-b']);
      assert.ok(pages >= 2, `${pages} pages`);
      const versions: (string | undefined)[] = [];
      for await (const page of paginateListVersionsByFunction({ client, pageSize: 1 }, { FunctionName }))
        versions.push(...(page.Versions ?? []).map((it) => it.Version));
      assert.deepEqual(versions, ['$LATEST', '1', '2']);
    });

    test('tags come and go', async () => {
      const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:greeter';
      await client.send(new TagResourceCommand({ Resource, Tags: { stage: 'test', 'cost/centre': '4 2' } }));
      await client.send(new UntagResourceCommand({ Resource, TagKeys: ['team', 'stage'] }));
      assert.deepEqual((await client.send(new ListTagsCommand({ Resource }))).Tags, { 'cost/centre': '4 2' });
    });

    test('errors arrive as their classes', async () => {
      const missing = { FunctionName: 'nobody-made-this' };
      await assert.rejects(client.send(new GetFunctionCommand(missing)), ResourceNotFoundException);
      await assert.rejects(create(client, FunctionName, 'Hello'), ResourceConflictException);
      const stale = { FunctionName, RevisionId: '00000000-0000-0000-0000-000000000000', Description: 'x' };
      await assert.rejects(client.send(new UpdateFunctionConfigurationCommand(stale)), PreconditionFailedException);
      const noZip = { FunctionName, ZipFile: Buffer.from('no zip') };
      await assert.rejects(client.send(new UpdateFunctionCodeCommand(noZip)), InvalidParameterValueException);
      await assert.rejects(client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 901 })), {
        name: 'ValidationException',
        message: /'timeout' failed to satisfy constraint: Member must have value less than or equal to 900/,
      });
    });

    test('delete, and nothing is left', async () => {
      await client.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }));
      for (const name of [FunctionName, 'other-a', 'other-b'])
        await client.send(new DeleteFunctionCommand({ FunctionName: name }));
      await assert.rejects(invoke(client, {}), ResourceNotFoundException);
      for await (const page of paginateListFunctions({ client }, {})) assert.deepEqual(page.Functions, []);
    });
  });
