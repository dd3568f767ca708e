/** A server that is started again on events whose files are torn: it delivers what can be read, and lives. */
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { serverSays } from '../surroundings/server-says.ts';
import { type Ledger, startLedger, tellingFunction } from './ledger.ts';

const EVENTS = 60;
const PAGE_BYTES = 4096;

describe('events that wait in torn files', { timeout: 120_000 }, () => {
  let dataDir: string;
  let ledger: Ledger;
  let server: TestServer;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-torn-'));
    ledger = await startLedger();
    await createFunction(await start(), 'work', { files: tellingFunction(ledger.url), Timeout: 300 });
    await server.stop();
  });
  afterEach(async () => {
    await server?.stop();
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<LambdaClient> {
    server = await startTestServer({ dataDir, args: ['--sandbox', 'process'] });
    return server.client();
  }

  const send = (client: LambdaClient, event: unknown) =>
    client.send(new InvokeCommand({ FunctionName: 'work', InvocationType: 'Event', Payload: JSON.stringify(event) }));

  /** Accepts events of which a few are in flight, and kills the server. */
  async function leaveWaiting(): Promise<void> {
    const client = await start();
    ledger.judge = () => new Promise(() => {});
    await send(client, 0);
    await ledger.until(() => ledger.entries.length > 0);
    for (let n = 1; n < EVENTS; n++) await send(client, n);
    await server.kill();
    ledger.judge = () => ({ result: 'done' });
  }

  /** As SQLite tells of copies of the files, which takes out of the log what is whole of it. */
  function countWaiting(): number {
    const copy = join(dataDir, 'copy.db');
    for (const end of ['', '-wal']) copyFileSync(`${dataDir}/events.db${end}`, `${copy}${end}`);
    const database = new DatabaseSync(copy);
    const count = Number(database.prepare('SELECT count(*) AS count FROM item').get()?.['count']);
    database.close();
    copyFileSync(copy, join(dataDir, 'whole.db'));
    return count;
  }

  /** Functions of a killed server may still be telling of their run when the next one starts: those began earlier. */
  const runsSince = (time: number) =>
    ledger.entries.filter(({ begunAt }) => begunAt > time).map(({ event }) => event as number | 'last');

  it('of the log: those that were synced before the tear, each once, and nothing is said', async () => {
    await leaveWaiting();
    const log = join(dataDir, 'events.db-wal');
    truncateSync(log, Math.floor(statSync(log).size * 0.7));
    const count = countWaiting();
    assert.ok(count > EVENTS / 4 && count < EVENTS, `${count}`);
    const from = Date.now();
    const client = await start();
    await send(client, 'last');
    await ledger.until(() => runsSince(from).length === count + 1);
    const expected = [...Array.from({ length: count }, (_, n) => n), 'last'];
    assert.deepEqual(new Set(runsSince(from)), new Set(expected));
    assert.equal(server.stderr(), '');
  });

  it('of the database: it is said in one line, what is left is run once, and new ones are', async () => {
    await leaveWaiting();
    countWaiting();
    const path = join(dataDir, 'events.db');
    rmSync(`${path}-wal`);
    copyFileSync(join(dataDir, 'whole.db'), path);
    const pages = Math.floor(statSync(path).size / PAGE_BYTES);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, Math.floor(pages / 2) * PAGE_BYTES);
    closeSync(file);
    for (let time = 0; time < 2; time++) {
      const from = Date.now();
      const client = await start();
      const said = new RegExp(`^lambdad: event queue ${path} was damaged .*: (\\d+) items could be read .*\n$`);
      if (time === 0) await serverSays(server, 'was damaged');
      const found = said.exec(server.stderr());
      assert.equal(found === null, time > 0, server.stderr());
      const count = Number(found?.[1] ?? 0);
      assert.ok(time > 0 || (count > EVENTS / 4 && count < EVENTS), `${count}`);
      await send(client, 'last');
      await ledger.until(() => runsSince(from).length === count + 1);
      assert.equal(new Set(runsSince(from)).size, count + 1, 'each once');
      await server.stop();
    }
  });
});
