/** A function that was made under the name of a deleted one gets nothing of what waited for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  DeleteFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { type PrivatePostgres, startPostgres, withoutPostgres } from '../support/postgres.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Ledger, startLedger, tellingFunction } from './ledger.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function';

const WAYS = [
  ['while the server runs', false],
  ['and the server is killed before anybody looks', true],
] as const;

function successorSuite(makeDatabase: () => Promise<{ readonly args: readonly string[] }>): void {
  let dataDir: string;
  let args: readonly string[];
  let ledger: Ledger;
  let server: TestServer;
  let client: LambdaClient;

  const start = async () => {
    server = await startTestServer({ dataDir, args: ['--sandbox', 'process', '--test-clock', ...args] });
    client = server.client({ maxAttempts: 1 });
  };

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-successor-'));
    ({ args } = await makeDatabase());
    ledger = await startLedger();
    await start();
  });

  after(async () => {
    await server?.stop();
    await ledger?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const create = (name: string) => createFunction(client, name, { files: tellingFunction(ledger.url) });

  const send = (FunctionName: string, event: unknown) =>
    client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));

  async function advance(seconds: number): Promise<void> {
    const answer = await fetch(`${server.url}/_lambdad/clock?advanceSeconds=${seconds}`, { method: 'POST' });
    assert.equal(answer.status, 200);
  }

  /** All outcomes of `name` are told to the function that hears. */
  async function tell(name: string, hears: string): Promise<void> {
    const to = { Destination: `${ARN}:${hears}` };
    const DestinationConfig = { OnSuccess: to, OnFailure: to };
    await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, DestinationConfig }));
  }

  for (const [way, kill] of WAYS)
    it(`events of a function that is made anew ${way} are dropped`, async () => {
      const [name, hears] = kill ? ['killed', 'killed-hears'] : ['made', 'made-hears'];
      await create(name);
      await create(hears);
      ledger.judge = ({ functionName }) => (functionName === name ? { error: 'not now' } : {});
      await send(name, 'old, and tried once');
      await ledger.runsOf(name, 1);
      await client.send(new DeleteFunctionCommand({ FunctionName: name }));
      await create(name);
      await tell(name, hears);
      if (kill) {
        await server.kill();
        await start();
      }
      ledger.judge = () => ({});
      await advance(60);
      await advance(3600);
      await send(name, 'new');
      await ledger.runsOf(hears, 1);
      await advance(0);
      const told = ledger.entries.filter(({ functionName }) => functionName === name).map(({ event }) => event);
      assert.deepEqual(told, ['old, and tried once', 'new']);
      const [heard, ...more] = ledger.entries.filter(({ functionName }) => functionName === hears);
      assert.equal((heard?.event as { requestPayload: unknown } | undefined)?.requestPayload, 'new');
      assert.deepEqual(more, []);
    });
}

describe('a deleted function with a successor', { timeout: 120_000 }, () => {
  successorSuite(async () => ({ args: [] }));
});

describe('a deleted function with a successor on PostgreSQL', { skip: withoutPostgres, timeout: 120_000 }, () => {
  let postgres: PrivatePostgres;
  successorSuite(async () => {
    postgres = await startPostgres();
    return { args: ['--database', await postgres.createDatabase('successor')] };
  });
  after(() => postgres?.remove());
});
