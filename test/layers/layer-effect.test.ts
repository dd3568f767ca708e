import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  AddLayerVersionPermissionCommand,
  type CreateFunctionCommandInput,
  DeleteLayerVersionCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  type LambdaClient,
  type LayerVersionContentInput,
  PublishLayerVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { shapes } from '../../src/model/shapes.gen.ts';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';

type Files = Readonly<Record<string, ZipEntry>>;
type Runtime = NonNullable<CreateFunctionCommandInput['Runtime']>;

const NODE_HANDLER = `
const { readFileSync, readdirSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
exports.handler = async () => ({
  shared: require('shared').name,
  versioned: require('versioned').name,
  tool: execFileSync('layer-tool').toString().trim(),
  greeting: readFileSync('/opt/greeting.txt', 'utf8'),
  opt: readdirSync('/opt').sort(),
  libraries: process.env.LD_LIBRARY_PATH.split(':').includes('/opt/lib'),
});
`;

const BASE: Files = {
  'nodejs/node_modules/shared/index.js': "exports.name = 'shared';",
  'nodejs/node24/node_modules/versioned/index.js': "exports.name = 'versioned';",
  'bin/layer-tool': { content: '#!/bin/sh\necho ran\n', mode: 0o755 },
  'lib/data.txt': 'data',
  'greeting.txt': 'base',
};

const SEEN = { shared: 'shared', versioned: 'versioned', tool: 'ran', libraries: true };

async function publish(client: LambdaClient, name: string, files: Files): Promise<string> {
  const Content: LayerVersionContentInput = { ZipFile: await zipOf(files) };
  return (await client.send(new PublishLayerVersionCommand({ LayerName: name, Content }))).LayerVersionArn ?? '';
}

async function configure(client: LambdaClient, name: string, Layers: string[]): Promise<void> {
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Layers }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
}

describe('a layer at work', { timeout: 120_000 }, () => {
  let home: string;
  let server: TestServer;
  let client: LambdaClient;
  const start = async () => {
    server = await startTestServer({ dataDir: join(home, 'data') });
    client = server.client();
  };
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'lambdad-layers-'));
    await start();
  });
  after(async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('is seen by a Node function, also when it is deleted, and after a restart', async () => {
    const base = await publish(client, 'base', BASE);
    const over = await publish(client, 'over', { 'greeting.txt': 'over', 'extra/file': 'x' });
    await createFunction(client, 'node', { files: { 'index.js': NODE_HANDLER }, Layers: [base] });
    const plain = { ...SEEN, greeting: 'base', opt: ['bin', 'greeting.txt', 'lib', 'nodejs'] };
    assert.deepEqual((await invokeFunction(client, 'node')).payload, plain);

    await configure(client, 'node', [base, over]);
    const both = { ...SEEN, greeting: 'over', opt: ['bin', 'extra', 'greeting.txt', 'lib', 'nodejs'] };
    assert.deepEqual((await invokeFunction(client, 'node')).payload, both);
    await configure(client, 'node', [over, base]);
    assert.deepEqual((await invokeFunction(client, 'node')).payload, { ...both, greeting: 'base' });

    for (const LayerName of ['base', 'over'])
      await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
    assert.deepEqual((await invokeFunction(client, 'node')).payload, { ...both, greeting: 'base' });
    await server.kill();
    await start();
    assert.deepEqual((await invokeFunction(client, 'node')).payload, { ...both, greeting: 'base' });
  });

  it('is seen by a Python function', async (context) => {
    const [python] = await machinePrograms('python', process.env).known();
    if (python === undefined && process.env['CI'] !== 'true') return context.skip('no Python on this machine');
    assert.ok(python);
    const version = python.version.split('.').slice(0, 2).join('.');
    const layer = await publish(client, 'py', {
      'python/plain_module.py': "name = 'plain'",
      [`python/lib/python${version}/site-packages/site_module.py`]: "name = 'site'",
      'python/both.py': "name = 'plain'",
      [`python/lib/python${version}/site-packages/both.py`]: "name = 'site'",
    });
    const handler = [
      'import both, plain_module, site_module',
      'def handler(event, context):',
      '    return [plain_module.name, site_module.name, both.name]',
    ].join('\n');
    const Runtime = `python${version}` as Runtime;
    await createFunction(client, 'py', { files: { 'index.py': handler }, Runtime, Layers: [layer] });
    assert.deepEqual((await invokeFunction(client, 'py')).payload, ['plain', 'site', 'site']);
  });

  it('can bring the bootstrap of a function that has none', async () => {
    const bootstrap = { content: '#!/bin/sh\necho "started $0"\nexit 7\n', mode: 0o755 };
    const layer = await publish(client, 'runtime', { bootstrap });
    await createFunction(client, 'provided', {
      Runtime: 'provided.al2023',
      files: { 'data.txt': '' },
      Layers: [layer],
    });
    const { payload, log } = await invokeFunction(client, 'provided');
    assert.match((payload as { errorMessage: string }).errorMessage, /exit status 7$/);
    assert.match(log, /^started \/opt\/bootstrap$/m);
  });

  it('is refused by the framework, in the model’s words, where its ARN is none of a version', async () => {
    const arn = 'arn:aws:lambda:us-east-1:000000000000:layer:base';
    const refused = (promise: Promise<unknown>, message: string) =>
      assert.rejects(promise, { name: 'ValidationException', message });
    const pattern = `Member must satisfy regular expression pattern: ${shapes['LayerVersionArn']?.pattern}`;
    await refused(
      client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'node', Layers: [arn] })),
      `1 validation error detected: Value '[${arn}]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, ${pattern}, Member must not be null]`,
    );
    await refused(
      client.send(new GetLayerVersionByArnCommand({ Arn: arn })),
      `1 validation error detected: Value '${arn}' at 'arn' failed to satisfy constraint: ${pattern}`,
    );
  });

  it('of another account is used with its permission alone', async () => {
    const owner = server.client({ credentials: { accessKeyId: '999999999999', secretAccessKey: 'x' } });
    const arn = await publish(owner, 'shared', { 'greeting.txt': 'from next door' });
    assert.match(arn, /:999999999999:layer:shared:1$/);
    const files = {
      'index.js': "exports.handler = async () => require('fs').readFileSync('/opt/greeting.txt', 'utf8');",
    };
    const create = () => createFunction(client, 'guest', { files, Layers: [arn] });
    const refused = {
      name: 'AccessDeniedException',
      message: `User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:GetLayerVersion on resource: ${arn} because no resource-based policy allows the lambda:GetLayerVersion action`,
    };
    await assert.rejects(create(), refused);
    const version = { LayerName: 'shared', VersionNumber: 1 };
    const permission = { StatementId: 'guests', Action: 'lambda:GetLayerVersion', Principal: '000000000000' };
    await owner.send(new AddLayerVersionPermissionCommand({ ...version, ...permission }));
    await create();
    assert.equal((await invokeFunction(client, 'guest')).payload, 'from next door');
    const fetched = await client.send(new GetLayerVersionByArnCommand({ Arn: arn }));
    assert.equal(fetched.LayerVersionArn, arn);
    await owner.send(new DeleteLayerVersionCommand(version));
    await configure(client, 'guest', [arn]);
    assert.equal((await invokeFunction(client, 'guest')).payload, 'from next door');
  });

  it('can be fetched by its link', async () => {
    const files = { 'lib/x': 'x' };
    const arn = await publish(client, 'linked', files);
    const answer = await client.send(new GetLayerVersionCommand({ LayerName: 'linked', VersionNumber: 1 }));
    assert.equal(answer.$metadata.httpStatusCode, 200);
    assert.equal(answer.LayerVersionArn, arn);
    const fetched = await fetch(answer.Content?.Location ?? '');
    assert.deepEqual(Buffer.from(await fetched.arrayBuffer()), await zipOf(files));
    const gone = await client.send(new DeleteLayerVersionCommand({ LayerName: 'linked', VersionNumber: 1 }));
    assert.equal(gone.$metadata.httpStatusCode, 204);
  });
});

describe('a layer at work without namespaces', { timeout: 60_000 }, () => {
  it('is found at the path where it lies', async () => {
    await using server = await startTestServer({ args: ['--sandbox', 'process'] }).then((started) => ({
      client: started.client(),
      [Symbol.asyncDispose]: async () => void (await started.stop()),
    }));
    const base = await publish(server.client, 'base', BASE);
    const over = await publish(server.client, 'over', {
      'nodejs/node_modules/shared/index.js': "exports.name = 'later';",
    });
    const handler = `exports.handler = async () => [
      require('shared').name,
      require('versioned').name,
      require('node:child_process').execFileSync('layer-tool').toString().trim(),
    ];`;
    await createFunction(server.client, 'node', { files: { 'index.js': handler }, Layers: [base, over] });
    assert.deepEqual((await invokeFunction(server.client, 'node')).payload, ['later', 'versioned', 'ran']);
  });
});
