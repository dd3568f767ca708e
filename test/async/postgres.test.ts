/** Asynchronous invokes whose queue is in PostgreSQL: the same promises, over a kill of the server and of the database. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { type PrivatePostgres, startPostgres, withoutPostgres } from '../support/postgres.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Ledger, startLedger, tellingFunction } from './ledger.ts';

describe('asynchronous invokes on PostgreSQL', { skip: withoutPostgres, timeout: 120_000 }, () => {
  let postgres: PrivatePostgres;
  let ledger: Ledger;
  let dataDir: string;
  let database: string;
  let server: TestServer;
  let client: LambdaClient;

  const start = async () => {
    server = await startTestServer({ dataDir, args: ['--database', database, '--sandbox', 'process', '--test-clock'] });
    client = server.client();
  };

  before(async () => {
    postgres = await startPostgres();
    ledger = await startLedger();
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-async-pg-'));
    database = await postgres.createDatabase('queue');
    await start();
  });
  after(async () => {
    await server?.stop();
    await ledger?.close();
    await postgres?.remove();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const send = (event: unknown) =>
    client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event', Payload: JSON.stringify(event) }));

  async function advance(seconds: number): Promise<void> {
    const answer = await fetch(`${server.url}/_lambdad/clock?advanceSeconds=${seconds}`, { method: 'POST' });
    assert.equal(answer.status, 200);
  }

  it('are accepted, tried again, and outlive a kill', async () => {
    await createFunction(client, 'f', { files: tellingFunction(ledger.url) });
    ledger.judge = () => ({ error: 'not now' });
    const large = 'x'.repeat(200_000);
    const { StatusCode, $metadata } = await send(large);
    assert.equal(StatusCode, 202);
    await ledger.runsOf('f', 1);
    await advance(0);
    await server.kill();
    await start();
    ledger.judge = () => ({});
    await advance(60);
    const runs = await ledger.runsOf('f', 2);
    for (const { requestId, event } of runs) assert.deepEqual([requestId, event], [$metadata.requestId, large]);
    await advance(0);
    assert.deepEqual(await postgres.query('queue', 'SELECT * FROM lambdad.item'), []);
  });

  it('go on after the database was away', async () => {
    await postgres.stop('fast');
    await postgres.start();
    const before = ledger.entries.length;
    // A connection that was just lost may still refuse; a client tries again, and so does this one.
    for (;;) {
      const isAccepted = await send({ after: 'restart' }).then(
        () => true,
        () => false,
      );
      if (isAccepted) break;
    }
    const runs = await ledger.runsOf('f', before + 1);
    assert.deepEqual(runs.at(-1)?.event, { after: 'restart' });
  });
});
