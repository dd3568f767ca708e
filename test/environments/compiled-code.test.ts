/** Code of Node functions is compiled for later environments by a process that runs none of it, and for nobody else. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  InvokeCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { metricsPage } from '../limits/metrics-page.ts';
import { inFullOnly } from '../proof/extent.ts';
import { canSwitchUser, nobody } from '../support/readable-checkout.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const skip = skipUnless(process.platform === 'linux' && process.getuid?.() === 0, 'Linux, as root');
const skipUser = skip || skipUnless(canSwitchUser, 'a checkout that other users can read');
const WAIT_MS_MAX = 60_000;
const LOOK_MS = 50;
const poll = { maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

/** Compiled it is some hundred kilobytes. Each time that it runs anywhere, it says so. */
const LARGE = `console.log('large runs');
${Array.from({ length: 4000 }, (_, at) => `exports.name${at} = { key${at}: 'value ${at}', list: [${at}, 'more of ${at}'] };`).join('\n')}`;
const LARGE_MODULE = `console.log('large module runs');\n${LARGE.slice(LARGE.indexOf('\n')).replaceAll('exports.', 'export const ')}`;
/** Names of Node's functions stand in two pieces: code that names one in one piece is left alone. */
const SEEN = `
const node = require('node:module');
const { existsSync, readdirSync, writeFileSync } = require('node:fs');
const { crc32 } = require('node:zlib');
/** Whether there is a file for a source file: named, as Node does it, after the kind and the path. */
const isThere = (folder, kind, file) =>
  folder !== undefined && existsSync(folder + '/' + crc32(Buffer.concat([Buffer.from([kind]), Buffer.from(file)])).toString(16).padStart(8, '0'));
const attempt = (action) => { try { action(); return 'done'; } catch ({ code }) { return code; } };
exports.seen = () => {
  const folder = node['getCompile' + 'CacheDir']();
  return {
    folder,
    large: isThere(folder, 0, '/var/task/large.cjs'),
    module: isThere(folder, 1, 'file:///var/task/large-module.mjs') || isThere(folder, 1, '/var/task/large-module.mjs'),
    variables: Object.keys(process.env).filter((name) => /COMPILE|CACHE/.test(name)),
    execArgv: process.execArgv,
    tmp: readdirSync('/tmp').filter((name) => name !== 'lost+found'),
    task: readdirSync('/var/task').sort(),
    write: folder && attempt(() => writeFileSync(folder + '/00000000', '')),
    writeBeside: attempt(() => writeFileSync('/var/cache/beside', '')),
    replace: folder && attempt(() => readdirSync(folder).forEach((name) => writeFileSync(folder + '/' + name, ''))),
    value: require('./large.cjs').name7.key7,
  };
};
`;
const COMMON = {
  'seen.cjs': SEEN,
  'large.cjs': LARGE,
  'index.cjs': `require('./large.cjs'); const { seen } = require('./seen.cjs'); exports.handler = async () => seen();`,
};
const ES_MODULE = {
  'seen.cjs': SEEN,
  'large.cjs': LARGE,
  'large-module.mjs': LARGE_MODULE,
  'index.mjs': `import * as large from './large-module.mjs'; import s from './seen.cjs';
export const handler = async () => ({ ...s.seen(), imported: large.name7.key7 });`,
};

interface Seen {
  readonly folder?: string;
  readonly large: boolean;
  readonly module: boolean;
  readonly variables: readonly string[];
  readonly execArgv: readonly string[];
  readonly tmp: readonly string[];
  readonly task: readonly string[];
  readonly write?: string;
  readonly writeBeside: string;
  readonly replace?: string;
  readonly value: string;
  readonly imported?: string;
}

async function deploy(
  client: LambdaClient,
  name: string,
  files: Readonly<Record<string, string>>,
  settings: Partial<CreateFunctionCommandInput> = {},
): Promise<void> {
  const Code = { ZipFile: await zipOf(files) };
  const own = { FunctionName: name, Runtime: 'nodejs24.x' as const, Handler: 'index.handler', Code, ...settings };
  await client.send(new CreateFunctionCommand({ Role: 'arn:aws:iam::000000000000:role/any', ...own }));
  await waitUntilFunctionActiveV2({ client, ...poll }, { FunctionName: name });
}

async function invoke<T = Seen>(client: LambdaClient, name: string): Promise<{ seen: T; log: string }> {
  const answer = await client.send(new InvokeCommand({ FunctionName: name, LogType: 'Tail' }));
  const text = Buffer.from(answer.Payload ?? []).toString();
  assert.equal(answer.FunctionError, undefined, text);
  return { seen: JSON.parse(text), log: Buffer.from(answer.LogResult ?? '', 'base64').toString() };
}

/** The next invoke begins a new environment. */
async function renew(client: LambdaClient, name: string, variables: Record<string, string> = {}): Promise<void> {
  const Environment = { Variables: { TIMES: String(performance.now()), ...variables } };
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Environment }));
  await waitUntilFunctionUpdatedV2({ client, ...poll }, { FunctionName: name });
}

/** Waits until code was compiled so often. */
async function compiled(server: TestServer, outcome: 'made' | 'none', times: number): Promise<void> {
  for (const end = performance.now() + WAIT_MS_MAX; ; await sleep(LOOK_MS)) {
    const page = await metricsPage(server.url);
    if (page.includes(`lambdad_compile_runs_total{outcome="${outcome}"} ${times}\n`)) return;
    assert.ok(performance.now() < end, page.match(/^lambdad_compil.*$/gm)?.join('\n'));
  }
}

async function withServer(use: (server: TestServer) => Promise<void>, options: Parameters<typeof startTestServer>[0]) {
  const server = await startTestServer(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

function filesOf(dataDir: string): string[] {
  const folder = join(dataDir, 'compiled');
  return readdirSync(folder).flatMap((name) => {
    const files = join(folder, name, 'compiled');
    return readdirSync(files).map((file) => join(files, file));
  });
}

for (const [way, args] of [
  ['that waited for it', []],
  ['begun for it', ['--prestart', '0']],
] as const)
  test(`a process ${way} finds its code compiled the second time`, { skip }, async () => {
    await withServer(
      async (server) => {
        const client = server.client();
        for (const [name, files] of Object.entries({ common: COMMON, module: ES_MODULE })) {
          await deploy(client, name, files);
          const first = await invoke(client, name);
          assert.equal(first.seen.folder, undefined);
          await compiled(server, 'made', name === 'common' ? 1 : 2);
          await renew(client, name);
          const { seen, log } = await invoke(client, name);
          assert.match(seen.folder ?? '', /^\/var\/cache\/v24\./);
          assert.equal(seen.large, true);
          assert.equal(seen.module, name === 'module');
          // Besides that nothing tells.
          const { folder: _folder, large: _large, module: _module, write, replace, ...others } = seen;
          const { large: _none, module: _neither, ...before } = first.seen;
          assert.deepEqual(others, before);
          assert.deepEqual([write, replace, seen.writeBeside], ['EROFS', 'EROFS', 'EROFS']);
          assert.deepEqual([seen.variables, seen.tmp], [[], []]);
          assert.equal(log.match(/large runs/g)?.length, 1);
        }
      },
      { args },
    );
  });

test('as an ordinary user too', { skip: inFullOnly || skipUser }, async () => {
  await withServer(
    async (server) => {
      const client = server.client();
      await deploy(client, 'common', COMMON);
      await invoke(client, 'common');
      await compiled(server, 'made', 1);
      await renew(client, 'common');
      const { seen } = await invoke(client, 'common');
      assert.deepEqual([seen.large, seen.write, seen.value], [true, 'EROFS', 'value 7']);
    },
    { asUser: nobody },
  );
});

test('each account, function and memory has its own', { skip }, async () => {
  await withServer(async (server) => {
    const [mine, theirs] = ['111111111111', '222222222222'].map((accessKeyId) =>
      server.client({ credentials: { accessKeyId, secretAccessKey: 'x' } }),
    ) as [LambdaClient, LambdaClient];
    await deploy(mine, 'common', COMMON);
    await invoke(mine, 'common');
    await compiled(server, 'made', 1);
    await deploy(theirs, 'common', COMMON);
    assert.equal((await invoke(theirs, 'common')).seen.folder, undefined);
    await compiled(server, 'made', 2);
    await deploy(mine, 'other', COMMON, { MemorySize: 1024 });
    assert.equal((await invoke(mine, 'other')).seen.folder, undefined);
    await compiled(server, 'made', 3);
    assert.equal(readdirSync(join(server.dataDir, 'compiled')).length, 3);
  }, {});
});

test('damaged, cut, foreign or missing files cost nothing but time', { skip }, async () => {
  await withServer(async (server) => {
    const client = server.client();
    await deploy(client, 'common', COMMON);
    await invoke(client, 'common');
    await compiled(server, 'made', 1);
    const files = filesOf(server.dataDir);
    const whole = files.map((file) => readFileSync(file));
    const damages: readonly ((file: string, at: number) => void)[] = [
      (file, at) => writeFileSync(file, whole[at]?.map((byte, index) => (index > 20 ? byte ^ 0x55 : byte)) ?? ''),
      (file, at) => writeFileSync(file, whole[at]?.subarray(0, whole[at].length / 2) ?? ''),
      (file, at) => writeFileSync(file, whole[(at + 1) % whole.length] ?? ''),
      (file) => writeFileSync(file, 'nothing that Node has written'),
      (file) => rmSync(file, { force: true }),
    ];
    await Promise.all(files.map((file) => chmod(file, 0o644)));
    // Each file meets each of them in turn: so many environments as there are files.
    for (let round = 0; round < files.length; round++) {
      for (const [at, file] of files.entries()) damages[(at + round) % damages.length]?.(file, at);
      await renew(client, 'common');
      const { seen } = await invoke(client, 'common');
      assert.equal(seen.value, 'value 7');
      assert.notEqual(seen.folder, undefined);
    }
  }, {});
});

test('a server that was killed keeps what was whole', { skip }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-compiled-'));
  try {
    const first = await startTestServer({ dataDir });
    try {
      await deploy(first.client(), 'common', COMMON);
      await invoke(first.client(), 'common');
      await compiled(first, 'made', 1);
    } finally {
      await first.kill();
    }
    const folder = join(dataDir, 'compiled');
    const kept = readdirSync(folder);
    mkdirSync(join(folder, `${'0'.repeat(64)}.partial`, 'compiled'), { recursive: true });
    await withServer(
      async (server) => {
        assert.deepEqual(readdirSync(folder), kept);
        const { seen } = await invoke(server.client(), 'common');
        assert.equal(seen.large, true);
      },
      { dataDir },
    );
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("what a function does with Node's cache itself goes as ever", { skip }, async () => {
  const own = `require('./large.cjs'); const node = require('node:module');
exports.handler = async () => {
  const before = node.getCompileCacheDir();
  return { before, result: node.enableCompileCache('/tmp/own').status, after: node.getCompileCacheDir() };
};`;
  await withServer(async (server) => {
    const client = server.client();
    await deploy(client, 'own', { 'large.cjs': LARGE, 'index.cjs': own });
    const first = await invoke<Record<string, unknown>>(client, 'own');
    await compiled(server, 'none', 1);
    await renew(client, 'own');
    const second = await invoke<Record<string, unknown>>(client, 'own');
    const enabled = 1;
    for (const { seen } of [first, second]) {
      assert.deepEqual([seen['before'], seen['result']], [undefined, enabled]);
      assert.match(String(seen['after']), /^\/tmp\/own\//);
    }

    await deploy(client, 'common', COMMON);
    await invoke(client, 'common');
    await compiled(server, 'made', 1);
    await renew(client, 'common', { NODE_COMPILE_CACHE: '/tmp/by-variable' });
    const { seen } = await invoke(client, 'common');
    assert.match(seen.folder ?? '', /^\/tmp\/by-variable\//);
  }, {});
});

test('a small function has none', { skip }, async () => {
  await withServer(async (server) => {
    const client = server.client();
    await deploy(client, 'small', { 'index.mjs': 'export const handler = async () => ({});' });
    await invoke(client, 'small');
    await compiled(server, 'none', 1);
    assert.deepEqual(readdirSync(join(server.dataDir, 'compiled')), []);
  }, {});
});
