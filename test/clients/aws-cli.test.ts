// The whole control plane as typed into the AWS command line. Commands that don't need one another run side by side:
// each is a process that takes most of a second to start. For the same reason the story is told once, with the server
// that may least, and the shorter run tells its beginning. What is no zip is refused by the command itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inFullOnly } from '../proof/extent.ts';
import { runClient } from '../support/client-process.ts';
import { skipWithoutMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { type Stage, type Story, servers, setStage, until } from './story.ts';

const there = spawnSync('aws', ['--version'], { stdio: 'ignore' }).status === 0;
const skip = skipUnless(there, 'needs aws on the PATH') || skipWithoutMoto();

/** `aws logs tail` and the choice of a binary format came with version 2; version 1 has the call beneath the former. */
const isVersion2 = there && /^aws-cli\/(?!1\.)/.test(spawnSync('aws', ['--version'], { encoding: 'utf8' }).stdout);

/** Options as the command line takes them: `functionName: 'f'` is `--function-name f`. */
type Options = Readonly<Record<string, string | number | boolean | object>>;

function argv(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z0-9]+/g, (letters) => `-${letters.toLowerCase()}`);
    if (value === true) return [`--${flag}`];
    if (value === false) return [`--no-${flag}`];
    return [`--${flag}`, typeof value === 'object' ? JSON.stringify(value) : String(value)];
  });
}

const file = (path: string) => `fileb://${path}`;

// The answers are JSON of many shapes; what a test does not look at it need not name.
// biome-ignore lint/suspicious/noExplicitAny: printed by another program
type Printed = any;

for (const { title, asUser } of servers.slice(-1))
  describe(`aws with ${title}`, { skip }, () => {
    let stage: Stage;
    let story: Story;
    let invokes = 0;
    before(async () => {
      stage = await setStage(asUser);
      story = stage.story;
    });
    after(() => stage?.stop());

    /** Runs `aws lambda COMMAND …` and reads the JSON that it prints. */
    const lambda = async (command: string, options: Options = {}, ...more: string[]): Promise<Printed> => {
      const { stdout } = await runClient('aws', ['lambda', command, ...more, ...argv(options)], stage.server);
      return stdout === '' ? {} : JSON.parse(stdout);
    };

    /** The same for the story's function. */
    const greeter = (command: string, options: Options = {}, ...more: string[]) =>
      lambda(command, { functionName: story.name, ...options }, ...more);

    const wait = (waiter: string, options: Options = {}) => greeter('wait', options, waiter);

    const fails = async (promise: Promise<unknown>, expected: keyof Story['errors']) => {
      const { code, message } = story.errors[expected];
      await assert.rejects(promise, (error: Error) => {
        assert.match(error.message, new RegExp(`An error occurred \\(${code}\\) when calling the \\w+ operation: `));
        assert.ok(error.message.includes(`operation: ${message}`), error.message);
        return true;
      });
    };

    const create = (functionName: string, code: Options) => {
      const { runtime, handler, role } = story;
      const environment = 'Variables={MOOD=fine}';
      return lambda('create-function', { functionName, runtime, handler, role, environment, ...code });
    };

    const configure = async (options: Options) => {
      await greeter('update-function-configuration', options);
      await wait('function-updated-v2');
      return await greeter('get-function-configuration');
    };

    const invoke = async (event: object, options: Options = {}) => {
      const out = join(stage.dir, `answer-${++invokes}.json`);
      const format = isVersion2 ? { cliBinaryFormat: 'raw-in-base64-out' } : {};
      const answer = await greeter('invoke', { payload: event, ...format, ...options }, out);
      return { ...answer, body: JSON.parse(readFileSync(out, 'utf8') || 'null') };
    };

    test('create-function from a zip and from S3, wait', async () => {
      const created = await create(story.name, { zipFile: file(story.zipFile) });
      assert.deepEqual([created.State, created.FunctionArn], ['Pending', story.arn]);
      const [fromS3] = await Promise.all([
        create(story.nameFromS3, { code: { S3Bucket: story.bucket, S3Key: story.key } }),
        wait('function-exists'),
        wait('function-active-v2'),
        fails(create(story.name, { zipFile: file(story.zipFile) }), 'functionExists'),
        fails(create('no-object', { code: { S3Bucket: story.bucket, S3Key: 'nobody-put-this' } }), 'missingObject'),
        fails(lambda('get-function', { functionName: 'nobody-made-this' }), 'missingFunction'),
      ]);
      assert.equal(fromS3.CodeSha256, created.CodeSha256);
    });

    test('invoke, and the log', async () => {
      const answer = await invoke({ name: 'Ada' }, { logType: 'Tail' });
      assert.equal(answer.StatusCode, 200);
      assert.deepEqual(answer.body, { message: 'Hello, Ada!', version: '$LATEST', mood: 'fine', memory: '128' });
      assert.match(Buffer.from(answer.LogResult, 'base64').toString(), /greeting Ada/);
      assert.equal((await invoke({ fail: true })).FunctionError, 'Unhandled');
      const group = `/aws/lambda/${story.name}`;
      const args = isVersion2
        ? ['logs', 'tail', group, '--format', 'short']
        : ['logs', 'filter-log-events', '--log-group-name', group, '--query', 'events[].message', '--output', 'text'];
      const { stdout } = await runClient('aws', args, stage.server);
      assert.match(stdout, /INIT_START Runtime Version: nodejs:24/);
      assert.match(stdout, /greeting Ada/);
      assert.match(stdout, /REPORT RequestId: /);
    });

    test('update-function-configuration, and a layer', async () => {
      const published = await lambda('publish-layer-version', {
        layerName: story.layer,
        zipFile: file(story.layerZipFile),
        compatibleRuntimes: story.runtime,
      });
      assert.equal(published.LayerVersionArn, `${story.layerArn}:1`);
      const found = await configure({
        memorySize: story.memorySize,
        environment: 'Variables={MOOD=grand}',
        kmsKeyArn: story.kmsKeyArn,
        loggingConfig: 'LogFormat=JSON,ApplicationLogLevel=DEBUG',
        vpcConfig: `SubnetIds=${story.subnet},SecurityGroupIds=${story.securityGroup}`,
        layers: published.LayerVersionArn,
      });
      assert.deepEqual([found.MemorySize, found.KMSKeyArn], [story.memorySize, story.kmsKeyArn]);
      assert.deepEqual([found.LoggingConfig.LogFormat, found.VpcConfig.SubnetIds], ['JSON', [story.subnet]]);
      assert.equal(found.Layers[0].Arn, published.LayerVersionArn);
      const { body } = await invoke({ name: 'Ada', layer: true });
      assert.deepEqual([body.message, body.mood, body.memory], ['Ahoy, Ada!', 'grand', String(story.memorySize)]);
      const update = 'update-function-configuration';
      await Promise.all([
        fails(greeter(update, { revisionId: '00000000-0000-0000-0000-000000000000' }), 'staleRevision'),
        fails(greeter(update, { timeout: 901 }), 'longTimeout'),
      ]);
    });

    test('layers: pages, filters, permissions', { skip: inFullOnly }, async () => {
      const layerName = story.layer;
      for (const _ of [2, 3]) await lambda('publish-layer-version', { layerName, zipFile: file(story.layerZipFile) });
      const one = { layerName, versionNumber: 1 };
      const everyone = { statementId: 'all', action: 'lambda:GetLayerVersion', principal: '*' };
      const [versions, layers, byArn] = await Promise.all([
        lambda('list-layer-versions', { layerName, pageSize: story.pageSize }),
        lambda('list-layers', { compatibleRuntime: story.runtime }),
        lambda('get-layer-version-by-arn', { arn: `${story.layerArn}:1` }),
        lambda('add-layer-version-permission', { ...one, ...everyone }),
      ]);
      assert.deepEqual(
        versions.LayerVersions.map((it: Printed) => it.Version),
        [3, 2, 1],
      );
      assert.equal(layers.Layers[0].LatestMatchingVersion.Version, 1);
      assert.equal(byArn.Version, 1);
      assert.match((await lambda('get-layer-version-policy', one)).Policy, /"Sid":"all"/);
      await lambda('remove-layer-version-permission', { ...one, statementId: 'all' });
      await Promise.all([
        fails(lambda('get-layer-version-policy', one), 'missingLayerPolicy'),
        fails(lambda('get-layer-version', { layerName, versionNumber: 9 }), 'missingLayer'),
      ]);
    });

    test('publish-version, update-function-code, create-alias', { skip: inFullOnly }, async () => {
      assert.equal((await greeter('publish-version')).Version, '1');
      await wait('published-version-active', { qualifier: 1 });
      await greeter('update-function-code', { zipFile: file(story.laterZipFile) });
      await wait('function-updated');
      assert.equal((await greeter('publish-version')).Version, '2');
      await wait('function-active-v2', { qualifier: 2 });
      const routingConfig = `AdditionalVersionWeights={2=${story.weight}}`;
      const [live] = await Promise.all([
        greeter('create-alias', { name: 'live', functionVersion: 1, routingConfig }),
        greeter('create-alias', { name: 'blue', functionVersion: 2 }),
        greeter('create-alias', { name: 'green', functionVersion: 2 }),
      ]);
      assert.equal(live.AliasArn, `${story.arn}:live`);
      assert.deepEqual(live.RoutingConfig, { AdditionalVersionWeights: { 2: story.weight } });
      await fails(greeter('update-alias', { name: 'live', revisionId: 'stale' }), 'staleRevision');
      await greeter('update-alias', { name: 'live', routingConfig: 'AdditionalVersionWeights={}' });
      const [invoked, versions, aliases] = await Promise.all([
        invoke({}, { qualifier: 'live' }),
        greeter('list-versions-by-function', { pageSize: story.pageSize }),
        greeter('list-aliases', { pageSize: story.pageSize }),
        fails(greeter('get-alias', { name: 'nobody' }), 'missingAlias'),
        fails(greeter('delete-function', { qualifier: 1 }), 'versionInUse'),
      ]);
      assert.equal(invoked.ExecutedVersion, '1');
      assert.deepEqual(
        versions.Versions.map((it: Printed) => it.Version),
        ['$LATEST', '1', '2'],
      );
      assert.deepEqual(
        aliases.Aliases.map((it: Printed) => it.Name),
        ['blue', 'green', 'live'],
      );
    });

    test('add-permission, get-policy', { skip: inFullOnly }, async () => {
      const live = { qualifier: 'live' };
      const sns = { action: 'lambda:InvokeFunction', principal: 'sns.amazonaws.com', sourceArn: story.topicArn };
      const added = await greeter('add-permission', { ...live, ...sns, statementId: 'sns' });
      const { Policy } = await greeter('get-policy', live);
      assert.deepEqual(JSON.parse(Policy).Statement, [JSON.parse(added.Statement)]);
      await greeter('remove-permission', { ...live, statementId: 'sns' });
      await fails(greeter('get-policy', live), 'missingPolicy');
    });

    test('function URL and event invoke configs', { skip: inFullOnly }, async () => {
      const live = { qualifier: 'live' };
      const onFailure = { OnFailure: { Destination: story.queueArn } };
      const [url, put] = await Promise.all([
        greeter('create-function-url-config', { ...live, authType: 'NONE', cors: 'AllowOrigins=*,MaxAge=60' }),
        greeter('put-function-event-invoke-config', {
          ...live,
          maximumRetryAttempts: 1,
          destinationConfig: onFailure,
        }),
      ]);
      assert.match(url.FunctionUrl, new RegExp(story.urlPattern));
      assert.deepEqual([put.FunctionArn, put.DestinationConfig.OnFailure], [`${story.arn}:live`, onFailure.OnFailure]);
      const [updated, merged] = await Promise.all([
        greeter('update-function-url-config', { ...live, authType: 'AWS_IAM' }),
        greeter('update-function-event-invoke-config', { ...live, maximumEventAgeInSeconds: 60 }),
      ]);
      assert.deepEqual([updated.FunctionUrl, updated.AuthType], [url.FunctionUrl, 'AWS_IAM']);
      assert.deepEqual([merged.MaximumRetryAttempts, merged.MaximumEventAgeInSeconds], [1, 60]);
      const [urls, configs] = await Promise.all([
        greeter('list-function-url-configs'),
        greeter('list-function-event-invoke-configs'),
      ]);
      assert.deepEqual([urls.FunctionUrlConfigs.length, configs.FunctionEventInvokeConfigs.length], [1, 1]);
      await Promise.all([
        greeter('delete-function-url-config', live),
        greeter('delete-function-event-invoke-config', live),
      ]);
      await fails(greeter('get-function-url-config', live), 'missingPolicy');
    });

    test('reserved and provisioned concurrency', { skip: inFullOnly }, async () => {
      const blue = { qualifier: 'blue' };
      const [reserved, put] = await Promise.all([
        greeter('put-function-concurrency', { reservedConcurrentExecutions: story.reserved }),
        greeter('put-provisioned-concurrency-config', {
          ...blue,
          provisionedConcurrentExecutions: story.provisioned,
        }),
      ]);
      assert.deepEqual([reserved.ReservedConcurrentExecutions, put.Status], [story.reserved, 'IN_PROGRESS']);
      const get = () => greeter('get-provisioned-concurrency-config', blue);
      const [ready, { AccountLimit }, listed] = await Promise.all([
        until(get, ({ Status }) => Status !== 'IN_PROGRESS'),
        lambda('get-account-settings'),
        greeter('list-provisioned-concurrency-configs'),
        fails(greeter('put-function-concurrency', { reservedConcurrentExecutions: 901 }), 'tooMuchReserved'),
      ]);
      assert.equal(ready.Status, 'READY');
      assert.equal(AccountLimit.UnreservedConcurrentExecutions, 1000 - story.reserved);
      assert.equal(listed.ProvisionedConcurrencyConfigs[0].FunctionArn, `${story.arn}:blue`);
      await greeter('delete-provisioned-concurrency-config', blue);
      await Promise.all([fails(get(), 'noProvisioned'), greeter('delete-function-concurrency')]);
    });

    test('create-event-source-mapping on a queue', { skip: inFullOnly }, async () => {
      const create = 'create-event-source-mapping';
      const source = { eventSourceArn: story.queueArn };
      const filterCriteria = { Filters: [{ Pattern: '{"body":{"kind":["greeting"]}}' }] };
      const batchSize = story.mappedBatchSize;
      const created = await greeter(create, {
        ...source,
        filterCriteria,
        batchSize,
        enabled: false,
        tags: story.tags,
      });
      assert.deepEqual(
        [created.State, created.FilterCriteria, created.BatchSize],
        ['Creating', filterCriteria, batchSize],
      );
      const uuid = { uuid: created.UUID };
      const disabled = () =>
        until(
          () => lambda('get-event-source-mapping', uuid),
          ({ State }) => State === 'Disabled',
        );
      const [{ Tags }] = await Promise.all([
        lambda('list-tags', { resource: created.EventSourceMappingArn }),
        disabled(),
        fails(greeter(create, source), 'mappingExists'),
        fails(greeter(create, { eventSourceArn: story.missingQueueArn }), 'missingQueue'),
      ]);
      assert.deepEqual(Tags, story.tags);
      assert.equal((await lambda('update-event-source-mapping', { ...uuid, batchSize: 1 })).BatchSize, 1);
      await disabled();
      assert.equal((await lambda('delete-event-source-mapping', uuid)).State, 'Deleting');
      await until(
        () => lambda('list-event-source-mappings', source),
        ({ EventSourceMappings }) => EventSourceMappings.length === 0,
      );
      await fails(lambda('get-event-source-mapping', uuid), 'missingMapping');
    });

    test('code signing', { skip: inFullOnly }, async () => {
      const allowedPublishers = `SigningProfileVersionArns=${story.profileArn}`;
      const made = await lambda('create-code-signing-config', { allowedPublishers, tags: story.tags });
      const config = { codeSigningConfigArn: made.CodeSigningConfig.CodeSigningConfigArn };
      await greeter('put-function-code-signing-config', config);
      const codeSigningPolicies = 'UntrustedArtifactOnDeployment=Warn';
      const [{ CodeSigningConfig }, functions, { Tags }] = await Promise.all([
        lambda('update-code-signing-config', { ...config, codeSigningPolicies }),
        lambda('list-functions-by-code-signing-config', config),
        lambda('list-tags', { resource: config.codeSigningConfigArn }),
      ]);
      assert.equal(CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment, 'Warn');
      assert.deepEqual([functions.FunctionArns, Tags], [[story.arn], story.tags]);
      await greeter('delete-function-code-signing-config');
      await lambda('delete-code-signing-config', config);
      await Promise.all([
        fails(lambda('get-code-signing-config', config), 'missingSigningConfig'),
        fails(greeter('put-function-code-signing-config', config), 'missingSigningConfigForFunction'),
      ]);
    });

    test('runtime management, recursion and tags', { skip: inFullOnly }, async () => {
      const resource = story.arn;
      await Promise.all([
        greeter('put-runtime-management-config', { updateRuntimeOn: 'FunctionUpdate' }),
        greeter('put-function-recursion-config', { recursiveLoop: 'Allow' }),
        lambda('tag-resource', { resource, tags: { ...story.tags, stage: 'test' } }),
      ]);
      const [{ UpdateRuntimeOn }, { RecursiveLoop }] = await Promise.all([
        greeter('get-runtime-management-config'),
        greeter('get-function-recursion-config'),
        lambda('untag-resource', { resource, tagKeys: 'stage' }),
      ]);
      assert.deepEqual([UpdateRuntimeOn, RecursiveLoop], ['FunctionUpdate', 'Allow']);
      assert.deepEqual((await lambda('list-tags', { resource })).Tags, story.tags);
    });

    test('list-functions in pages, and the end of everything', { skip: inFullOnly }, async () => {
      await Promise.all(story.others.map((name) => create(name, { zipFile: file(story.zipFile) })));
      const everyone = [story.name, story.nameFromS3, ...story.others].sort();
      const { Functions } = await lambda('list-functions', { pageSize: story.pageSize });
      assert.deepEqual(
        Functions.map((it: Printed) => it.FunctionName),
        everyone,
      );
      await Promise.all(['live', 'blue', 'green'].map((name) => greeter('delete-alias', { name })));
      await greeter('delete-function', { qualifier: 1 });
      const layerName = story.layer;
      await Promise.all([
        ...everyone.map((functionName) => lambda('delete-function', { functionName })),
        ...[1, 2, 3].map((versionNumber) => lambda('delete-layer-version', { layerName, versionNumber })),
      ]);
      const [functions, layers, { AccountUsage }] = await Promise.all([
        lambda('list-functions'),
        lambda('list-layers'),
        lambda('get-account-settings'),
      ]);
      assert.deepEqual([functions.Functions, layers.Layers], [[], []]);
      assert.deepEqual(AccountUsage, { FunctionCount: 0, TotalCodeSize: 0 });
    });
  });
