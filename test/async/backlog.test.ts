/** A server that starts with a backlog: it begins with it at once, and serves meanwhile. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { randomIds } from '../../src/base/ids.ts';
import { openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { openSqliteQueue } from '../../src/databases/sqlite/event-queue.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { functionKey } from '../../src/functions/keys.ts';
import type { FunctionBody } from '../../src/functions/records.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { startLedger, tellingFunction } from './ledger.ts';

const PLACE = { account: '000000000000', region: 'us-east-1' };
const EVENTS = 10_000;
/** The promise is one second on a machine with nothing else to do; tests share theirs. */
const BEGIN_MS_MAX = 15_000;

async function fill(dataDir: string): Promise<void> {
  const folder = await openDataFolder(dataDir, randomIds);
  const metadata = await openSqliteMetadata({ path: folder.paths.database });
  const record = await metadata.get(functionKey(PLACE, 'behind'));
  const functionId = (record?.body as FunctionBody | undefined)?.functionId;
  const payloads = await openEventPayloads(folder.paths.events, randomIds);
  const queue = await openSqliteQueue({ path: folder.paths.eventDatabase, payloads });
  const nowMs = Date.now();
  const accept = (n: number) => {
    const detail = { requestId: randomIds.uuid(), functionId, traceHeader: 'Root=1-0', failures: 0, setbacks: 0 };
    const times = { bornMs: nowMs, dueMs: nowMs };
    const payload = Buffer.from(JSON.stringify(n));
    return queue.accept({ ...PLACE, functionName: 'behind', lane: 'event', ...times, detail, payload });
  };
  for (let n = 0; n < EVENTS; n += 500) await Promise.all(Array.from({ length: 500 }, (_, at) => accept(n + at)));
  await queue.close();
  await metadata.close();
  await folder.close();
}

it('10,000 events that wait are begun with as soon as the server is ready', { timeout: 180_000 }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-backlog-'));
  const ledger = await startLedger();
  const options = { dataDir, args: ['--sandbox', 'process', '--shutdown-seconds', '0'] };
  try {
    const first = await startTestServer(options);
    await createFunction(first.client(), 'behind', { files: tellingFunction(ledger.url) });
    await first.stop();
    await fill(dataDir);
    const server = await startTestServer(options);
    const readyMs = performance.now();
    const runs = await ledger.runsOf('behind', 50);
    assert.ok(performance.now() - readyMs < BEGIN_MS_MAX, `${performance.now() - readyMs} ms`);
    assert.deepEqual(
      runs.map(({ event }) => event as number).filter((n) => n >= 1000),
      [],
      'the oldest come first',
    );
    await server.kill();
  } finally {
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
