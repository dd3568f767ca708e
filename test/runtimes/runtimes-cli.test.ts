/** `lambdad runtimes`: what runs here, fetched ahead, removed again, but not from under a server. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Runtime } from '@aws-sdk/client-lambda';
import { assetPath } from '../../src/base/assets.ts';
import { readRuntimeFamilies } from '../../src/runtimes/description.ts';
import type { RuntimeState } from '../../src/runtimes/runtime-state.ts';
import { runCommand } from '../cli/run-command.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';

const TEST_MS_MAX = 60_000;
/** Says that it is Python 3.15, and does nothing else that it is asked for. */
const PYTHON = '#!/bin/sh\nif [ "$4" != "" ]; then printf "3.15.7\\n%s\\n" "$0"; fi\n';

describe('lambdad runtimes', { timeout: 300_000 }, () => {
  let home: string;
  let cacheDir: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lambdad-runtimes-'));
    cacheDir = join(home, 'cache');
    mkdirSync(join(home, 'bin'));
    writeFileSync(join(home, 'bin', 'python3.15'), PYTHON);
    chmodSync(join(home, 'bin', 'python3.15'), 0o755);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const environment = () => ({ HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin`, LAMBDAD_CACHE: cacheDir });
  const run = (...args: string[]) => runCommand(['runtimes', ...args], { env: environment() });

  async function stateOf(identifier: string): Promise<RuntimeState | undefined> {
    const { code, stdout } = await run('ls', '--json');
    assert.equal(code, 0);
    return (JSON.parse(stdout) as RuntimeState[]).find((state) => state.identifier === identifier);
  }

  it('lists every runtime with its state, version and path, or what mends it', { timeout: TEST_MS_MAX }, async () => {
    const { code, stdout, stderr } = await run();
    assert.equal(code, 0, stderr);
    const families = readRuntimeFamilies(assetPath('runtimes'));
    for (const identifier of families.flatMap(({ description }) => description.identifiers))
      assert.match(stdout, new RegExp(`^${identifier.replaceAll('.', '\\.')} +(ready|to be fetched|missing) `, 'm'));
    const own = process.versions.node;
    assert.ok(stdout.includes(`  ${own} `), 'the server runs on a Node of its own');
    assert.match(stdout, new RegExp(`^python3\\.15 +ready +3\\.15\\.7 +- +${join(home, 'bin', 'python3.15')}`, 'm'));
    const missing = (JSON.parse((await run('--json')).stdout) as RuntimeState[]).filter(
      ({ state }) => state === 'missing',
    );
    for (const { identifier, mend } of missing) {
      const text = mend[0] ?? 'not for this machine';
      assert.match(stdout, new RegExp(`^${identifier} .*${text}`, 'm'));
    }
  });

  it('fetches ahead what functions would wait for, and removes it again', { timeout: TEST_MS_MAX }, async () => {
    assert.equal((await stateOf('python3.15'))?.cacheBytes, 0);
    const installed = await run('install', 'python3.15');
    assert.equal(installed.code, 0, installed.stderr);
    assert.equal(installed.stdout, 'python3.15 is ready: 3.15.7\n');
    const state = await stateOf('python3.15');
    assert.ok((state?.cacheBytes ?? 0) > 0);
    assert.deepEqual(state?.unfetched, []);
    const removed = await run('rm', 'python3.15', 'provided.al2023');
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal(
      removed.stdout,
      'python3.15: removed from the cache\nprovided.al2023: the cache holds nothing of it\n',
    );
    assert.equal((await stateOf('python3.15'))?.cacheBytes, 0);
    for (const name of ['artefacts', 'runtimes'].filter((each) => existsSync(join(cacheDir, each))))
      assert.deepEqual(readdirSync(join(cacheDir, name)), []);
  });

  it('says why a runtime cannot be had, and goes on with the others', { timeout: TEST_MS_MAX }, async () => {
    const lacking = (await stateOf('ruby4.0'))?.state === 'missing' ? 'ruby4.0' : undefined;
    const { code, stdout, stderr } = await run('install', lacking ?? 'python3.15', 'python3.15');
    assert.match(stdout, /^python3\.15 is ready/m);
    if (lacking === undefined) return;
    assert.equal(code, 1);
    assert.match(stderr, /^ruby4\.0: Ruby 4\.0 was not found on PATH.* Install it with "rbenv install 4\.0"/m);
  });

  it('leaves to a server what it uses', { timeout: TEST_MS_MAX }, async () => {
    const args = ['--cache', cacheDir];
    const server = await startTestServer({ args, env: environment() });
    try {
      await createFunction(server.client(), 'uses', {
        Runtime: 'python3.15' as Runtime,
        Handler: 'app.handler',
        files: { 'app.py': '' },
      });
      const refused = await run('rm', 'python3.15', '--json');
      assert.equal(refused.code, 1);
      const { removed, failed } = JSON.parse(refused.stdout) as { removed: unknown[]; failed: { pids: number[] }[] };
      assert.deepEqual(removed, []);
      assert.equal(failed[0]?.pids.length, 1);
      assert.ok(((await stateOf('python3.15'))?.cacheBytes ?? 0) > 0);
    } finally {
      await server.stop();
    }
    assert.equal((await run('rm', 'python3.15')).stdout, 'python3.15: removed from the cache\n');
  });

  it('refuses what it does not know', { timeout: TEST_MS_MAX }, async () => {
    for (const args of [['frob'], ['install'], ['rm'], ['ls', 'java21']])
      assert.equal((await run(...args)).code, 2, args[0]);
    const { code, stderr } = await run('install', 'cobol85');
    assert.equal(code, 1);
    assert.match(stderr, /^lambdad: lambdad has no runtime cobol85\n {2}see: lambdad runtimes ls\n$/);
  });
});
