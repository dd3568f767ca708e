// What a stranger gets: the package is packed, installed elsewhere, and used through its command alone.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { inFullOnly } from './proof/extent.ts';
import { root } from './support/source-tree.ts';
import { zipOf } from './support/zip.ts';

const GREETER = "exports.handler = async (event) => 'Hello, ' + event.name + '!';";
const TOOL_MS_MAX = 4 * 60_000;
const READY_MS_MAX = 30_000;

/** The machine as it is outside `npm test`: without npm's settings and without this checkout's programs on the PATH. */
function strangerEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|INIT_CWD)/i.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((part) => !part.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

function run(command: string, args: readonly string[], cwd: string): string {
  const tool = spawnSync(command, args, { cwd, env: strangerEnvironment(), encoding: 'utf8', timeout: TOOL_MS_MAX });
  assert.equal(tool.status, 0, `${command} ${args.join(' ')}\n${tool.error ?? ''}${tool.stdout}${tool.stderr}`);
  return tool.stdout;
}

let dir: string;
let installed: string;
let command: string;
let packed: string[];

describe('the package', { skip: inFullOnly }, () => {
  before(
    () => {
      dir = mkdtempSync(join(tmpdir(), 'lambdad-package-'));
      const report = JSON.parse(
        run('npm', ['pack', '--json', '--pack-destination', dir], root).replace(/^[^[{]*(?=[[{])/, ''),
      );
      const [entry] = (Array.isArray(report) ? report : Object.values(report)) as [
        { filename: string; files: { path: string }[] },
      ];
      packed = entry.files.map((file) => file.path);
      const home = join(dir, 'home');
      mkdirSync(home);
      writeFileSync(join(home, 'package.json'), '{"private":true}');
      const flags = ['--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
      run('npm', ['install', ...flags, join(dir, entry.filename)], home);
      installed = join(home, 'node_modules', 'lambdad');
      command = join(home, 'node_modules', '.bin', 'lambdad');
    },
    { timeout: TOOL_MS_MAX },
  );
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('the package holds what runs and nothing else', () => {
    const tops = new Set(packed.map((path) => path.split('/')[0]));
    const expected = [
      'bin',
      'dist',
      'native',
      'runtimes',
      'package.json',
      'README.md',
      'LICENSE',
      'NOTICE',
      'CHANGELOG.md',
    ];
    assert.deepEqual([...tops].sort(), expected.sort());
    for (const path of ['bin/lambdad.mjs', 'dist/cli/main.js', 'dist/main.js', 'native/bin/linux-x64/lambdad-sandbox'])
      assert.ok(packed.includes(path), path);
    assert.deepEqual(
      packed.filter((path) => /\.ts$|\.test\.|__pycache__|\.(c|h)$/.test(path)),
      [],
    );
  });

  test('the command says its version and helps', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.match(run(command, ['--version'], dir), new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`));
    const help = run(command, ['--help'], dir);
    for (const name of ['start', 'deploy', 'invoke', 'logs', 'doctor']) assert.match(help, new RegExp(`\\b${name}\\b`));
  });

  test('the server of the package runs a function and ends cleanly', async () => {
    const args = ['start', '--port', '0', '--data', join(dir, 'data'), '--cache', join(dir, 'cache')];
    const server = spawn(command, args, { cwd: dir, env: strangerEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => server.once('close', (code, signal) => resolve({ code, signal })));
    try {
      const endpoint = await listening(server);
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      const client = new LambdaClient({ endpoint, region: 'us-east-1', credentials });
      await client.send(
        new CreateFunctionCommand({
          FunctionName: 'hello',
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: 'arn:aws:iam::000000000000:role/any',
          Code: { ZipFile: await zipOf({ 'index.js': GREETER }) },
        }),
      );
      await waitUntilFunctionActiveV2({ client, maxWaitTime: 30, minDelay: 1 }, { FunctionName: 'hello' });
      const answer = await client.send(new InvokeCommand({ FunctionName: 'hello', Payload: '{"name":"you"}' }));
      assert.match(Buffer.from(answer.Payload ?? []).toString(), /Hello, you!/);
      client.destroy();
      server.kill('SIGTERM');
      assert.deepEqual(await ended, { code: 0, signal: null });
      assert.ok(!existsSync(join(installed, 'src')));
    } finally {
      server.kill('SIGKILL');
    }
  });
});

/** The URL that the server announces. Rejects with what it said instead. */
async function listening(server: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  const timer = setTimeout(() => reject(new Error(`no server: ${said}`)), READY_MS_MAX);
  for (const stream of [server.stdout, server.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /listening on (http:\S+)/.exec(said)?.[1];
      if (url) resolve(url);
    });
  server.once('close', () => reject(new Error(`the server ended: ${said}`)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
