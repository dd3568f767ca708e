// The whole control plane as told by @aws-sdk/client-lambda: its waiters, paginators and error classes included.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  type CreateFunctionCommandInput,
  type InvokeCommandInput,
  Lambda,
  paginateListAliases,
  paginateListCodeSigningConfigs,
  paginateListEventSourceMappings,
  paginateListFunctionEventInvokeConfigs,
  paginateListFunctions,
  paginateListFunctionsByCodeSigningConfig,
  paginateListFunctionUrlConfigs,
  paginateListLayers,
  paginateListLayerVersions,
  paginateListProvisionedConcurrencyConfigs,
  paginateListVersionsByFunction,
  ResourceNotFoundException,
  type Runtime,
  type UpdateFunctionConfigurationCommandInput,
  waitUntilFunctionActiveV2,
  waitUntilFunctionExists,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
} from '@aws-sdk/client-lambda';
import { skipWithoutMoto } from '../support/moto.ts';
import { assertFails, gather } from './sdk-js-answers.ts';
import { type Stage, type Story, servers, setStage, until } from './story.ts';

const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const WAIT_S_MAX = 30;

for (const { title, asUser } of servers)
  describe(`@aws-sdk/client-lambda with ${title}`, { skip: skipWithoutMoto() }, () => {
    let stage: Stage;
    let story: Story;
    let client: Lambda;
    let FunctionName: string;
    before(async () => {
      stage = await setStage(asUser);
      story = stage.story;
      client = new Lambda({ ...CREDENTIALS, endpoint: stage.server.url });
      FunctionName = story.name;
    });
    after(async () => {
      client?.destroy();
      await stage?.stop();
    });

    const waiting = () => ({ client, maxWaitTime: WAIT_S_MAX, minDelay: 1, maxDelay: 1 });
    const paging = () => ({ client, pageSize: story.pageSize });
    const live = () => ({ FunctionName, Qualifier: 'live' });

    const fails = (promise: Promise<unknown>, expected: keyof Story['errors']) =>
      assertFails(promise, story.errors[expected]);

    async function create(name: string, Code: CreateFunctionCommandInput['Code']) {
      return await client.createFunction({
        FunctionName: name,
        Runtime: story.runtime as Runtime,
        Handler: story.handler,
        Role: story.role,
        Code,
        Environment: { Variables: { MOOD: 'fine' } },
        Tags: { team: 'one' },
      });
    }

    async function configure(settings: Omit<UpdateFunctionConfigurationCommandInput, 'FunctionName'>) {
      const updated = await client.updateFunctionConfiguration({ FunctionName, ...settings });
      assert.equal(updated.LastUpdateStatus, 'InProgress');
      await waitUntilFunctionUpdatedV2(waiting(), { FunctionName });
      return await client.getFunctionConfiguration({ FunctionName });
    }

    async function invoke(event: unknown, more: Partial<InvokeCommandInput> = {}) {
      const answer = await client.invoke({ FunctionName, Payload: JSON.stringify(event), ...more });
      const text = Buffer.from(answer.Payload ?? []).toString('utf8');
      return { ...answer, body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>) };
    }

    test('create from a zip and from S3, and wait until active', async () => {
      const created = await create(FunctionName, { ZipFile: readFileSync(story.zipFile) });
      assert.equal(created.State, 'Pending');
      assert.equal(created.FunctionArn, story.arn);
      await waitUntilFunctionExists(waiting(), { FunctionName });
      await waitUntilFunctionActiveV2(waiting(), { FunctionName });
      const found = await client.getFunction({ FunctionName });
      assert.equal(found.Configuration?.State, 'Active');
      assert.deepEqual(found.Tags, { team: 'one' });
      const zip = Buffer.from(await (await fetch(String(found.Code?.Location))).arrayBuffer());
      assert.deepEqual(zip, readFileSync(story.zipFile));
      const fromS3 = await create(story.nameFromS3, { S3Bucket: story.bucket, S3Key: story.key });
      assert.equal(fromS3.CodeSha256, created.CodeSha256);
      await waitUntilFunctionActiveV2(waiting(), { FunctionName: story.nameFromS3 });
      await fails(create(FunctionName, { ZipFile: zip }), 'functionExists');
      await fails(create('no-zip', { ZipFile: Buffer.from('no zip') }), 'noZip');
      await fails(create('no-object', { S3Bucket: story.bucket, S3Key: 'nobody-put-this' }), 'missingObject');
      await fails(client.getFunction({ FunctionName: 'nobody-made-this' }), 'missingFunction');
    });

    test('invoke: the answer, the log, a dry run, a failure', async () => {
      const good = await invoke({ name: 'Ada' }, { LogType: 'Tail' });
      assert.deepEqual(good.body, { message: 'Hello, Ada!', version: '$LATEST', mood: 'fine', memory: '128' });
      assert.deepEqual([good.StatusCode, good.ExecutedVersion, good.FunctionError], [200, '$LATEST', undefined]);
      const log = Buffer.from(String(good.LogResult), 'base64').toString('utf8');
      assert.match(log, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/m);
      assert.match(log, /INFO\tgreeting Ada/);
      assert.match(log, /^REPORT RequestId: .*Billed Duration: \d+ ms/m);
      assert.equal((await invoke({}, { InvocationType: 'DryRun' })).StatusCode, 204);
      const bad = await invoke({ fail: true });
      assert.equal(bad.FunctionError, 'Unhandled');
      assert.equal(bad.body?.['errorType'], 'RangeError');
      assert.equal(bad.body?.['errorMessage'], 'asked to fail');
    });

    test('configure', async () => {
      const settings = {
        MemorySize: story.memorySize,
        Environment: { Variables: { MOOD: 'grand' } },
        KMSKeyArn: story.kmsKeyArn,
        LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'DEBUG', SystemLogLevel: 'INFO' },
        VpcConfig: { SubnetIds: [story.subnet], SecurityGroupIds: [story.securityGroup] },
      } as const;
      const found = await configure(settings as unknown as Parameters<typeof configure>[0]);
      assert.partialDeepStrictEqual(found, settings);
      assert.match(found.VpcConfig?.VpcId ?? '', /^vpc-/);
      const { body } = await invoke({ name: 'Ada' });
      assert.deepEqual([body?.['mood'], body?.['memory']], ['grand', String(story.memorySize)]);
      const stale = { FunctionName, RevisionId: '00000000-0000-0000-0000-000000000000', Timeout: 3 };
      await fails(client.updateFunctionConfiguration(stale), 'staleRevision');
      await fails(client.updateFunctionConfiguration({ FunctionName, Timeout: 901 }), 'longTimeout');
    });

    test('layers: published, used, listed, given away', async () => {
      const layer = { LayerName: story.layer, VersionNumber: 1 };
      const Content = { ZipFile: readFileSync(story.layerZipFile) };
      const CompatibleRuntimes = [story.runtime as Runtime];
      const publish = (runtimes?: Runtime[]) =>
        client.publishLayerVersion({
          LayerName: story.layer,
          Content,
          ...(runtimes ? { CompatibleRuntimes: runtimes } : {}),
        });
      const { LayerArn, LayerVersionArn = '' } = await publish(CompatibleRuntimes);
      assert.equal(LayerArn, story.layerArn);
      for (const _ of [2, 3]) await publish();
      await configure({ Layers: [LayerVersionArn] });
      assert.equal((await invoke({ name: 'Ada', layer: true })).body?.['message'], 'Ahoy, Ada!');
      const versions = await gather(paginateListLayerVersions(paging(), layer), (page) => page.LayerVersions);
      assert.deepEqual([versions.items.map((it) => it.Version), versions.count], [[3, 2, 1], 2]);
      const listed = await gather(
        paginateListLayers(paging(), { CompatibleRuntime: story.runtime as Runtime }),
        (page) => page.Layers,
      );
      assert.deepEqual(
        listed.items.map((it) => it.LatestMatchingVersion?.Version),
        [1],
      );
      const byArn = await client.getLayerVersionByArn({ Arn: LayerVersionArn });
      const byNumber = await client.getLayerVersion(layer);
      assert.equal(byArn.Content?.CodeSha256, byNumber.Content?.CodeSha256);
      const everyone = { StatementId: 'all', Action: 'lambda:GetLayerVersion', Principal: '*' };
      await client.addLayerVersionPermission({ ...layer, ...everyone });
      assert.match((await client.getLayerVersionPolicy(layer)).Policy ?? '', /"Sid":"all"/);
      await client.removeLayerVersionPermission({ ...layer, StatementId: 'all' });
      await fails(client.getLayerVersionPolicy(layer), 'missingLayerPolicy');
      await fails(client.getLayerVersion({ ...layer, VersionNumber: 9 }), 'missingLayer');
    });

    test('publish, update the code, and wait', async () => {
      assert.equal((await client.publishVersion({ FunctionName })).Version, '1');
      await waitUntilPublishedVersionActive(waiting(), { FunctionName, Qualifier: '1' });
      const ZipFile = readFileSync(story.laterZipFile);
      await client.updateFunctionCode({ FunctionName, ZipFile });
      await waitUntilFunctionUpdatedV2(waiting(), { FunctionName });
      assert.equal((await client.publishVersion({ FunctionName })).Version, '2');
      await waitUntilFunctionActiveV2(waiting(), { FunctionName, Qualifier: '2' });
      const first = await invoke({ name: 'Ada' }, { Qualifier: '1' });
      assert.deepEqual([first.body?.['message'], first.ExecutedVersion], ['Hello, Ada!', '1']);
      const second = await invoke({ name: 'Ada' }, { Qualifier: '2' });
      assert.deepEqual([second.body?.['message'], second.ExecutedVersion], ['Goodbye, Ada!', '2']);
      const versions = await gather(paginateListVersionsByFunction(paging(), { FunctionName }), (it) => it.Versions);
      assert.deepEqual([versions.items.map((it) => it.Version), versions.count], [['$LATEST', '1', '2'], 2]);
    });

    test('an alias with weights goes to both versions, and to one without', async () => {
      const RoutingConfig = { AdditionalVersionWeights: { '2': story.weight } };
      const named = { FunctionName, Name: 'live' };
      const made = await client.createAlias({ ...named, FunctionVersion: '1', RoutingConfig });
      assert.equal(made.AliasArn, `${story.arn}:live`);
      assert.deepEqual((await client.getAlias(named)).RoutingConfig, RoutingConfig);
      const seen = new Set<string | undefined>();
      // With even odds, 64 invokes that all go the same way are less likely than one in 10^18.
      for (let n = 0; n < 64 && seen.size < 2; n++) seen.add((await invoke({}, live())).ExecutedVersion);
      assert.deepEqual([...seen].sort(), ['1', '2']);
      await fails(client.updateAlias({ ...named, RevisionId: 'stale' }), 'staleRevision');
      await client.updateAlias({ ...named, FunctionVersion: '2', RoutingConfig: {} });
      assert.equal((await invoke({}, { FunctionName: `${FunctionName}:live` })).ExecutedVersion, '2');
      await client.updateAlias({ ...named, FunctionVersion: '1' });
      for (const Name of ['blue', 'green']) await client.createAlias({ FunctionName, Name, FunctionVersion: '2' });
      const aliases = await gather(paginateListAliases(paging(), { FunctionName }), (page) => page.Aliases);
      assert.deepEqual([aliases.items.map((it) => it.Name), aliases.count], [['blue', 'green', 'live'], 2]);
      await fails(client.getAlias({ FunctionName, Name: 'nobody' }), 'missingAlias');
      await fails(client.deleteFunction({ FunctionName, Qualifier: '1' }), 'versionInUse');
    });

    test('a permission and the policy that it makes', async () => {
      const permission = { StatementId: 'sns', Action: 'lambda:InvokeFunction', Principal: 'sns.amazonaws.com' };
      const added = await client.addPermission({ ...live(), ...permission, SourceArn: story.topicArn });
      const statement = JSON.parse(added.Statement ?? '');
      assert.equal(statement.Resource, `${story.arn}:live`);
      assert.deepEqual(statement.Condition, { ArnLike: { 'AWS:SourceArn': story.topicArn } });
      const { Policy = '' } = await client.getPolicy(live());
      assert.deepEqual(JSON.parse(Policy).Statement, [statement]);
      await client.removePermission({ ...live(), StatementId: 'sns' });
      await fails(client.getPolicy(live()), 'missingPolicy');
      const whole = { ResourceArn: story.arn };
      const Principal = { AWS: `arn:aws:iam::123456789012:root` };
      const Statement = {
        Sid: 'them',
        Effect: 'Allow',
        Principal,
        Action: 'lambda:InvokeFunction',
        Resource: story.arn,
      };
      const written = JSON.stringify({ Version: '2012-10-17', Statement: [Statement] });
      const { RevisionId } = await client.putResourcePolicy({ ...whole, Policy: written });
      const read = await client.getResourcePolicy(whole);
      assert.deepEqual([JSON.parse(read.Policy ?? ''), read.RevisionId], [JSON.parse(written), RevisionId]);
      await client.deleteResourcePolicy(whole);
      await fails(client.getResourcePolicy(whole), 'missingPolicy');
    });

    test('function URL and event invoke configs', async () => {
      const Cors = { AllowOrigins: ['*'], MaxAge: 60 };
      const created = await client.createFunctionUrlConfig({ ...live(), AuthType: 'NONE', Cors });
      assert.match(created.FunctionUrl ?? '', new RegExp(story.urlPattern));
      const updated = await client.updateFunctionUrlConfig({ ...live(), AuthType: 'AWS_IAM' });
      assert.deepEqual([updated.FunctionUrl, updated.AuthType], [created.FunctionUrl, 'AWS_IAM']);
      assert.deepEqual((await client.getFunctionUrlConfig(live())).Cors, Cors);
      const urls = await gather(
        paginateListFunctionUrlConfigs(paging(), { FunctionName }),
        (it) => it.FunctionUrlConfigs,
      );
      assert.equal(urls.items.length, 1);
      await client.deleteFunctionUrlConfig(live());
      await fails(client.getFunctionUrlConfig(live()), 'missingPolicy');

      const DestinationConfig = { OnSuccess: {}, OnFailure: { Destination: story.queueArn } };
      const put = await client.putFunctionEventInvokeConfig({ ...live(), MaximumRetryAttempts: 1, DestinationConfig });
      assert.equal(put.FunctionArn, `${story.arn}:live`);
      assert.deepEqual(put.DestinationConfig, DestinationConfig);
      const merged = await client.updateFunctionEventInvokeConfig({ ...live(), MaximumEventAgeInSeconds: 60 });
      assert.deepEqual([merged.MaximumRetryAttempts, merged.MaximumEventAgeInSeconds], [1, 60]);
      const configs = await gather(
        paginateListFunctionEventInvokeConfigs(paging(), { FunctionName }),
        (it) => it.FunctionEventInvokeConfigs,
      );
      assert.deepEqual(
        configs.items.map((it) => it.FunctionArn),
        [put.FunctionArn],
      );
      await client.deleteFunctionEventInvokeConfig(live());
    });

    test('reserved and provisioned concurrency', async () => {
      const ReservedConcurrentExecutions = story.reserved;
      await client.putFunctionConcurrency({ FunctionName, ReservedConcurrentExecutions });
      const kept = await client.getFunctionConcurrency({ FunctionName });
      assert.equal(kept.ReservedConcurrentExecutions, story.reserved);
      const { AccountLimit } = await client.getAccountSettings({});
      assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 1000 - story.reserved);
      const tooMuch = { FunctionName, ReservedConcurrentExecutions: 901 };
      await fails(client.putFunctionConcurrency(tooMuch), 'tooMuchReserved');
      const blue = { FunctionName, Qualifier: 'blue' };
      const ProvisionedConcurrentExecutions = story.provisioned;
      const put = await client.putProvisionedConcurrencyConfig({ ...blue, ProvisionedConcurrentExecutions });
      assert.equal(put.Status, 'IN_PROGRESS');
      const get = () => client.getProvisionedConcurrencyConfig(blue);
      const ready = await until(get, ({ Status }) => Status !== 'IN_PROGRESS');
      assert.deepEqual([ready.Status, ready.AllocatedProvisionedConcurrentExecutions], ['READY', story.provisioned]);
      assert.equal((await invoke({ name: 'Ada' }, blue)).body?.['message'], 'Goodbye, Ada!');
      const configs = await gather(
        paginateListProvisionedConcurrencyConfigs(paging(), { FunctionName }),
        (page) => page.ProvisionedConcurrencyConfigs,
      );
      assert.deepEqual(
        configs.items.map((it) => it.FunctionArn),
        [`${story.arn}:blue`],
      );
      await client.deleteProvisionedConcurrencyConfig(blue);
      await fails(get(), 'noProvisioned');
      await client.deleteFunctionConcurrency({ FunctionName });
    });

    test('an event source mapping on a queue', async () => {
      const source = { FunctionName, EventSourceArn: story.queueArn };
      const FilterCriteria = { Filters: [{ Pattern: '{"body":{"kind":["greeting"]}}' }] };
      const created = await client.createEventSourceMapping({
        ...source,
        FilterCriteria,
        Enabled: false,
        BatchSize: story.mappedBatchSize,
        Tags: story.tags,
      });
      const { UUID = '', EventSourceMappingArn = '' } = created;
      assert.deepEqual([created.State, created.FunctionArn], ['Creating', story.arn]);
      assert.deepEqual(created.FilterCriteria, FilterCriteria);
      const get = () => client.getEventSourceMapping({ UUID });
      await until(get, ({ State }) => State === 'Disabled');
      assert.equal((await client.updateEventSourceMapping({ UUID, BatchSize: 1 })).BatchSize, 1);
      await until(get, ({ State }) => State === 'Disabled');
      await fails(client.createEventSourceMapping(source), 'mappingExists');
      const nowhere = { FunctionName, EventSourceArn: story.missingQueueArn };
      await fails(client.createEventSourceMapping(nowhere), 'missingQueue');
      assert.deepEqual((await client.listTags({ Resource: EventSourceMappingArn })).Tags, story.tags);
      const list = async () =>
        (await gather(paginateListEventSourceMappings(paging(), {}), (page) => page.EventSourceMappings)).items;
      assert.deepEqual(
        (await list()).map((it) => it.UUID),
        [UUID],
      );
      assert.equal((await client.deleteEventSourceMapping({ UUID })).State, 'Deleting');
      await until(list, (found) => found.length === 0);
      await fails(get(), 'missingMapping');
    });

    test('code signing', async () => {
      const AllowedPublishers = { SigningProfileVersionArns: [story.profileArn] };
      const made = await client.createCodeSigningConfig({ AllowedPublishers, Tags: story.tags });
      assert.deepEqual(made.CodeSigningConfig?.AllowedPublishers, AllowedPublishers);
      const CodeSigningConfigArn = made.CodeSigningConfig?.CodeSigningConfigArn ?? '';
      assert.deepEqual((await client.listTags({ Resource: CodeSigningConfigArn })).Tags, story.tags);
      const CodeSigningPolicies = { UntrustedArtifactOnDeployment: 'Warn' } as const;
      await client.updateCodeSigningConfig({ CodeSigningConfigArn, CodeSigningPolicies });
      const found = await client.getCodeSigningConfig({ CodeSigningConfigArn });
      assert.deepEqual(found.CodeSigningConfig?.CodeSigningPolicies, CodeSigningPolicies);
      await client.putFunctionCodeSigningConfig({ FunctionName, CodeSigningConfigArn });
      const attached = await client.getFunctionCodeSigningConfig({ FunctionName });
      assert.equal(attached.CodeSigningConfigArn, CodeSigningConfigArn);
      const functions = await gather(
        paginateListFunctionsByCodeSigningConfig(paging(), { CodeSigningConfigArn }),
        (page) => page.FunctionArns,
      );
      assert.deepEqual(functions.items, [story.arn]);
      await client.deleteFunctionCodeSigningConfig({ FunctionName });
      await client.deleteCodeSigningConfig({ CodeSigningConfigArn });
      await fails(client.getCodeSigningConfig({ CodeSigningConfigArn }), 'missingSigningConfig');
      const again = client.putFunctionCodeSigningConfig({ FunctionName, CodeSigningConfigArn });
      await fails(again, 'missingSigningConfigForFunction');
      const left = await gather(paginateListCodeSigningConfigs(paging(), {}), (page) => page.CodeSigningConfigs);
      assert.deepEqual(left.items, []);
    });

    test('runtime management, recursion and tags', async () => {
      await client.putRuntimeManagementConfig({ FunctionName, UpdateRuntimeOn: 'FunctionUpdate' });
      const runtime = await client.getRuntimeManagementConfig({ FunctionName });
      assert.equal(runtime.UpdateRuntimeOn, 'FunctionUpdate');
      await client.putFunctionRecursionConfig({ FunctionName, RecursiveLoop: 'Allow' });
      const recursion = await client.getFunctionRecursionConfig({ FunctionName });
      assert.equal(recursion.RecursiveLoop, 'Allow');
      const Resource = story.arn;
      await client.tagResource({ Resource, Tags: { ...story.tags, stage: 'test' } });
      await client.untagResource({ Resource, TagKeys: ['stage'] });
      assert.deepEqual((await client.listTags({ Resource })).Tags, story.tags);
    });

    test('pages of functions, and the end of everything', async () => {
      for (const name of story.others) await create(name, { ZipFile: readFileSync(story.zipFile) });
      const everyone = [FunctionName, story.nameFromS3, ...story.others].sort();
      const listed = await gather(paginateListFunctions(paging(), {}), (page) => page.Functions);
      assert.deepEqual([listed.items.map((it) => it.FunctionName), listed.count], [everyone, 3]);
      for (const Name of ['live', 'blue', 'green']) await client.deleteAlias({ FunctionName, Name });
      await client.deleteFunction({ FunctionName, Qualifier: '1' });
      for (const name of everyone) await client.deleteFunction({ FunctionName: name });
      for (const VersionNumber of [1, 2, 3]) await client.deleteLayerVersion({ LayerName: story.layer, VersionNumber });
      await assert.rejects(invoke({}), ResourceNotFoundException);
      const { AccountUsage } = await client.getAccountSettings({});
      assert.deepEqual(AccountUsage, { FunctionCount: 0, TotalCodeSize: 0 });
    });
  });
