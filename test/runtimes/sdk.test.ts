/** The AWS SDKs that AWS's Node and Python runtimes bring along: there for every function, behind its own packages. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { CreateFunctionCommand, type LambdaClient, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { shippedFamily } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { sharedCacheDir } from '../support/shared-cache.ts';
import { zipOf } from '../support/zip.ts';
import { nodeMajors, pythonVersions, type RuntimeName, skipWithoutPython } from './shared-runtimes.ts';

const FETCH_MS_MAX = 300_000;
/** As many packages are read within the time that an init may take, on a busy machine too. */
const IMPORTS = 30;

/** What package.json of a bundle names. */
function namesOf(folder: string): string[] {
  const path = join(shippedFamily('nodejs').directory, folder, 'package.json');
  return Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { dependencies: object }).dependencies);
}

/** Empty for a process that is gone, or dead and not yet taken notice of. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Signs a URL, which needs no network, and says where the package came from. */
const SIGN = `
  const url = await getSignedUrl(new S3Client({}), new GetObjectCommand({ Bucket: 'bucket', Key: 'k' }));
  return { signed: /^https:\\/\\/bucket\\.s3\\.us-east-1\\.amazonaws\\.com\\/k\\?.*X-Amz-Signature=/.test(url) };`;

const PYTHON = `
import boto3, botocore, importlib, os

def handler(event, context):
    url = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
    table = boto3.resource("dynamodb").Table("t")
    return {
        "signed": "Signature=" in url,
        "places": [boto3.__file__, botocore.__file__],
        "compiled": [os.path.exists(importlib.util.cache_from_source(m.__file__)) for m in (boto3, botocore)],
        "table": table.name,
    }
`;

describe('bundled SDKs', { timeout: FETCH_MS_MAX }, () => {
  let server: TestServer;
  let client: LambdaClient;

  before(async () => {
    const args = ['--bundled-sdk', 'on', '--cache', sharedCacheDir];
    server = await startTestServer({ args });
    client = server.client();
  });
  after(() => server.stop());

  for (const major of nodeMajors.filter((each) => each >= 18)) {
    const Runtime = `nodejs${major}.x` as RuntimeName;
    // Reading 96 packages takes more memory and time than the least that a function can have.
    const settings = { Runtime, MemorySize: 1024, Timeout: 60 };

    it(`${Runtime}: every package can be required and imported`, { timeout: FETCH_MS_MAX }, async () => {
      const names = JSON.stringify(namesOf('bundled-sdk'));
      const files = {
        'index.js': `
          exports.handler = async () => {
            for (const name of ${names}) require(name);
            return require.resolve('@aws-sdk/client-s3');
          };`,
        'esm/index.mjs': `
          ${namesOf('bundled-sdk')
            .slice(-IMPORTS)
            .map((name) => `import ${JSON.stringify(name)};`)
            .join('\n')}
          import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
          import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
          export const handler = async () => { ${SIGN} };`,
      };
      await createFunction(client, `require-${major}`, { ...settings, files });
      const required = await invokeFunction(client, `require-${major}`);
      assert.match(String(required.payload), /^\/var\/runtime\/node_modules\/@aws-sdk\/client-s3\//, required.log);
      await createFunction(client, `import-${major}`, { ...settings, Handler: 'esm/index.handler', files });
      const imported = await invokeFunction(client, `import-${major}`);
      assert.deepEqual(imported.payload, { signed: true }, imported.log);
    });

    it(`${Runtime}: what a function or a layer has goes before the bundle`, { timeout: FETCH_MS_MAX }, async () => {
      const own = (text: string) => `module.exports = { text: '${text}' };`;
      const layerFiles = {
        'nodejs/node_modules/@aws-sdk/client-sqs/index.js': own('layer'),
        'nodejs/node_modules/@aws-sdk/client-sns/index.js': own('layer'),
        'nodejs/node_modules/only-here/index.js': own('layer'),
      };
      const LayerName = `own-${major}`;
      const Content = { ZipFile: await zipOf(layerFiles) };
      const layer = await client.send(new PublishLayerVersionCommand({ LayerName, Content }));
      const names = ['@aws-sdk/client-sns', '@aws-sdk/client-sqs', 'only-here', '@aws-sdk/client-sts'];
      const body = `[sns.text, sqs.text, here.text, typeof sts.STSClient]`;
      const files = {
        'node_modules/@aws-sdk/client-sns/index.js': own('function'),
        'index.js': `
          const [sns, sqs, here, sts] = ${JSON.stringify(names)}.map((name) => require(name));
          exports.handler = async () => ${body};`,
        'module.mjs': `
          ${names.map((name, at) => `import * as m${at} from '${name}';`).join('\n')}
          const [sns, sqs, here, sts] = [m0, m1, m2, m3].map((each) => each.default);
          export const handler = async () => ${body};`,
      };
      const Layers = [layer.LayerVersionArn ?? ''];
      for (const [at, Handler] of ['index.handler', 'module.handler'].entries()) {
        const name = `own-${major}-${at}`;
        await createFunction(client, name, { ...settings, Handler, Layers, files });
        const { payload, log } = await invokeFunction(client, name);
        assert.deepEqual(payload, ['function', 'layer', 'layer', 'function'], log);
      }
    });
  }

  it('a dynamic import finds the bundle, and what is nowhere is named as Node names it', async () => {
    const files = {
      'index.js': `exports.handler = async ({ name }) => Object.keys(await import(name)).includes('SQSClient');`,
    };
    await createFunction(client, 'dynamic', { files, MemorySize: 512, Timeout: 30 });
    assert.equal((await invokeFunction(client, 'dynamic', { name: '@aws-sdk/client-sqs' })).payload, true);
    const { payload } = await invokeFunction(client, 'dynamic', { name: 'nowhere' });
    const { errorType, errorMessage } = payload as Record<string, string>;
    assert.equal(errorType, 'Error');
    assert.equal(errorMessage, "Cannot find package 'nowhere' imported from /var/task/index.js");
  });

  for (const major of nodeMajors.filter((each) => each < 18))
    it(`nodejs${major}.x has version 2`, { timeout: FETCH_MS_MAX }, async () => {
      const files = {
        'index.js': `
          const aws = require('aws-sdk');
          exports.handler = async () => new aws.S3().getSignedUrl('getObject', { Bucket: 'bucket', Key: 'k' });`,
      };
      const Runtime = `nodejs${major}.x` as RuntimeName;
      await createFunction(client, `v2-${major}`, { Runtime, files, MemorySize: 512, Timeout: 30 });
      const { payload, log } = await invokeFunction(client, `v2-${major}`);
      assert.match(String(payload), /^https:\/\/bucket\.s3\.amazonaws\.com\/k\?.*Signature=/, log);
    });

  for (const version of pythonVersions)
    it(`python${version} has boto3, compiled`, { skip: skipWithoutPython, timeout: FETCH_MS_MAX }, async () => {
      const Runtime = `python${version}` as RuntimeName;
      const settings = { Runtime, MemorySize: 512, Timeout: 60 };
      const name = `python-${version.replace('.', '-')}`;
      await createFunction(client, name, { ...settings, files: { 'index.py': PYTHON } });
      const { payload, log } = await invokeFunction(client, name);
      assert.deepEqual(
        payload,
        {
          signed: true,
          places: ['/var/runtime/boto3/__init__.py', '/var/runtime/botocore/__init__.py'],
          compiled: [true, true],
          table: 't',
        },
        log,
      );
      const files = {
        'index.py': 'import boto3, botocore\ndef handler(event, context): return [boto3.text, botocore.__file__]\n',
        'boto3.py': "text = 'own'\n",
      };
      await createFunction(client, `${name}-own`, { ...settings, files });
      const own = await invokeFunction(client, `${name}-own`);
      assert.deepEqual(own.payload, ['own', '/var/runtime/botocore/__init__.py'], own.log);
    });
});

describe('a bundled SDK that cannot be fetched', { timeout: 120_000 }, () => {
  /** Puts in place, as npm would, one package that tells that it is there. */
  const NPM = `#!/bin/sh
/bin/mkdir -p node_modules/bundled
echo "exports.text = 'from the bundle';" > node_modules/bundled/index.js
`;
  const files = {
    'index.js': `exports.handler = async () => {
      try {
        return require('bundled').text;
      } catch {
        return 'no bundle';
      }
    };`,
  };
  const NOTE = /^lambdad: bundled-sdk of Node could not be fetched: npm, which fetches it, is not on the PATH\.$/m;

  it('keeps no function from working: its log says so once, and the next function tries again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lambdad-sdk-'));
    mkdirSync(join(folder, 'bin'));
    const args = ['--bundled-sdk', 'on', '--cache', join(folder, 'cache')];
    const server = await startTestServer({ args, env: { PATH: join(folder, 'bin') } });
    try {
      const client = server.client();
      await createFunction(client, 'first', { files });
      const first = await invokeFunction(client, 'first');
      assert.equal(first.payload, 'no bundle');
      assert.match(first.log, NOTE);
      assert.match(server.stderr() + server.stdout(), /bundled-sdk of Node could not be fetched: npm/);

      await createFunction(client, 'second', { files });
      assert.match((await invokeFunction(client, 'second')).log, NOTE);

      writeFileSync(join(folder, 'bin', 'npm'), NPM, { mode: 0o755 });
      await createFunction(client, 'third', { files });
      const third = await invokeFunction(client, 'third');
      assert.equal(third.payload, 'from the bundle', third.log);
      assert.doesNotMatch(third.log, /lambdad:/);
      assert.match(server.stderr() + server.stdout(), /bundled-sdk of Node is ready/);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('leaves no client behind when the server ends meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lambdad-sdk-'));
    const pidFile = join(folder, 'pid');
    mkdirSync(join(folder, 'bin'));
    // As stubborn as npm, which goes back over what it did when it is asked to end.
    const npm = `#!/bin/sh\ntrap '' TERM\necho $$ > ${pidFile}.new\n/bin/mv ${pidFile}.new ${pidFile}\nexec /bin/sleep 600\n`;
    writeFileSync(join(folder, 'bin', 'npm'), npm, { mode: 0o755 });
    const args = ['--bundled-sdk', 'on', '--shutdown-seconds', '1', '--cache', join(folder, 'cache')];
    const server = await startTestServer({ args, env: { PATH: join(folder, 'bin') } });
    try {
      const Code = { ZipFile: await zipOf(files) };
      const Role = 'arn:aws:iam::000000000000:role/test';
      const settings = { Runtime: 'nodejs24.x' as const, Handler: 'index.handler', Role, Code };
      await server.client().send(new CreateFunctionCommand({ FunctionName: 'waits', ...settings }));
      while (!existsSync(pidFile)) await setTimeout(10);
      await server.stop();
      assert.equal(commandOf(Number(readFileSync(pidFile, 'utf8'))), '');
    } finally {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is not fetched with --bundled-sdk off', async () => {
    const server = await startTestServer({ args: ['--bundled-sdk', 'off'], env: { PATH: '/nowhere' } });
    try {
      await createFunction(server.client(), 'without', { files });
      const { payload, log } = await invokeFunction(server.client(), 'without');
      assert.equal(payload, 'no bundle');
      assert.doesNotMatch(log, /lambdad:/);
    } finally {
      await server.stop();
    }
  });
});
