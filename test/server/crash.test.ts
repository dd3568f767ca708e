/** kill -9 at any moment: what was acknowledged is there afterwards, whole, and what was left unfinished is taken up. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  GetAliasCommand,
  GetFunctionCommand,
  type LambdaClient,
  PublishVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const ROUNDS = 5;
const KILL_AFTER_MS_MAX = 400;
const SEED = 20_151;

const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-crash-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** What the server acknowledged: function name → the description it had then. */
const acknowledged = new Map<string, string>();
const aliases = new Map<string, string>();

/** Writes until the server is gone; every answer that arrives is noted. */
async function write(client: LambdaClient, round: number, writer: number): Promise<void> {
  const Role = 'arn:aws:iam::000000000000:role/test';
  try {
    for (let i = 0; ; i++) {
      const FunctionName = `f-${round}-${writer}-${i}`;
      const ZipFile = await zipOf({ 'index.mjs': `export const handler = async () => '${FunctionName}';` });
      const code = { Runtime: 'nodejs24.x', Handler: 'index.handler', Code: { ZipFile } } as const;
      await client.send(new CreateFunctionCommand({ FunctionName, Role, Description: 'created', ...code }));
      acknowledged.set(FunctionName, 'created');
      await waitUntilFunctionActiveV2({ client, maxWaitTime: 2, minDelay: 0.01, maxDelay: 0.05 }, { FunctionName });
      await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: 'changed' }));
      acknowledged.set(FunctionName, 'changed');
      const { Version } = await client.send(new PublishVersionCommand({ FunctionName }));
      await client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: Version }));
      aliases.set(FunctionName, Version ?? '');
    }
  } catch {
    // The server is gone, or an update was still in progress: this writer has done its part.
  }
}

test('nothing that was acknowledged is lost', { timeout: 120_000 }, async () => {
  const random = randomFromSeed(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startTestServer({ dataDir });
    const client = server.client({ maxAttempts: 1 });
    const writers = Array.from({ length: 3 }, (_, writer) => write(client, round, writer));
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * KILL_AFTER_MS_MAX));
    await server.kill();
    await Promise.all(writers);
  }
  assert.ok(acknowledged.size >= ROUNDS, `${acknowledged.size} functions were acknowledged`);
  const server = await startTestServer({ dataDir });
  try {
    const client = server.client();
    for (const [FunctionName, description] of acknowledged) {
      const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName }));
      // A change that was on its way when the server was killed may have been stored without being acknowledged.
      const allowed = description === 'created' ? ['created', 'changed'] : ['changed'];
      assert.ok(allowed.includes(Configuration?.Description ?? ''), `${FunctionName}: ${Configuration?.Description}`);
      await waitUntilFunctionActiveV2({ client, maxWaitTime: 20, minDelay: 0.05, maxDelay: 0.1 }, { FunctionName });
    }
    for (const [FunctionName, version] of aliases) {
      const { FunctionVersion } = await client.send(new GetAliasCommand({ FunctionName, Name: 'live' }));
      assert.equal(FunctionVersion, version);
    }
    const [name = ''] = acknowledged.keys();
    assert.equal((await invokeFunction(client, name)).payload, name);
  } finally {
    await server.stop();
  }
});

test('a killed server leaves no process of a function behind', { skip: process.platform !== 'linux' }, async () => {
  const server = await startTestServer();
  const client = server.client();
  const mark = `mark-${process.pid}-${Date.now()}`;
  await createFunction(client, 'busy', {
    Environment: { Variables: { MARK: mark } },
    files: { 'index.mjs': 'export const handler = async () => process.pid;' },
  });
  await invokeFunction(client, 'busy');
  const marked = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && hasMark(pid, mark));
  assert.equal(marked().length, 1);
  await server.kill();
  const deadline = performance.now() + 10_000;
  // The kernel ends the processes one after the other: wait until the last one is gone.
  while (marked().length > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(marked(), []);
});

function hasMark(pid: string, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
  } catch {
    return false;
  }
}
