/** A server that starts with a backlog: it begins with it at once, and serves meanwhile. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { fillBacklog } from './backlog.ts';
import { startLedger, tellingFunction } from './ledger.ts';

const EVENTS = 10_000;
/** The promise is one second on a machine with nothing else to do; tests share theirs. */
const BEGIN_MS_MAX = 15_000;

it('10,000 events that wait are begun with as soon as the server is ready', { timeout: 180_000 }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-backlog-'));
  const ledger = await startLedger();
  const options = { dataDir, args: ['--sandbox', 'process', '--shutdown-seconds', '0'] };
  try {
    const first = await startTestServer(options);
    await createFunction(first.client(), 'behind', { files: tellingFunction(ledger.url) });
    await first.stop();
    await fillBacklog(dataDir, 'behind', EVENTS);
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
