/** What remains of sandboxes when their server is killed: nothing, at once or after its next start. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { identityOf } from '../../src/sandboxes/linux/linux-sandbox.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer } from '../support/server.ts';
import { canMakeSandboxes, groupsNamed } from './linux-port.ts';

const skip = skipUnless(canMakeSandboxes, 'Linux, as root');
const GONE_MS_MAX = 20_000;
const LOOK_MS = 20;
const HANDLER = `
import fs from 'node:fs';
export const handler = () => { fs.writeFileSync('/tmp/notes', 'x'.repeat(1e6)); return process.pid; };
`;

/** Loop devices whose file is in the folder, though without a name there. */
function disksIn(folder: string): string[] {
  return readdirSync('/sys/block').filter((name) => {
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').startsWith(folder);
    } catch {
      return false;
    }
  });
}

async function untilNone(what: () => string[]): Promise<void> {
  for (const startedAt = performance.now(); what().length > 0; await wait(LOOK_MS))
    assert.ok(performance.now() - startedAt < GONE_MS_MAX, `left: ${what().join(' ')}`);
}

test('a server that is killed leaves no disk, and its next start no control group', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-leftovers-'));
  const dataDir = join(folder, 'data');
  const server = await startTestServer({ dataDir });
  try {
    const client = server.client();
    await createFunction(client, 'writer', { files: { 'index.mjs': HANDLER } });
    assert.equal((await invokeFunction(client, 'writer')).error, undefined);
    const groups = () => groupsNamed(`lambdad-${identityOf(join(dataDir, 'run', 'linux'))}-`);
    assert.ok(groups().length > 0);
    if (server.stdout().includes('/tmp on disk')) assert.ok(disksIn(folder).length > 0);
    await server.kill();
    await untilNone(() => disksIn(folder));
    const left = groups();
    const next = await startTestServer({ dataDir });
    const still = groups().filter((path) => left.includes(path));
    await next.stop();
    assert.deepEqual(still, []);
    assert.deepEqual(groups(), []);
    await untilNone(() => disksIn(folder));
  } finally {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
