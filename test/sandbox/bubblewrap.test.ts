/** Sandboxes whose namespaces bubblewrap makes, by the whole server of an ordinary user. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findBubblewrap } from '../../src/base/bubblewrap.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { canSwitchUser, nobody } from '../support/readable-checkout.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const found = await findBubblewrap(process.env['PATH']);
const there = 'path' in found || found.lack.includes('not for root');
const skip = skipUnless(there && canSwitchUser, 'bubblewrap, and root, to become somebody else');

const LOOK = `
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
const can = (act) => { try { act(); return true; } catch { return false; } };
const status = fs.readFileSync('/proc/self/status', 'utf8');
let count = 0;
export const handler = async ({ host }) => ({
  count: ++count,
  code: fs.readdirSync('/var/task'),
  root: fs.readdirSync('/').sort().join(' '),
  processes: fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length,
  capabilities: /^CapBnd:\\s*(\\S+)/m.exec(status)[1],
  filtered: /^Seccomp:\\s*2/m.test(status),
  writesTmp: can(() => fs.writeFileSync('/tmp/notes', 'x')),
  writesRoot: can(() => fs.writeFileSync('/notes', 'x')),
  writesCode: can(() => fs.writeFileSync('/var/task/notes', 'x')),
  seesHost: can(() => fs.readdirSync(host)),
  readsSymbols: can(() => fs.readFileSync('/proc/kallsyms')),
  addresses: fs.readFileSync('/proc/net/dev', 'utf8').trim().split('\\n').length - 2,
  unshares: can(() => execFileSync('unshare', ['--user', 'true'], { stdio: 'ignore' })),
});
export const crash = () => process.exit(3);
`;

let server: TestServer;
before(async () => {
  if (skip !== false) return;
  server = await startTestServer({ asUser: nobody, args: ['--sandbox', 'bubblewrap', '--network', 'none'] });
});
after(async () => {
  if (skip === false) await server.stop();
});

test('a function runs behind the same walls, and the start line says whose they are', { skip }, async () => {
  const client = server.client();
  assert.match(server.stdout(), /^sandbox: {2}linux namespaces by bubblewrap, unprivileged/m);
  await createFunction(client, 'look', { files: { 'index.mjs': LOOK } });
  const { payload, error } = await invokeFunction(client, 'look', { host: server.dataDir });
  assert.equal(error, undefined, JSON.stringify(payload));
  assert.deepEqual(payload, {
    count: 1,
    code: ['index.mjs'],
    root: (payload as { root: string }).root,
    // Pid 1 and the runtime.
    processes: 2,
    capabilities: '0000000000000000',
    filtered: true,
    writesTmp: true,
    writesRoot: false,
    writesCode: false,
    seesHost: false,
    readsSymbols: false,
    addresses: 1,
    unshares: false,
  });
  assert.equal(((await invokeFunction(client, 'look', { host: '/x' })).payload as { count: number }).count, 2);
});

test('a function that ends itself is started again', { skip }, async () => {
  const client = server.client();
  await createFunction(client, 'crash', { files: { 'index.mjs': LOOK }, Handler: 'index.crash' });
  for (let round = 0; round < 2; round++) {
    const { payload } = await invokeFunction(client, 'crash');
    assert.match(JSON.stringify(payload), /Runtime.ExitError.*exit status 3/);
  }
});
