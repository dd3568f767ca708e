import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GetFunctionCommand, PublishVersionCommand } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { PASSWORD, type PrivatePostgres, startPostgres, withoutPostgres } from '../support/postgres.ts';
import { startTestServer } from '../support/server.ts';

const files = { 'index.mjs': 'export const handler = async () => 7;\n' };

describe('a server on PostgreSQL', { skip: withoutPostgres, timeout: 120_000 }, () => {
  let postgres: PrivatePostgres;
  let url: string;
  let dataDir: string;

  before(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase('functions');
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-on-pg-'));
  });
  after(async () => {
    await postgres.remove();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** Starts in the data folder or refuses; the password stands in the environment, where `ps` does not show it. */
  const start = (env = { LAMBDAD_DATABASE: url }, dir = dataDir) => startTestServer({ dataDir: dir, env });

  it('keeps functions over its own restart and over one of the database', async () => {
    const first = await start();
    assert.match(first.stdout(), /^records: {2}database functions at /m);
    await createFunction(first.client(), 'kept', { files });
    assert.equal((await invokeFunction(first.client(), 'kept')).payload, 7);

    await postgres.stop('fast');
    const asked = first.client().send(new PublishVersionCommand({ FunctionName: 'kept' }));
    await postgres.start();
    assert.equal((await asked).Version, '1');
    await first.kill();

    const second = await start();
    const found = await second.client().send(new GetFunctionCommand({ FunctionName: 'kept', Qualifier: '1' }));
    assert.equal(found.Configuration?.State, 'Active');
    assert.equal((await invokeFunction(second.client(), 'kept')).payload, 7);
    for (const server of [first, second])
      for (const said of [server.stdout(), server.stderr()]) assert.ok(!said.includes(PASSWORD));
    await second.stop();
  });

  it('refuses what would part records and packages, in one line', async () => {
    const refuses = async (env: Record<string, string>, dir: string, text: RegExp) => {
      await assert.rejects(start(env as { LAMBDAD_DATABASE: string }, dir), text);
    };
    await refuses({}, dataDir, /ended with 1 [^\n]*\n[^\n]*keeps its records in PostgreSQL: --database is missing/);
    const other = mkdtempSync(join(tmpdir(), 'lambdad-other-'));
    await refuses({ LAMBDAD_DATABASE: url }, other, /its records belong to another data folder/);
    const fresh = await postgres.createDatabase('fresh');
    await refuses({ LAMBDAD_DATABASE: fresh }, dataDir, /the data folder keeps its records in another database/);
    await (await start({} as { LAMBDAD_DATABASE: string }, other)).stop();
    await refuses({ LAMBDAD_DATABASE: fresh }, other, /keeps its records in \S+: --database needs another --data/);
    rmSync(other, { recursive: true });
  });

  it('ends, with 1 and a line that says why, when another server takes its database', async () => {
    const server = await start();
    // As when the connection breaks and another server is quicker: its coming counts the epoch on.
    await postgres.query(
      'functions',
      `UPDATE lambdad.server SET epoch = epoch + 1;
       SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lambdad writer %'`,
    );
    assert.equal((await server.exited).code, 1);
    assert.match(server.stderr(), /^[^\n]*database functions at [^\n]*: another lambdad has taken it over$/m);
  });

  it('repeats no part of a URL that it refuses', () => {
    const secret = 'hush-hush';
    for (const words of [[`--database=mysql://u:${secret}@h/d`], [`postgres://u:${secret}@h/d`]]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/lambdad.mjs', 'start', ...words], {
        encoding: 'utf8',
      });
      assert.equal(status, 1);
      assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
    }
  });
});
